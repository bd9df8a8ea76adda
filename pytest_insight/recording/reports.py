"""pytest's reports of one test, phase by phase, put together to results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pytest_insight.models import TestOutcome, TestResult

SECTION_FIELDS = {"stdout": "capstdout", "stderr": "capstderr", "log": "caplog"}


@dataclass
class _Attempt:
    """What has come of one run of one test so far."""

    nodeid: str
    worker: str
    start: datetime
    duration: float = 0.0
    results: list[dict[str, Any]] = field(default_factory=list)
    sections_seen: int = 0


class Attempts:
    """Collects the phases (setup, call, teardown) of each test that is under way.

    A phase that pytest counts (as passed, failed, ...) is a result. A phase that it does not count
    adds its duration to the result next to it. So a pass whose teardown fails is two results, as it
    is two in pytest's closing line.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _Attempt] = {}

    def add(self, report: pytest.TestReport, outcome: str) -> list[TestResult]:
        """Take in one report; returns the results of the test if this was its last phase.

        Args:
            report: the phase's report.
            outcome: what pytest counts it as; empty where it does not.
        """
        worker = getattr(getattr(report, "node", None), "gateway", None)
        name = str(worker.id) if worker is not None else ""
        key = (report.nodeid, name)
        attempt = self._open.get(key)
        if attempt is None:
            start = datetime.fromtimestamp(report.start, UTC)
            attempt = self._open[key] = _Attempt(report.nodeid, name, start)
        duration = max(float(report.duration), 0.0)
        if outcome:
            self._add_result(attempt, report, outcome, duration)
        elif attempt.results:
            attempt.results[-1]["duration"] += duration
        else:
            attempt.duration += duration
        if report.when != "teardown":
            return []
        del self._open[key]
        return _finished(attempt)

    def unfinished(self) -> list[TestResult]:
        """The results of tests whose teardown was never reported."""
        attempts = list(self._open.values())
        self._open.clear()
        return [result for attempt in attempts for result in _finished(attempt)]

    def _add_result(
        self, attempt: _Attempt, report: pytest.TestReport, outcome: str, duration: float
    ) -> None:
        start = datetime.fromtimestamp(report.start, UTC) if attempt.results else attempt.start
        # Sections are cumulative: a later report repeats those of the earlier ones.
        new, attempt.sections_seen = (
            report.sections[attempt.sections_seen :],
            len(report.sections),
        )
        texts = {"longreprtext": reason(report), **_captured(new)} if outcome != "passed" else {}
        attempt.results.append(
            {
                "outcome": TestOutcome(outcome),
                "start_time": start,
                "duration": attempt.duration + duration,
                "properties": _properties(report.user_properties),
                **texts,
            }
        )
        attempt.duration = 0.0


def collection_result(report: pytest.CollectReport, outcome: str, now: datetime) -> TestResult:
    """The result of a file that could not be collected, or was skipped as a whole."""
    return TestResult(
        nodeid=report.nodeid or "(collection)",
        outcome=TestOutcome(outcome),
        start_time=now,
        longreprtext=reason(report),
        **_captured(report.sections),
    )


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why the test did not pass, as text: the failure as pytest shows it, or a skip's reason."""
    xfail_reason = getattr(report, "wasxfail", None)
    if xfail_reason is not None and report.skipped:
        return f"{xfail_reason}\n{report.longreprtext}" if report.longrepr else str(xfail_reason)
    if isinstance(report.longrepr, tuple):
        path, line, why = report.longrepr
        return f"{path}:{line}: {why}"
    return report.longreprtext or str(xfail_reason or "")


def _finished(attempt: _Attempt) -> list[TestResult]:
    return [
        TestResult(nodeid=attempt.nodeid, worker=attempt.worker, **fields)
        for fields in attempt.results
    ]


def _captured(sections: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The texts by field: a section's title is "Captured stdout call" and the like."""
    texts: dict[str, Any] = {}
    for title, text in sections:
        kind = title.removeprefix("Captured ").partition(" ")[0]
        name = SECTION_FIELDS.get(kind)
        if name is not None and title.startswith("Captured "):
            texts[name] = texts.get(name, "") + text
    return texts


def _properties(pairs: Iterable[tuple[str, object]]) -> tuple[tuple[str, Any], ...]:
    return tuple((str(name), _jsonable(value)) for name, value in pairs)


def _jsonable(value: object) -> Any:
    """The value where JSON can hold it, else its repr: `record_property` takes anything."""
    try:
        return msgspec.to_builtins(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
