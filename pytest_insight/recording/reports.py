"""pytest's reports of one test, phase by phase, put together to results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pytest_insight.document import is_too_deep
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.recording.texts import Sections, Texts, new_sections

PHASES = frozenset({"setup", "call", "teardown"})
_OUTCOMES = {outcome.value: outcome for outcome in TestOutcome}
_SubtestReport: tuple[type, ...] = tuple(filter(None, [getattr(pytest, "SubtestReport", None)]))
"""pytest's own, of version 9 on."""
MAX_SECONDS = 1e9
"""No test takes 30 years; what says so is a clock that a test has patched."""
_TAKEN_BACK = frozenset({"failed", "subtests passed"})
_PASSED = TestOutcome.PASSED  # looking it up in an enum costs as much as making a record
_TestReport = pytest.TestReport


class _Counted:
    """A phase that pytest counted: a result in the making."""

    __slots__ = ("duration", "fields", "of_subtest", "outcome", "sections", "start")

    def __init__(
        self, outcome: TestOutcome, start: float, duration: float, sections: Sections
    ) -> None:
        self.outcome = outcome
        self.start = start
        self.duration = duration
        self.sections = sections
        self.of_subtest = False
        self.fields: dict[str, Any] | None = None


class _Attempt:
    """What has come of one run of one test so far."""

    __slots__ = ("began", "duration", "results", "sections", "seen", "start")

    def __init__(self, start: float, seen: Sections) -> None:
        self.start = start
        self.began = False  # subtests may be reported before the setup (pytest-rerunfailures)
        self.duration = 0.0
        self.results: list[_Counted] = []
        self.seen = seen
        self.sections: Sections = []  # the new ones, until there is a result they belong to


class Attempts:
    """Collects the phases (setup, call, teardown) of each test that is under way.

    A phase that pytest counts (as passed, failed, ...) is a result. A phase that it does not count
    adds its duration to the result next to it. So a pass whose teardown fails is two results, as it
    is two in pytest's closing line.

    Args:
        texts: what is kept of the texts.
        clock: seconds since 1970; not one that a test can patch.
    """

    def __init__(self, texts: Texts, clock: Callable[[], float]) -> None:
        self._texts = texts
        self._clock = clock
        self._begin = clock()
        self._open: dict[tuple[str, str], _Attempt] = {}
        # Of a test that is run again: its reports go on to repeat the sections of earlier attempts.
        self._seen: dict[tuple[str, str], Sections] = {}
        # A test that has so far done what nearly all do, passed and printed nothing, is kept here.
        self._simple: str | None = None
        self._simple_start = self._simple_duration = 0.0
        self._simple_passed = False
        # Bound here, so that a library that patches datetime in every module does not reach it.
        self._time_at = datetime.fromtimestamp

    def add(self, report: pytest.TestReport, outcome: str) -> Sequence[TestResult]:
        """Take in one report; returns the results of the test if this was its last phase.

        Args:
            report: the phase's report.
            outcome: what pytest counts it as; empty where it does not.
        """
        facts = report.__dict__
        if (
            type(report) is _TestReport
            and not (facts["sections"] or facts["user_properties"])
            and "node" not in facts
        ):
            results = self._add_simple(report, outcome)
            if results is not None:
                return results
        if self._simple is not None:
            self._no_longer_simple(self._simple)
        return self._add(report, outcome)

    def _add_simple(self, report: pytest.TestReport, outcome: str) -> Sequence[TestResult] | None:
        """As `add`, for a test that passes and has nothing to say; None for all others.

        It costs a third of what the others cost.
        """
        nodeid, when = report.nodeid, report.when
        if when == "setup":
            key = (nodeid, "")
            if outcome or self._simple is not None or key in self._open or key in self._seen:
                return None
            self._simple, self._simple_passed = nodeid, False
            self._simple_start, self._simple_duration = self._start(report), report.duration
            return ()
        if nodeid != self._simple or self._simple_passed is (when == "call"):
            return None
        if outcome != ("passed" if when == "call" else ""):
            return None
        if when == "call":
            self._simple_passed = True
            self._simple_duration += report.duration
            return ()
        self._simple = None
        return (
            TestResult(
                self._texts.hide_name(nodeid),
                _PASSED,
                self._time_at(self._simple_start, UTC),
                _rounded(self._simple_duration + report.duration),
            ),
        )

    def _no_longer_simple(self, nodeid: str) -> None:
        attempt = self._open[nodeid, ""] = _Attempt(self._simple_start, [])
        attempt.began = True
        if self._simple_passed:
            attempt.results.append(_Counted(_PASSED, attempt.start, self._simple_duration, []))
        else:
            attempt.duration = self._simple_duration
        self._simple = None

    def _add(self, report: pytest.TestReport, outcome: str) -> list[TestResult]:
        node = getattr(report, "node", None)  # xdist's controller says where the report is from
        key = (report.nodeid, "" if node is None else str(node.gateway.id))
        when: str = report.when
        finished: list[TestResult] = []
        attempt = self._open.get(key)
        if attempt is None or (when == "setup" and attempt.began):
            # A second setup without a teardown: the test is run again (pytest-rerunfailures).
            finished = [] if attempt is None else self._finished(key, attempt)
            attempt = _Attempt(self._start(report), self._seen.pop(key, []))
            self._open[key] = attempt
        attempt.began = attempt.began or when == "setup"
        if report.sections:
            attempt.sections = attempt.sections + new_sections(report.sections, attempt.seen)
            attempt.seen = list(report.sections)
        if outcome:
            self._add_result(attempt, report, outcome)
        elif not _is_subtest(report):  # whose time is a part of its test's
            if attempt.results:
                last = attempt.results[-1]
                last.duration += report.duration
                if attempt.sections:
                    last.sections, attempt.sections = last.sections + attempt.sections, []
            else:
                attempt.duration += report.duration
        if when == "teardown" or when not in PHASES:  # xdist reports a crashed worker as "???"
            del self._open[key]
            finished += self._finished(key, attempt)
        return finished

    def unfinished(self) -> list[TestResult]:
        """The results of tests whose teardown was never reported."""
        if self._simple is not None:
            self._no_longer_simple(self._simple)
        results = [
            result for key, attempt in self._open.items() for result in self._finished(key, attempt)
        ]
        self._open.clear()
        return results

    def not_collected(self, report: pytest.CollectReport, outcome: str) -> TestResult:
        """The result of a file that could not be collected, or was skipped as a whole."""
        return TestResult(
            nodeid=self._texts.hide_name(report.nodeid) or "(collection)",
            outcome=TestOutcome(outcome),
            start_time=self._time_at(self._clock(), UTC),
            longreprtext=self._texts.clean(reason(report)),
            **(self._texts.captured(report.sections) if self._texts.keeps_output() else {}),
        )

    def _start(self, report: pytest.TestReport) -> float:
        """When the phase began; by our own clock where a test has patched pytest's."""
        start, now = getattr(report, "start", 0.0), self._clock()
        return start if self._begin - 1 <= start <= now + 1 else now - report.duration

    def _add_result(self, attempt: _Attempt, report: pytest.TestReport, outcome: str) -> None:
        known = _OUTCOMES.get(outcome)
        counted = _Counted(
            known or TestOutcome(outcome),
            attempt.start if not attempt.results else self._start(report),
            report.duration,
            attempt.sections,
        )
        attempt.sections = []
        if _is_subtest(report):
            counted.of_subtest = isinstance(report, _SubtestReport)
        else:
            counted.duration += attempt.duration
            attempt.duration = 0.0
        if known is not _PASSED or report.user_properties:
            counted.fields = self._fields(report, counted.outcome)
        attempt.results.append(counted)

    def _fields(self, report: pytest.TestReport, outcome: TestOutcome) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if outcome is not _PASSED:
            name = _subtest_name(report) if _is_subtest(report) and not report.passed else ""
            text = reason(report)
            fields["longreprtext"] = self._texts.clean(f"{name}\n{text}" if name else text)
        if report.user_properties:
            fields["properties"] = self._properties(report.user_properties)
        return fields

    def _finished(self, key: tuple[str, str], attempt: _Attempt) -> list[TestResult]:
        nodeid, worker = self._texts.hide_name(key[0]), key[1]
        counted = attempt.results
        if counted and counted[-1].outcome is TestOutcome.RERUN:
            if attempt.seen:
                self._seen[key] = attempt.seen
            # pytest-rerunfailures takes back what the subtests of this attempt have counted.
            counted = [c for c in counted if not (c.of_subtest and c.outcome in _TAKEN_BACK)]
        results = []
        left: Sections = []
        for each in counted:
            fields = each.fields or {}
            sections = left + each.sections
            if self._texts.keeps_output(passed=each.outcome is _PASSED):
                fields |= self._texts.captured(sections)
                left = []
            else:
                left = sections  # of a pass whose teardown fails: pytest shows it with the error
            results.append(
                TestResult(
                    nodeid,
                    each.outcome,
                    self._time_at(each.start, UTC),
                    _rounded(each.duration),
                    worker=worker,
                    **fields,
                )
            )
        return results

    def _properties(self, pairs: Iterable[Any]) -> tuple[tuple[str, Any], ...]:
        kept = []
        for pair in pairs:
            try:
                name, value = pair
            except (TypeError, ValueError):
                name, value = "", pair  # a plugin that keeps something else there
            kept.append(
                (
                    self._texts.hide(_text(name)),
                    self._texts.redacted(jsonable(value), self._texts.clean),
                )
            )
        return tuple(kept)


def _rounded(duration: float) -> float:
    """Whole microseconds: that is what clocks are good for, and digits are most of what is stored.

    A clock that a test has patched may have gone back, or be no number: no time then.
    """
    return int(duration * 1e6 + 0.5) / 1e6 if 0 < duration < MAX_SECONDS else 0.0


def _is_subtest(report: pytest.TestReport) -> bool:
    """A report beside those of its test: pytest's, or that of the plugin pytest-subtests."""
    return type(report) is not pytest.TestReport and hasattr(report, "context")


def _subtest_name(report: Any) -> str:
    """What tells it from others of its test: `subtest [message] (n=1)`, as pytest has it."""
    message = getattr(report.context, "msg", None)
    values = getattr(report.context, "kwargs", None) or {}
    parts = ["subtest"]
    parts += [f"[{message}]"] if message is not None else []
    # pytest 9 keeps their reprs.
    told = (f"{name}={_text(value)}" for name, value in values.items())
    parts += [f"({', '.join(told)})"] if values else []
    return " ".join(parts)


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why the test did not pass, as text: the failure as pytest shows it, or a skip's reason."""
    xfail_reason = getattr(report, "wasxfail", None)
    if isinstance(report.longrepr, tuple):
        path, line, why = report.longrepr
        text = f"{path}:{line}: {why}"
    else:
        text = report.longreprtext
    return "\n".join(part for part in (str(xfail_reason or ""), text) if part)


def jsonable(value: object) -> Any:
    """The value where JSON can hold it, else its repr: `record_property` takes anything."""
    try:
        plain = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return _text(value)
    return _text(value) if is_too_deep(plain) else plain


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception as exc:  # noqa: BLE001 - a stranger's __repr__ may fail in any way
        return f"<{type(value).__name__} whose repr() fails: {type(exc).__name__}>"
