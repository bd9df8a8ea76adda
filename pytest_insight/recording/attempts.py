"""pytest's reports of one test, phase by phase, put together to results: lines of the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pytest_insight.document.fast_writer import PASSED, Timestamps, result_line
from pytest_insight.recording.redaction import Sections, Texts, new_sections, text_of

PHASES = frozenset({"setup", "call", "teardown"})
_SubtestReport: tuple[type, ...] = tuple(filter(None, [getattr(pytest, "SubtestReport", None)]))
"""pytest's own, of version 9 on."""
MAX_SECONDS = 1e9
"""No test takes 30 years; what says so is a clock that a test has patched."""
_TAKEN_BACK = frozenset({"failed", "subtests passed"})
_TestReport = pytest.TestReport


class _Counted:
    """A phase that pytest counted: a result in the making."""

    __slots__ = ("duration", "fields", "of_subtest", "outcome", "properties", "sections", "start")

    def __init__(self, outcome: str, start: float, duration: float, sections: Sections) -> None:
        self.outcome = outcome
        self.start = start
        self.duration = duration
        self.sections = sections
        self.of_subtest = False
        self.fields: dict[str, str] = {}
        self.properties = b""


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
        counted_as: what pytest counts one of the last reports as; empty where it does not.
    """

    def __init__(
        self,
        texts: Texts,
        clock: Callable[[], float],
        counted_as: Callable[[pytest.TestReport], str],
    ) -> None:
        self._texts = texts
        self._clock = clock
        self._counted_as = counted_as
        self._begin = clock()
        self._open: dict[tuple[str, str], _Attempt] = {}
        # Of a test that is run again: its reports go on to repeat the sections of earlier attempts.
        self._seen: dict[tuple[str, str], Sections] = {}
        # Of a test that has so far done what nearly all do, passed and printed nothing.
        self._setup: pytest.TestReport | None = None
        self._call: pytest.TestReport | None = None
        self._time, self._name_json = Timestamps().parts, texts.name_json

    def add(self, report: pytest.TestReport, counts: Mapping[str, list[Any]]) -> Sequence[bytes]:
        """Take in one report; returns the results of the test if this was its last phase.

        Args:
            report: the phase's report.
            counts: the terminal's, by outcome; empty without a terminal, or one that counts.
        """
        # Nearly all tests pass and have nothing to say. Of those the reports are kept until the
        # last one, which costs a third of what others cost; so this is written out, for speed.
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
                    and "node" not in report.__dict__  # which xdist's controller adds
                ):
                    self._setup = report
                    return ()
            elif report.location is not setup.location:
                pass  # pytest gives all reports of one run of a test the same object
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
                    return (PASSED % (self._name_json(report.nodeid), minute, second, duration),)
        self._not_alone()
        return self._add(report)

    def _not_alone(self) -> None:
        """The test that seemed to be one of many is not: take its reports in like others."""
        kept = self._setup, self._call
        self._setup = self._call = None
        for report in kept:
            if report is not None:
                self._add(report)

    def _add(self, report: pytest.TestReport) -> list[bytes]:
        outcome = self._counted_as(report)
        node = getattr(report, "node", None)  # xdist's controller says where the report is from
        key = (report.nodeid, "" if node is None else str(node.gateway.id))
        when: str = report.when
        finished: list[bytes] = []
        attempt = self._open.get(key)
        if attempt is None or (when == "setup" and attempt.began):
            # A second setup without a teardown: the test is run again (pytest-rerunfailures).
            finished = [] if attempt is None else self._finished(key, attempt)
            attempt = _Attempt(self._start(report, report.duration), self._seen.pop(key, []))
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

    def unfinished(self) -> list[bytes]:
        """The results of tests whose teardown was never reported."""
        self._not_alone()
        results = [
            result for key, attempt in self._open.items() for result in self._finished(key, attempt)
        ]
        self._open.clear()
        return results

    def not_collected(self, report: pytest.CollectReport, outcome: str) -> bytes:
        """The result of a file that could not be collected, or was skipped as a whole."""
        fields = {"longreprtext": self._texts.clean(reason(report))}
        if self._texts.keeps_output():
            fields |= self._texts.captured(report.sections)
        name = self._texts.name_json(report.nodeid or "(collection)")
        return result_line(name, outcome, self._time(self._clock()), 0.0, fields)

    def _start(self, report: pytest.TestReport, ago: float) -> float:
        """When the phase began; by our own clock where a test has patched pytest's."""
        start, now = getattr(report, "start", 0.0), self._clock()
        return start if self._begin - 1 <= start <= now + 1 else now - _sane(ago)

    def _add_result(self, attempt: _Attempt, report: pytest.TestReport, outcome: str) -> None:
        counted = _Counted(
            outcome,
            attempt.start if not attempt.results else self._start(report, report.duration),
            report.duration,
            attempt.sections,
        )
        attempt.sections = []
        if _is_subtest(report):
            counted.of_subtest = isinstance(report, _SubtestReport)
        else:
            counted.duration += attempt.duration
            attempt.duration = 0.0
        if outcome != "passed":
            name = _subtest_name(report) if _is_subtest(report) and not report.passed else ""
            text = reason(report)
            counted.fields["longreprtext"] = self._texts.clean(f"{name}\n{text}" if name else text)
        if report.user_properties:
            from pytest_insight.recording.properties import encoded  # most tests have none

            counted.properties = encoded(report.user_properties, self._texts)
        attempt.results.append(counted)

    def _finished(self, key: tuple[str, str], attempt: _Attempt) -> list[bytes]:
        counted = attempt.results
        if counted and counted[-1].outcome == "rerun":
            if attempt.seen:
                self._seen[key] = attempt.seen
            # pytest-rerunfailures takes back what the subtests of this attempt have counted.
            counted = [c for c in counted if not (c.of_subtest and c.outcome in _TAKEN_BACK)]
        name, worker = self._texts.name_json(key[0]), key[1]
        results = []
        left: Sections = []
        for each in counted:
            fields = each.fields
            sections = left + each.sections
            if self._texts.keeps_output(passed=each.outcome == "passed"):
                fields |= self._texts.captured(sections)
                left = []
            else:
                left = sections  # of a pass whose teardown fails: pytest shows it with the error
            if worker:
                fields["worker"] = worker
            start, duration = self._time(each.start), _sane(each.duration)
            results.append(
                result_line(name, each.outcome, start, duration, fields, each.properties)
            )
        return results


def _sane(duration: float) -> float:
    """The duration; none of a clock that a test has patched, which may go back or be no number."""
    return duration if 0 < duration < MAX_SECONDS else 0.0


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
    told = (f"{name}={text_of(value)}" for name, value in values.items())
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
