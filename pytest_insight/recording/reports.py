"""pytest's reports of one test, phase by phase, put together to results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pytest_insight.document import is_too_deep
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.recording.texts import Sections, Texts, new_sections

PHASES = frozenset({"setup", "call", "teardown"})


class _Attempt:
    """What has come of one run of one test so far."""

    __slots__ = ("duration", "results", "sections", "seen", "start")

    def __init__(self, start: float, seen: Sections) -> None:
        self.start = start
        self.duration = 0.0
        self.results: list[dict[str, Any]] = []
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
        # Bound here, so that a library that patches datetime in every module does not reach it.
        self._time_at = datetime.fromtimestamp

    def add(self, report: pytest.TestReport, outcome: str) -> list[TestResult]:
        """Take in one report; returns the results of the test if this was its last phase.

        Args:
            report: the phase's report.
            outcome: what pytest counts it as; empty where it does not.
        """
        node = getattr(report, "node", None)  # xdist's controller says where the report is from
        worker = "" if node is None else str(node.gateway.id)
        key = (report.nodeid, worker)
        when: str = report.when
        finished: list[TestResult] = []
        attempt = self._open.get(key)
        if attempt is None or (when == "setup" and (attempt.results or attempt.duration)):
            # A second setup without a teardown: the test is run again (pytest-rerunfailures).
            finished = [] if attempt is None else self._finished(key, attempt)
            attempt = _Attempt(self._start(report), self._seen.pop(key, []))
            self._open[key] = attempt
        if report.sections:
            attempt.sections += new_sections(report.sections, attempt.seen)
            attempt.seen = list(report.sections)
        duration = report.duration if report.duration > 0 else 0.0
        if outcome:
            self._add_result(attempt, report, outcome, duration)
        elif attempt.results:
            attempt.results[-1]["duration"] += duration
            attempt.results[-1]["sections"] += attempt.sections
            attempt.sections = []
        else:
            attempt.duration += duration
        if when == "teardown" or when not in PHASES:  # xdist reports a crashed worker as "???"
            del self._open[key]
            finished += self._finished(key, attempt)
        return finished

    def unfinished(self) -> list[TestResult]:
        """The results of tests whose teardown was never reported."""
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
            **self._texts.captured(report.sections, passed=False),
        )

    def _start(self, report: pytest.TestReport) -> float:
        """When the phase began; by our own clock where a test has patched pytest's."""
        start, now = getattr(report, "start", 0.0), self._clock()
        return start if self._begin - 1 <= start <= now + 1 else now - report.duration

    def _add_result(
        self, attempt: _Attempt, report: pytest.TestReport, outcome: str, duration: float
    ) -> None:
        fields: dict[str, Any] = {
            "outcome": TestOutcome(outcome),
            "sections": attempt.sections,
            "start_time": attempt.start if not attempt.results else self._start(report),
            "duration": attempt.duration + duration,
        }
        attempt.duration, attempt.sections = 0.0, []
        if outcome != "passed":
            fields["longreprtext"] = self._texts.clean(reason(report))
        if report.user_properties:
            fields["properties"] = self._properties(report.user_properties)
        attempt.results.append(fields)

    def _finished(self, key: tuple[str, str], attempt: _Attempt) -> list[TestResult]:
        nodeid, worker = self._texts.hide_name(key[0]), key[1]
        results = []
        if attempt.seen and attempt.results[-1]["outcome"] is TestOutcome.RERUN:
            self._seen[key] = attempt.seen
        for fields in attempt.results:
            sections, passed = fields.pop("sections"), fields["outcome"] is TestOutcome.PASSED
            if sections:
                fields.update(self._texts.captured(sections, passed=passed))
            fields["start_time"] = self._time_at(fields["start_time"], UTC)
            # Microseconds are what the clock is good for, and digits are most of a stored result.
            fields["duration"] = round(fields["duration"], 6)
            results.append(TestResult(nodeid=nodeid, worker=worker, **fields))
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
