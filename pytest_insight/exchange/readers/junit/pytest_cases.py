"""The results of test cases that pytest wrote, and its own oddities (`_pytest/junitxml.py`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines, read_failure
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.readers.junit.elements import Case, Child
from pytest_insight.models import TestOutcome, TestResult

_PHASE = re.compile(r'failed on (setup|teardown) with "(.*)"', re.DOTALL)
PLACE = re.compile(r"(?P<path>[^\n]+?):(?P<line>\d+): (?P<reason>.*)", re.DOTALL)
"""The text of a skip."""
_CRASH = re.compile(r"worker '\w+' crashed while running ")
"""What pytest-xdist says of a test whose worker died."""
_SHORTENED = re.compile(r"\n\[(?:\+\d+ more lines?|truncated); full report in element text\]$")
"""How pytest ends a long message, since 9.2."""


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


def collection_results(case: Case, path: str, start: datetime) -> Iterator[TestResult]:
    """Yield the results of a module or folder that was not collected, perhaps several times."""
    for child in case.reasons():
        if child.kind == "skipped":
            text, message, crash = _skip(_skip_of_module(child.text), path)
            yield TestResult(path, TestOutcome.SKIPPED, start, 0.0, "", message, crash, text)
        else:
            failure = read_failure(child.text)
            message = first_lines(failure.message)
            crash = _crash(failure.path, failure.line, path)
            yield TestResult(path, TestOutcome.ERROR, start, 0.0, "", message, crash, child.text)


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
    failures = [child.kind for child in reasons].count("failure")
    losses.add(Loss.SUBTESTS_MERGED, max(failures - 1, 0), nodeid)
    expected = [result.outcome for result in results].count(TestOutcome.XFAILED)
    losses.add(Loss.XFAIL_AS_SKIP, expected, nodeid)
    if results[0].phase == "teardown":  # the failure of the call is another case
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
    earlier: dict[str, TestResult] = {}  # attempts, with their whole output
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
        kept.append(_with_own_output(result, earlier[nodeid]) if nodeid in earlier else result)
        if result.outcome is TestOutcome.RERUN:
            earlier[nodeid] = result
    return kept, reruns


def _with_own_output(result: TestResult, earlier: TestResult) -> TestResult:
    """Return the result of an attempt without the output of earlier ones, which pytest repeats."""
    return replace(
        result,
        capstdout=result.capstdout.removeprefix(earlier.capstdout),
        capstderr=result.capstderr.removeprefix(earlier.capstderr),
        caplog=result.caplog.removeprefix(earlier.caplog).lstrip("\n"),
    )


def _is_teardown_of(result: TestResult, nodeid: str) -> bool:
    return result.nodeid == nodeid and result.phase == "teardown"


def _result(child: Child, nodeid: str, start: datetime) -> TestResult:
    message, shortened = _SHORTENED.subn("", child.attributes.get("message", ""))
    text, path = child.text, nodeid.partition("::")[0]
    if child.kind == "skipped":
        kind = child.attributes.get("type", "")
        if kind == "pytest.xfail" or message == "expected test failure":  # pytest before 5.1
            return TestResult(
                nodeid, TestOutcome.XFAILED, start, 0.0, "", first_lines(message), "", message
            )
        text, message, crash = _skip(text or message, path, message)
        return TestResult(nodeid, TestOutcome.SKIPPED, start, 0.0, "", message, crash, text)
    found = _PHASE.fullmatch(f'{message}"' if shortened else message)
    phase = ""
    if found:
        phase, message = found[1], found[2]
    elif child.kind == "error":
        phase = "teardown" if "teardown" in message else "setup"
    failure = read_failure(text)
    outcome = TestOutcome.ERROR if child.kind == "error" else TestOutcome.FAILED
    if _CRASH.match(message):  # pytest counts it as failed
        outcome, phase = TestOutcome.FAILED, ""
    if message and text.lstrip().startswith(message.strip()):  # pytest knew no exception
        message = ""
    elif shortened:
        message = _completed(message, failure.message)
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


def _completed(message: str, shown: str) -> str:
    """Return a shortened message with what the text shows of the exception."""
    lines, more = message.splitlines(), shown.splitlines()
    if lines and more and more[0].startswith(lines[0].removesuffix("...")):
        return "\n".join([more[0], *lines[1:], *more[len(lines) :]])
    return message


def _skip(text: str, path: str, message: str = "") -> tuple[str, str, str]:
    """Return the text, message and place of a skip, as pytest shows them in other places."""
    found = PLACE.fullmatch(text)
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
