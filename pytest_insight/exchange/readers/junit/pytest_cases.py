"""The results of test cases that pytest wrote, and its own oddities (`_pytest/junitxml.py`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines, read_failure
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.readers.junit.elements import Case, Child
from pytest_insight.models import TestOutcome, TestResult

_PHASE = re.compile(r'failed on (setup|teardown) with "(.*)"', re.DOTALL)
_PLACE = re.compile(r"(?P<path>[^\n]+):(?P<line>\d+): (?P<reason>.*)", re.DOTALL)
"""The text of a skip."""
_CRASH = re.compile(r"worker '\w+' crashed while running ")
"""What pytest-xdist says of a test whose worker died."""
_SUBTESTS = re.compile(r"contains \d+ failed subtests?")


def is_collection(case: Case) -> bool:
    """Return whether a case is of a module or folder that was not collected."""
    return any(
        child.attributes.get("message") in ("collection failure", "collection skipped")
        for child in case.reasons()
    )


def is_internal_error(case: Case) -> bool:
    """Return whether a case says that pytest itself failed."""
    given = case.attributes
    return given.get("classname") == "pytest" and given.get("name") == "internal"


def collection_result(case: Case, path: str, start: datetime) -> TestResult:
    """Return the result of a module or folder that was not collected."""
    child = case.reasons()[0]
    if child.kind == "skipped":
        reason = _skip_of_module(child.text)
        text, message, crash = _skip(reason, path)
        return TestResult(path, TestOutcome.SKIPPED, start, 0.0, "", message, crash, text)
    failure = read_failure(child.text)
    message = first_lines(failure.message)
    crash = _crash(failure.path, failure.line, path)
    return TestResult(path, TestOutcome.ERROR, start, 0.0, "", message, crash, child.text)


def results_of(
    case: Case, nodeid: str, start: datetime, duration: float, losses: Losses
) -> list[TestResult]:
    """Return the results of a test: one, or several with a failing teardown or failed subtests.

    Args:
        case: the test case.
        nodeid: its nodeid.
        start: the start of the session.
        duration: of the case; the main result gets it.
        losses: what is lost is counted there.
    """
    reasons = case.reasons()
    output = captured(case.children)
    properties = tuple(case.properties)
    if not reasons:
        passed = TestResult(nodeid, TestOutcome.PASSED, start, duration, properties=properties)
        return [replace(passed, **output) if output else passed]
    results = [_result(child, nodeid, start) for child in reasons]
    if len(results) > 1:
        losses.add(Loss.SUBTESTS_MERGED, len(results) - 1, nodeid)
    losses.add(Loss.XFAIL_AS_SKIP, sum(r.outcome is TestOutcome.XFAILED for r in results), nodeid)
    if results[0].phase == "teardown":  # the call's own failure is a case of its own
        passed = TestResult(nodeid, TestOutcome.PASSED, start, duration, properties=properties)
        return [passed, replace(results[0], **output), *results[1:]]
    results[-1] = replace(results[-1], duration=duration, properties=properties, **output)
    return results


def with_attempts(
    results: list[TestResult], again: Collection[str]
) -> tuple[list[TestResult], int]:
    """Return the results with the attempts before the last one as reruns, and their number.

    pytest writes a case for each attempt, and the earlier ones look as if they had passed. A
    failure in the call and an error in the teardown are two cases, too, but of one attempt.

    Args:
        results: the results of a file.
        again: the nodeids that several of them have.
    """
    if not again:
        return results, 0
    last = {result.nodeid: n for n, result in enumerate(results) if result.nodeid in again}
    failed: set[str] = set()
    kept: list[TestResult] = []
    reruns = 0
    previous: TestResult | None = None
    for number, result in enumerate(results):
        following = results[number + 1] if number + 1 < len(results) else None
        nodeid = result.nodeid
        if nodeid in again and result.outcome is TestOutcome.PASSED:
            if following is not None and _is_teardown_of(following, nodeid):
                if nodeid in failed:  # the call was a failure, not a pass
                    previous = result
                    continue
            elif number < last[nodeid]:
                reruns += 1
                result = replace(result, outcome=TestOutcome.RERUN)  # noqa: PLW2901
        elif previous is not None and _is_teardown_of(result, previous.nodeid):
            result = replace(result, duration=previous.duration)  # noqa: PLW2901
        if result.outcome is TestOutcome.FAILED:
            failed.add(nodeid)
        previous = None
        kept.append(result)
    return kept, reruns


def _is_teardown_of(result: TestResult, nodeid: str) -> bool:
    return result.nodeid == nodeid and result.phase == "teardown"


def _result(child: Child, nodeid: str, start: datetime) -> TestResult:
    message, text = child.attributes.get("message", ""), child.text
    path = nodeid.partition("::")[0]
    if child.kind == "skipped":
        kind = child.attributes.get("type", "")
        if kind == "pytest.xfail" or message == "expected test failure":  # pytest before 5.1
            return TestResult(
                nodeid, TestOutcome.XFAILED, start, 0.0, "", first_lines(message), "", message
            )
        text, message, crash = _skip(text or message, path, message)
        return TestResult(nodeid, TestOutcome.SKIPPED, start, 0.0, "", message, crash, text)
    found = _PHASE.fullmatch(message)
    phase = ""
    if found:
        phase, message = found[1], found[2]
    elif child.kind == "error":
        phase = "teardown" if "teardown" in message else "setup"
    failure = read_failure(text)
    outcome = TestOutcome.ERROR if child.kind == "error" else TestOutcome.FAILED
    if _CRASH.match(message):  # pytest counts it as failed
        outcome, phase = TestOutcome.FAILED, ""
    return TestResult(
        nodeid,
        outcome,
        start,
        0.0,
        phase,  # type: ignore[arg-type]  # one of the three
        first_lines(message or failure.message),
        _crash(failure.path, failure.line, path),
        text,
    )


def _skip(text: str, path: str, message: str = "") -> tuple[str, str, str]:
    """Return the text, message and place of a skip, as pytest shows them in other places."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return text, first_lines(message or text), ""
    reason = found["reason"].removeprefix("Skipped: ")
    shown = f"{found['path']}:{found['line']}: Skipped: {reason}"
    return shown, first_lines(message or reason), _crash(found["path"], found["line"], path)


def _skip_of_module(text: str) -> str:
    """Return the text of a skipped module as that of a skipped test; pytest writes a tuple."""
    try:
        path, line, reason = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return text
    return f"{path}:{line}: {reason}"


def _crash(path: str, line: str, nodeid_path: str) -> str:
    if not path:
        return ""
    path = path.replace("\\", "/")
    return f"{nodeid_path if path.endswith(f'/{nodeid_path}') else path}:{line}"


# Captured output --------------------------------------------------------------------------------

_HEADING = re.compile(r"^-{5,} Captured (Log|Out|Err) -{5,}$", re.MULTILINE)
_FIELDS = {"Log": "caplog", "Out": "capstdout", "Err": "capstderr"}


def captured(children: Sequence[Child]) -> dict[str, str]:
    """Return the captured output of a case as fields of a result; the log is in `system-out`.

    A later block repeats what an earlier one has.
    """
    found: dict[str, str] = {}
    for child in children:
        if child.kind not in ("system-out", "system-err"):
            continue
        before, *blocks = _HEADING.split(child.text)
        if before.strip():  # another writer's, or an old pytest's, which has no headings
            name = "Out" if child.kind == "system-out" else "Err"
            blocks = [name, f"\n{before}\n", *blocks]
        for name, block in zip(blocks[::2], blocks[1::2], strict=True):
            field, text = _FIELDS[name], block.removeprefix("\n").removesuffix("\n")
            known = found.get(field, "")
            found[field] = text if text.startswith(known) else known + text
    return {field: text for field, text in found.items() if text}
