"""Read a folder of Allure results as one session, above all those of allure-pytest.

A result has the time of the call alone; its fixtures are in containers. `broken` is any exception
other than a failed assertion, also one in a fixture. Results with the same `historyId` are
attempts at one test.
"""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines, frames_in, without_middle
from pytest_insight._util.times import FIRST
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.allure.fixtures import (
    BAD,
    find_fixtures,
    message_of,
    no_fixtures,
)
from pytest_insight.exchange.readers.allure.folder import (
    Details,
    Folder,
    Result,
    Step,
)
from pytest_insight.exchange.readers.shared.failure_repr import reason_of, shown
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    located,
    moment,
    seconds,
)
from pytest_insight.exchange.readers.shared.nodeids import Nodeids
from pytest_insight.exchange.readers.shared.phases import Reason, below_root
from pytest_insight.models import TestOutcome, TestResult

TITLE = "a folder of Allure results"
_NO_FIXTURE = "_pytest.fixtures.FixtureLookupError"
"""How the message of a test begins that asks for an unknown fixture."""
_IN_TEXT = (_NO_FIXTURE, "doctest.")
"""How messages begin that pytest words otherwise, in the text."""
_FIELDS = {"log": "caplog", "stdout": "capstdout", "stderr": "capstderr"}
"""The attachments of allure-pytest with captured output."""


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the session of a folder.

    Raises:
        ExchangeError: a file in it is not such JSON, or has a wrong value; it names both.
    """
    if file.path is None or not file.path.is_dir():
        raise ExchangeError(
            f"{file.source} is one of the results of Allure: name the folder with all of them",
            file.source,
        )
    with located(file.source, TITLE):
        return [_Session(Folder(file.path), options).draft(file.source)]


class _Session:
    """The session of a folder."""

    def __init__(self, folder: Folder, options: ReadOptions) -> None:
        self._folder = folder
        self._options = options
        self._losses = Losses()
        known = partial(options.known_nodeids, options.likely_sut())
        self._nodeids = Nodeids(known, options.likely_root())
        self._all = list(folder.results())
        for name, result in self._all:
            _check_times(result, name)
        self._fixtures = find_fixtures([result for _, result in self._all], folder.containers())

    def draft(self, source: str) -> SessionDraft:
        """Return the session.

        Raises:
            ExchangeError: its start is not known.
        """
        results: list[TestResult] = []
        for attempts in self._attempts():
            results += self._results(attempts)
        starts = [each.start_time for each in results if each.start_time != FIRST]
        start = self._options.start_of(min(starts, default=None), source).astimezone(UTC)
        dated = [_dated(each, start) for each in results]
        executor = self._folder.executor()
        losses = self._losses
        losses.missing(Loss.NO_PHASES, Loss.NO_CODE_STATE, Loss.NO_COLLECTION_ERRORS)
        losses.missing(Loss.SUBTESTS_MERGED, Loss.NO_REASONS, Loss.NO_PROPERTIES)
        losses.missing(Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS)
        losses.add(Loss.NO_START_TIMES, len(results) - len(starts))
        if not any(each.capstdout or each.capstderr or each.caplog for each in results):
            losses.missing(Loss.NO_OUTPUT)
        facts = {
            "provider": executor.type,
            "run_id": executor.build_order,
            "job": executor.build_name,
            "url": executor.build_url,
        }
        ci = {name: str(value) for name, value in facts.items() if value}
        frameworks = {result.label("framework") for _, result in self._all} - {""}
        return SessionDraft(
            dated,
            start,
            max((start, *(each.stop_time for each in dated))),
            tool=", ".join(sorted(frameworks)),
            losses=losses,
            run=executor.build_url or executor.build_name or "",
            testing_system=self._system() | ({"ci": ci} if ci else {}),
        )

    def _system(self) -> dict[str, Any]:
        hosts = {result.label("host") for _, result in self._all} - {""}
        environment = self._folder.environment()
        if not environment:
            self._losses.missing(Loss.NO_ENVIRONMENT)
        system: dict[str, Any] = {"environment": environment} if environment else {}
        return system | ({"host": hosts.pop()} if len(hosts) == 1 else {})

    def _attempts(self) -> list[list[Result]]:
        """Return the attempts at each test in time order; tests in the order of their last one.

        A folder that is not emptied between runs has the results of several: of each test those of
        the last run are taken.
        """
        groups: dict[str, list[Result]] = {}
        spans: dict[str, tuple[float, float]] = {}  # of each process, its first and last moment
        for _, result in self._all:
            key = result.history_id or result.uuid or str(id(result))
            groups.setdefault(key, []).append(result)
            process = result.label("thread")
            first, last = spans.get(process, (math.inf, 0.0))
            spans[process] = min(first, result.start or 0.0), max(last, result.stop or 0.0)
        found = []
        for group in groups.values():
            group.sort(key=lambda each: (each.start or 0.0, each.stop or 0.0))
            final = group[-1].label("thread")
            began, _ = spans[final]
            kept = [
                each
                for each in group
                if (process := each.label("thread")) == final or spans[process][1] >= began
            ]
            self._losses.add(
                Loss.DUPLICATE_CASES_MERGED, len(group) - len(kept), group[-1].name or ""
            )
            found.append(kept)
        return sorted(found, key=lambda kept: (kept[-1].stop or 0.0, kept[-1].start or 0.0))

    def _results(self, attempts: list[Result]) -> list[TestResult]:
        found = []
        nodeid = self._nodeid(attempts[-1])
        before: dict[str, str] = {}  # attachments repeat the output of earlier attempts
        for attempt in attempts:
            output = self._output(attempt, nodeid)
            new = {kind: text.removeprefix(before.get(kind, "")) for kind, text in output.items()}
            before = output
            results = self._results_of(attempt, nodeid, new)
            if attempt is not attempts[-1]:
                results = [_rerun(results)]
            found += results
        return found

    def _results_of(self, result: Result, nodeid: str, output: dict[str, str]) -> list[TestResult]:
        fixtures = self._fixtures.get(result.uuid) or no_fixtures()
        details = result.details or Details()
        message, text = details.message or "", details.trace or ""
        outcome, phase = _status(result.status, message), ""
        torn = [each for each in fixtures.afters if each.status in BAD]
        if result.status in BAD:
            if (
                message.startswith(_NO_FIXTURE)
                or message.strip() in fixtures.broken
                or any(each.status in BAD for each in fixtures.befores)
            ):
                outcome, phase = "error", "setup"
            elif any(message_of(each) == message.strip() for each in torn):
                outcome, phase, torn = "error", "teardown", []
                self._losses.add(Loss.RESULTS_MERGED, 1, nodeid)
            elif result.status == "broken" and not (fixtures.befores or fixtures.afters):
                self._losses.add(Loss.GUESSED_STATUS, 1, nodeid)
        reason = _reason(outcome, message, text)
        steps = [*fixtures.befores, *fixtures.afters]
        start = min([each.start for each in (result, *fixtures.befores) if each.start], default=0.0)
        tags = [each.value for each in result.labels or () if each.name == "tag" and each.value]
        texts: dict[str, Any] = {
            _FIELDS[kind]: without_middle(text) for kind, text in output.items() if text
        }
        results = [
            TestResult(
                nodeid,
                TestOutcome(outcome),
                moment(start / 1000, "start") if start else FIRST,
                sum(map(_seconds, (result, *steps))),
                phase,  # type: ignore[arg-type]
                message=first_lines(reason.message),
                crash=below_root(reason.crash, nodeid.partition("::")[0]),
                longreprtext=without_middle(reason.text),
                properties=tuple(("tag", tag) for tag in tags),
                **texts,
            )
        ]
        if torn and outcome != "skipped":
            results.append(_teardown_error(nodeid, torn[0], results[0]))
        self._losses.add(Loss.STEPS_LEFT, len(result.steps or ()), nodeid)
        return results

    def _output(self, result: Result, nodeid: str) -> dict[str, str]:
        found = {}
        for attachment in result.attachments or ():
            text = None
            if attachment.name in _FIELDS and attachment.type == "text/plain":
                text = self._folder.attachment(attachment.source)
            if text is None:
                self._losses.add(Loss.ATTACHMENTS_LEFT, 1, attachment.name or nodeid)
            else:
                found[attachment.name or ""] = text
        return found

    def _nodeid(self, result: Result) -> str:
        name, full = result.name or "", result.full_name or ""
        framework = result.label("framework")
        if framework not in ("", "pytest") or not (result.title_path or "#" in full):
            return full or name or "?"
        place, _, function = full.rpartition("#")
        is_plain = name == function or name.startswith(f"{function}[")
        if function and not is_plain and not name.endswith(f"::{function}"):
            name = function + _parameters(result)  # `@allure.title` has replaced the name
            self._losses.add(Loss.NODEID_GUESSED, 1, full)
        path = result.title_path or []
        files = [position for position, part in enumerate(path) if part.endswith(".py")][:1]
        if not files and name not in path:  # of a plugin: tests in other files than modules
            files = [position for position, part in enumerate(path) if "." in part][-1:]
        if files:
            end = files[0] + 1
            classes = [part for part in path[end:] if "[" not in part]  # a part of a parameter
            if name.startswith("::".join([*classes, ""])):  # a name with `::`
                classes = []
            return "::".join(["/".join(path[:end]), *classes, name])
        if path and path[-1] == name:  # a doctest in a text file
            return f"{'/'.join(path)}::{name}"
        found = self._nodeids.place(".".join(_until_parameter(place.split("."))))
        if found.guessed:
            self._losses.add(Loss.NODEID_GUESSED, 1, full)
        return found.prefix + name


def _check_times(step: Step, place: str) -> None:
    for name in ("start", "stop"):
        value = getattr(step, name)
        if value is not None:
            moment(value / 1000, f"{place}: {name}")
    if step.start is not None and step.stop is not None and step.stop < step.start:
        raise InvalidValueError(f"{place}: stop is before start")


def _seconds(step: Step) -> float:
    if step.start is None or step.stop is None:
        return 0.0
    return seconds(max(step.stop - step.start, 0.0) / 1000, "duration")


def _status(status: str | None, message: str) -> str:
    if status == "passed":
        return "xpassed" if message.startswith("XPASS") else "passed"
    if status == "skipped":
        return "xfailed" if message.startswith("XFAIL") else "skipped"
    return {"broken": "failed"}.get(status or "unknown", status or "unknown")


def _reason(outcome: str, message: str, text: str) -> Reason:
    """Return why a test did not pass; pytest's message is that of Allure with the class before."""
    if outcome == "passed":
        return Reason()
    expected = ""
    if outcome == "xfailed":
        expected, _, message = message.removeprefix("XFAIL").partition("\n\n")
        expected = expected.strip()
    elif outcome == "xpassed":
        expected, message = message.removeprefix("XPASS").strip(), ""
    found = reason_of(shown(text), expected)
    if not text:
        return Reason(expected or message, "", "\n".join(filter(None, (expected, message))))
    if expected or not message or isinstance(shown(text), list):
        return found
    if message.startswith(_IN_TEXT):
        return found
    bare = message.removeprefix("AssertionError: ")
    is_bare = repr(bare).startswith("'assert ")  # as pytest decides it (`ExceptionInfo.exconly`)
    return Reason(bare if is_bare else message, found.crash, found.text)


def _teardown_error(nodeid: str, step: Step, result: TestResult) -> TestResult:
    """Return the result of a teardown that failed after a call that failed, too."""
    trace = (step.details.trace or "") if step.details else ""
    frames = frames_in(trace)
    crash = below_root(":".join(frames[-1]), nodeid.partition("::")[0]) if frames else ""
    return TestResult(
        nodeid,
        TestOutcome.ERROR,
        moment(step.start / 1000, "start") if step.start else result.start_time,
        _seconds(step),
        "teardown",
        message=first_lines(message_of(step)),
        crash=crash,
        longreprtext=without_middle("\n".join(filter(None, (trace.rstrip(), message_of(step))))),
    )


def _rerun(results: list[TestResult]) -> TestResult:
    """Return the result of an attempt after which the test was run again."""
    return replace(results[0], outcome=TestOutcome.RERUN)


def _dated(result: TestResult, start: datetime) -> TestResult:
    return replace(result, start_time=start) if result.start_time == FIRST else result


def _parameters(result: Result) -> str:
    """Return the parameters as pytest would name them; Allure has their `repr`."""
    values = []
    for each in result.parameters or ():
        if not each.excluded and each.value is not None:
            value = each.value
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                parsed = ast.literal_eval(value) if value[:1] in "'\"" else value
                value = parsed if isinstance(parsed, str) else value
            values.append(value)
    return f"[{'-'.join(values)}]" if values else ""


def _until_parameter(parts: list[str]) -> list[str]:
    """Return the parts of a full name before one that holds the beginning of a parameter."""
    cut = next((number for number, part in enumerate(parts) if "[" in part), len(parts))
    return parts[:cut]
