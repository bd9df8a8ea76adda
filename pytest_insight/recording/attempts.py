"""Combine the reports of one test, phase by phase, into results: lines of the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pytest_insight._util.report_text import Sections, new_sections
from pytest_insight.document.fast_writer import PASSED_LINE, Timestamps, encode_result
from pytest_insight.recording.reasons import Reasons, is_subtest
from pytest_insight.recording.redaction import TextPolicy

PHASES = frozenset({"setup", "call", "teardown"})
MAX_SECONDS = 1e9
"""30 years. A longer duration comes from a clock that a test has patched."""
_SubtestReport: tuple[type, ...] = tuple(filter(None, [getattr(pytest, "SubtestReport", None)]))
"""The class of pytest 9 and later; empty for pytest 8."""
_UNCOUNTED = frozenset({"failed", "subtests passed"})
"""Outcomes of subtests that pytest-rerunfailures takes out of the counts."""
_TestReport = pytest.TestReport
_Key = tuple[Any, ...]
"""Names a running test: the location of its reports, and its worker last."""


class _Counted:
    """A phase that pytest counted: the beginnings of a result."""

    __slots__ = (
        *("duration", "fields", "of_subtest", "outcome", "properties", "report", "sections"),
        "start",
    )

    def __init__(
        self, report: pytest.TestReport, outcome: str, start: float, sections: Sections
    ) -> None:
        self.report = report
        self.outcome = outcome
        self.start = start
        self.duration = report.duration
        self.sections = sections
        self.of_subtest = False
        self.fields: dict[str, str] = {}
        self.properties = b""


class _Attempt:
    """One run of one test, as far as it was reported."""

    __slots__ = ("began", "duration", "results", "sections", "seen", "start")

    def __init__(self, start: float, seen: Sections) -> None:
        self.start = start
        self.began = False  # pytest-rerunfailures may report subtests before the setup
        self.duration = 0.0
        self.results: list[_Counted] = []
        self.seen = seen
        self.sections: Sections = []  # new ones that do not belong to a result yet


class Attempts:
    """Collects the phases (setup, call, teardown) of each unfinished test.

    A phase that pytest counts (as passed, failed, ...) is a result. The duration of a phase that it
    does not count is added to a neighbouring result. So a test that passes and whose teardown fails
    has two results, as in pytest's closing line.

    Args:
        texts: what is kept of captured output.
        reasons: reads why a test did not pass.
        clock: returns seconds since 1970; tests must not be able to patch it.
        encode_name: returns a nodeid as JSON, as it is stored.
        counted_as: returns what pytest counts a report as; empty if it does not count it.
    """

    def __init__(
        self,
        texts: TextPolicy,
        reasons: Reasons,
        clock: Callable[[], float],
        encode_name: Callable[[str], bytes],
        counted_as: Callable[[pytest.TestReport], str],
    ) -> None:
        self._texts = texts
        self._reasons = reasons
        self._clock = clock
        self._counted_as = counted_as
        self._begin = clock()
        self._open: dict[_Key, _Attempt] = {}
        self._failed_teardown: _Key | None = None
        # The sections of tests that will run again: later reports repeat them.
        self._seen: dict[_Key, Sections] = {}
        # The reports of a test that so far does what most tests do: pass and print nothing.
        self._setup: pytest.TestReport | None = None
        self._call: pytest.TestReport | None = None
        self._time, self._encode_name = Timestamps().parts, encode_name

    def add(self, report: pytest.TestReport, counts: Mapping[str, list[Any]]) -> Sequence[bytes]:
        """Add one report; return the results of the test if this was its last phase.

        Args:
            report: the report of a phase.
            counts: the terminal's reports by outcome; empty without a terminal that counts.
        """
        # Most tests pass without output. Their reports are only kept until the last one, which
        # takes a third of the instructions of `_add`; no helpers here, for the same reason.
        if (
            type(report) is _TestReport
            and report.outcome == "passed"
            and not report.sections
            and not report.user_properties
        ):
            setup, call = self._setup, self._call
            if setup is None:
                if (
                    report.when == "setup"
                    and not self._open
                    and not self._seen
                    and "node" not in report.__dict__  # which the controller of xdist adds
                ):
                    self._setup = report
                    return ()
            elif report.location is not setup.location:
                pass  # all reports of one run of a test share the same object
            elif call is None:
                if report.when == "call":
                    self._call = report
                    return ()
            elif report.when == "teardown":
                not_counted, passed = counts.get(""), counts.get("passed")
                if (
                    not_counted
                    and passed
                    and not_counted[-1] is report
                    and passed[-1] is call
                    and len(not_counted) > 1
                    and not_counted[-2] is setup
                ):
                    self._setup = self._call = None
                    duration = setup.duration + call.duration + report.duration
                    if not 0 < duration < MAX_SECONDS:
                        duration = 0.0
                    minute, second = self._time(self._start(setup, duration))
                    name = self._encode_name(call.nodeid)
                    return (PASSED_LINE % (name, minute, second, duration),)
        self._add_kept()
        return self._add(report)

    def _add_kept(self) -> None:
        """Add the reports that were kept for the fast path."""
        kept = self._setup, self._call
        self._setup = self._call = None
        for report in kept:
            if report is not None:
                self._add(report)

    def _add(self, report: pytest.TestReport) -> list[bytes]:
        finished = self._end_test() if self._failed_teardown else []
        outcome = self._counted_as(report)
        node = getattr(report, "node", None)  # set by the controller of xdist
        # Not the nodeid, which a conftest may change in some of the reports.
        key = (*report.location, "" if node is None else str(node.gateway.id))
        when: str = report.when
        attempt = self._open.get(key)
        if attempt is None or (when == "setup" and attempt.began):
            # A second setup without a teardown: the test runs again (pytest-rerunfailures).
            finished += [] if attempt is None else self._results(key, attempt)
            seen = self._seen.pop(key, [] if attempt is None else attempt.seen)
            attempt = _Attempt(self._start(report, report.duration), seen)
            self._open[key] = attempt
        attempt.began = attempt.began or when == "setup"
        if report.sections:
            attempt.sections = attempt.sections + new_sections(report.sections, attempt.seen)
            attempt.seen = list(report.sections)
        if outcome:
            self._add_result(attempt, report, outcome)
        elif not is_subtest(report):  # the time of a subtest is part of its test's
            if attempt.results:
                last = attempt.results[-1]
                last.duration += report.duration
                if attempt.sections:
                    last.sections, attempt.sections = last.sections + attempt.sections, []
            else:
                attempt.duration += report.duration
        if when == "teardown" and report.failed and node is None:
            self._failed_teardown = key  # pytest calls `pytest_exception_interact` next
        elif when == "teardown" or when not in PHASES:  # xdist reports a crashed worker as "???"
            del self._open[key]
            finished += self._results(key, attempt)
        return finished

    def read_text_again(self, report: Any) -> list[bytes]:
        """Read the text of a failure again; return the results of the test if it is finished.

        Called by `pytest_exception_interact`: plugins change the text there, after it was counted.
        """
        for attempt in self._open.values():
            last = attempt.results[-1] if attempt.results else None
            if last is not None and last.report is report and last.outcome != "passed":
                last.fields = self._reasons.fields(last.report)
        return self._end_test()

    def _end_test(self) -> list[bytes]:
        """Return the results of the test whose teardown failed, if its results were not taken."""
        key, self._failed_teardown = self._failed_teardown, None
        return [] if key is None else self._results(key, self._open.pop(key))

    def finish(self) -> list[bytes]:
        """Return the results of the tests whose teardown was never reported."""
        self._add_kept()
        results = [
            result for key, attempt in self._open.items() for result in self._results(key, attempt)
        ]
        self._open.clear()
        return results

    def not_collected(self, report: pytest.CollectReport, outcome: str) -> bytes:
        """Return the result of a file that could not be collected or was skipped as a whole."""
        fields = self._reasons.fields(report)
        if self._texts.keeps_output():
            fields |= self._texts.captured_output(report.sections)
        name = self._encode_name(report.nodeid or "(collection)")
        return encode_result(name, outcome, self._time(self._clock()), 0.0, fields)

    def _start(self, report: pytest.TestReport, ago: float) -> float:
        """Return when a phase began, by our own clock if that of pytest was set during the run."""
        start, now = getattr(report, "start", 0.0), self._clock()
        return start if self._begin - 1 <= start <= now + 1 else now - _valid_duration(ago)

    def _add_result(self, attempt: _Attempt, report: pytest.TestReport, outcome: str) -> None:
        start = attempt.start if not attempt.results else self._start(report, report.duration)
        counted = _Counted(report, outcome, start, attempt.sections)
        attempt.sections = []
        if is_subtest(report):
            counted.of_subtest = isinstance(report, _SubtestReport)
        else:
            counted.duration += attempt.duration
            attempt.duration = 0.0
        if outcome != "passed":
            counted.fields = self._reasons.fields(report)
        if report.user_properties:
            counted.properties = self._texts.encode_properties(report.user_properties)
        attempt.results.append(counted)

    def _results(self, key: _Key, attempt: _Attempt) -> list[bytes]:
        counted = attempt.results
        if counted and counted[-1].outcome == "rerun":
            if attempt.seen:
                self._seen[key] = attempt.seen
            # pytest-rerunfailures takes the subtests of this attempt out of the counts.
            counted = [c for c in counted if not (c.of_subtest and c.outcome in _UNCOUNTED)]
        worker = key[-1]
        results = []
        left: Sections = []
        for each in counted:
            fields = each.fields
            sections = left + each.sections
            if self._texts.keeps_output(passed=each.outcome == "passed"):
                fields |= self._texts.captured_output(sections)
                left = []
            else:
                left = sections  # if the teardown of a pass fails, pytest shows it with the error
            if worker:
                fields["worker"] = worker
            start, duration = self._time(each.start), _valid_duration(each.duration)
            name = self._encode_name(each.report.nodeid)
            results.append(
                encode_result(name, each.outcome, start, duration, fields, each.properties)
            )
        return results


def _valid_duration(duration: float) -> float:
    """Return the duration, or 0 if it is negative, NaN or too long: a test patched the clock."""
    return duration if 0 < duration < MAX_SECONDS else 0.0
