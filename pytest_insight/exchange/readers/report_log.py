"""Read the logs of pytest-reportlog, line by line.

Each line is one report as pytest makes it, so that nearly nothing is lost. Lines of several
workers are interleaved. Captured output is cumulative: a report repeats that of earlier phases, and
a second attempt that of the first one. A log without its last line is that of a killed run.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import msgspec
from msgspec.structs import replace

from pytest_insight._util.report_text import DIED, Sections, new_sections, subtest_title
from pytest_insight._util.times import FIRST, LAST, later
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.shared.failure_repr import reason_of
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    decode,
    decoder_for,
    located,
    moment,
    pairs,
    seconds,
)
from pytest_insight.exchange.readers.shared.phases import Phase, Reason, counted_as, results_of
from pytest_insight.exchange.readers.shared.warning_counts import WarningCounts
from pytest_insight.models import TestOutcome, TestResult

TITLE = "a log of pytest-reportlog"


class _Context(msgspec.Struct):
    msg: str | None = None
    kwargs: dict[str, Any] = {}


class _Line(msgspec.Struct, rename={"report_type": "$report_type", "subtest": "_subtest.context"}):
    """A line of any type; other types and keys are skipped."""

    report_type: str
    pytest_version: str | None = None
    exitstatus: int | None = None
    nodeid: str = ""
    location: list[Any] | None = None
    outcome: str = ""
    longrepr: Any = None
    when: str | None = None
    user_properties: Any = None
    sections: list[tuple[str, str]] = []
    duration: float | None = None
    start: float | None = None
    stop: float | None = None
    wasxfail: str | None = None
    worker_id: str | None = None
    testrun_uid: str | None = None
    node: Any = None
    subtest: _Context | None = None
    category: str | None = None
    filename: str | None = None
    lineno: int | None = None
    message: Any = None


_DECODER = decoder_for(_Line)
_NODE = re.compile(r"<WorkerController (\S+)>")
_Key = tuple[str, str]
"""A running test: its nodeid and its worker."""


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the sessions of a log: one for each `SessionStart` in it.

    Raises:
        ExchangeError: a line other than the last one is broken; it names the line.
    """
    sessions: list[_Session] = []
    with located(file.source, TITLE), file.open() as stream:
        for number, line in _lines(stream):
            if not sessions or (line.report_type == "SessionStart" and not sessions[-1].is_new):
                sessions.append(_Session())
            try:
                sessions[-1].add(line)
            except InvalidValueError as exc:
                raise InvalidValueError(f"line {number:,}: {exc}") from exc
        if not sessions:
            raise InvalidValueError("it has no complete line")
        return [session.draft(file, options) for session in sessions]


def _lines(stream: BinaryIO) -> Iterator[tuple[int, _Line]]:
    """Yield the lines with their numbers; a last one that is cut is left out."""
    for number, data in enumerate(stream, 1):
        if data.isspace():
            continue
        try:
            text = data.removeprefix(BOM_UTF8) if number == 1 else data
            line = decode(text.rstrip(b"\n"), _DECODER, f"line {number:,}")
        except InvalidValueError:
            if data.endswith(b"\n"):
                raise
            return
        yield number, line


class _Attempt:
    """One run of one test, as far as it was reported."""

    def __init__(self, seen: Sections) -> None:
        self.phases: list[Phase] = []
        self.began = False  # pytest-rerunfailures may report subtests before the setup
        self.seen = seen


class _Session:
    """Collects what the lines of one session say.

    Attributes:
        is_new: whether no line was added yet.
    """

    def __init__(self) -> None:
        self.is_new = True
        self._version = ""
        self._exit_status: int | None = None
        self._results: list[TestResult] = []
        self._open: dict[_Key, _Attempt] = {}
        # The output of tests that will run again: later reports repeat it.
        self._seen: dict[_Key, Sections] = {}
        self._start, self._stop = LAST, FIRST
        self._seconds = 0.0
        self._undated = 0
        self._root = ""
        self._run = ""
        self._warnings = WarningCounts()
        self._last: list[int] = []  # positions of the results of the test that ended last
        self._in_workers = False
        self._losses = Losses()

    def add(self, line: _Line) -> None:
        """Add a line.

        Raises:
            InvalidValueError: a number or time in it cannot be.
        """
        self.is_new = False
        kind = line.report_type
        if kind in ("TestReport", "SubTestReport", "SubtestReport"):
            self._add_report(line)
        elif kind == "CollectReport":
            if line.outcome not in ("passed", ""):
                self._add_not_collected(line)
        elif kind == "WarningMessage":
            self._add_warning(line)
        elif kind == "SessionStart":
            self._version = line.pytest_version or ""
        elif kind == "SessionFinish":
            self._exit_status = line.exitstatus

    def _add_report(self, line: _Line) -> None:
        if not line.nodeid:
            raise InvalidValueError("a report has no 'nodeid'")
        worker = line.worker_id or _worker_in(line.node)
        self._in_workers = self._in_workers or bool(worker)
        self._run = self._run or line.testrun_uid or ""
        key, when = (line.nodeid, worker), line.when or ""
        attempt = self._open.get(key)
        if attempt is None or (when == "setup" and attempt.began):
            # A second setup without a teardown: the test runs again (pytest-rerunfailures).
            if attempt is not None:
                self._end(key, attempt)
            attempt = self._open[key] = _Attempt(self._seen.pop(key, []))
        attempt.began = attempt.began or when == "setup"
        attempt.phases.append(self._phase(line, when, new_sections(line.sections, attempt.seen)))
        if line.sections:
            attempt.seen = line.sections
        if when not in ("setup", "call"):  # xdist reports a crashed worker as "???"
            del self._open[key]
            self._end(key, attempt)

    def _phase(self, line: _Line, when: str, sections: Sections) -> Phase:
        is_subtest = line.report_type != "TestReport"
        expected = line.wasxfail
        outcome = counted_as(line.outcome, when, expected_to_fail=expected is not None)
        if is_subtest and outcome != "failed":
            outcome = ""  # pytest counts others only with -v
        reason = Reason()
        if line.outcome != "passed" or expected is not None:
            reason = reason_of(line.longrepr, expected or "")
            self._find_root(line)
        if is_subtest and outcome:
            context = line.subtest or _Context()
            values = ((name, str(value)) for name, value in context.kwargs.items())
            title = subtest_title(context.msg, values)
            reason = replace(reason, text=f"{title}\n{reason.text}")
        return Phase(
            when,
            outcome,
            self._time(line),
            seconds(line.duration, "duration"),
            reason,
            sections,
            pairs(line.user_properties),
            is_subtest,
        )

    def _time(self, line: _Line) -> datetime:
        """Return when a phase began, if the line says it; else the last known time, or FIRST."""
        duration = seconds(line.duration, "duration")
        self._seconds += duration
        if not line.start:  # xdist gives a crashed worker 0
            self._undated += line.when in ("setup", "call", "teardown")
            return self._stop
        start = moment(line.start, "start")
        stop = later(start, duration) if line.stop is None else moment(line.stop, "stop")
        self._start, self._stop = min(self._start, start), max(self._stop, stop)
        return start

    def _find_root(self, line: _Line) -> None:
        """Find the root folder: what comes before the test's path in the place of a failure."""
        path = line.location[0] if line.location else None
        if self._root or not isinstance(path, str) or not path:
            return
        longrepr = line.longrepr
        if isinstance(longrepr, dict):
            at = longrepr.get("reprcrash")
            found = at.get("path") if isinstance(at, dict) else None
        else:
            found = longrepr[0] if isinstance(longrepr, list) and longrepr else None
        if isinstance(found, str) and found.endswith(("/" + path, "\\" + path)):
            self._root = found.removesuffix(path)

    def _end(self, key: _Key, attempt: _Attempt) -> None:
        """Add the results of a run of a test."""
        results = results_of(key[0], attempt.phases, key[1])
        if results and results[-1].outcome == TestOutcome.RERUN:
            self._seen[key] = attempt.seen
        self._last = list(range(len(self._results), len(self._results) + len(results)))
        self._results += results

    def _add_not_collected(self, line: _Line) -> None:
        outcome = "error" if line.outcome == "failed" else line.outcome
        phase = Phase("", outcome, FIRST, 0.0, reason_of(line.longrepr), line.sections)
        self._results += results_of(line.nodeid or "(collection)", [phase])

    def _add_warning(self, line: _Line) -> None:
        self._warnings.add(line.category, line.message, line.filename, line.lineno)
        # The line has no nodeid. It follows the last report of its test, unless workers interleave.
        if line.when != "runtest":
            return
        if self._in_workers:
            self._losses.missing(Loss.NO_TEST_WARNINGS)
            return
        for position in self._last:
            self._results[position] = replace(self._results[position], has_warning=True)

    def draft(self, file: Input, options: ReadOptions) -> SessionDraft:
        """Return the session.

        Raises:
            ExchangeError: its start is not known.
        """
        losses = self._losses
        losses.missing(Loss.NO_CODE_STATE, Loss.NO_ENVIRONMENT)
        crashed = self._exit_status is None
        for (nodeid, worker), attempt in self._open.items():
            self._results += _unfinished(nodeid, worker, attempt, crashed=crashed)
        start, stop = self._start, self._stop
        if self._undated or start == LAST:
            if self._undated:
                losses.add(Loss.NO_START_TIMES, self._undated)
            if start == LAST:
                start = self._guessed_start(file, options, losses)
                stop = later(start, self._seconds)
        results = [
            replace(
                result,
                start_time=start if result.start_time == FIRST else result.start_time,
                crash=result.crash.removeprefix(self._root),
            )
            if result.crash or result.start_time == FIRST
            else result
            for result in self._results
        ]
        return SessionDraft(
            results,
            start,
            stop,
            tool=f"pytest {self._version}".strip(),
            losses=losses,
            run=self._run,
            testing_system={"pytest": self._version} if self._version else {},
            warnings=self._warnings.records(self._root),
            exit_status=self._exit_status,
            crashed=crashed,
        )

    def _guessed_start(self, file: Input, options: ReadOptions, losses: Losses) -> datetime:
        """Return the given start, else when the file was last changed less what the tests took."""
        found = options.started
        if found is None and file.modified is not None:
            found = file.modified - timedelta(seconds=min(self._seconds, 1e9))
            losses.missing(Loss.NO_START_TIMES)
        return options.start_of(found, file.source).astimezone(UTC)


def _worker_in(node: Any) -> str:
    """Return the worker that the controller of xdist names: `<WorkerController gw1>`."""
    found = _NODE.fullmatch(node) if isinstance(node, str) else None
    return found[1] if found else ""


def _unfinished(nodeid: str, worker: str, attempt: _Attempt, *, crashed: bool) -> list[TestResult]:
    """Return the results of a test that has no teardown: in a killed run, it was running."""
    phases = attempt.phases
    if crashed:
        when = "teardown" if any(phase.when == "call" for phase in phases) else "call"
        died = Phase(when, "error", later(phases[-1].start, phases[-1].duration))
        died.reason = Reason(text=DIED)
        phases = [*phases, died]
    return results_of(nodeid, phases, worker)
