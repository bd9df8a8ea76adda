"""Combine the phases of a test that pytest reported (setup, call, teardown) into results.

A phase that pytest counts is a result. The duration of one that it does not count is added to a
neighbouring result, as the recorder does. So a test that passes and whose teardown fails has two
results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pytest_insight._util.report_text import (
    Sections,
    captured_output,
    first_lines,
    without_middle,
)
from pytest_insight.models import TestOutcome, TestResult


class Reason(msgspec.Struct, frozen=True):
    """Why a phase did not pass.

    Attributes:
        message: pytest's message; its first lines are kept.
        crash: where, as `path:line`; empty if that is unknown.
        text: the failure as pytest shows it.
    """

    message: str = ""
    crash: str = ""
    text: str = ""


class Phase(msgspec.Struct):
    """One phase of one run of a test.

    Attributes:
        when: "setup", "call", "teardown", or what another plugin says.
        outcome: what pytest counts it as; empty if it does not count it.
        start: in UTC.
        duration: seconds.
        reason: why it did not pass.
        sections: its captured output, without that of earlier phases.
        properties: pairs of name and JSON value.
        is_subtest: whether it is a subtest, whose time is part of its test's.
    """

    when: str
    outcome: str
    start: datetime
    duration: float = 0.0
    reason: Reason = Reason()
    sections: Sections = []
    properties: Sequence[tuple[str, Any]] = ()
    is_subtest: bool = False


def counted_as(outcome: str, when: str, *, expected_to_fail: bool) -> str:
    """Return what pytest counts a phase as in its closing line; empty if it does not count it.

    Args:
        outcome: the outcome of its report.
        when: the phase.
        expected_to_fail: whether the report says why a failure was expected (`wasxfail`).
    """
    if expected_to_fail and outcome in ("skipped", "passed"):
        return "xfailed" if outcome == "skipped" else "xpassed"
    if when in ("setup", "teardown"):
        return {"failed": "error", "passed": ""}.get(outcome, outcome)
    return outcome


def results_of(nodeid: str, phases: Sequence[Phase], worker: str = "") -> list[TestResult]:
    """Return the results of one run of a test.

    Args:
        nodeid: the test.
        phases: in time order.
        worker: the worker of pytest-xdist.
    """
    counted: list[Phase] = []
    waiting = Phase("", "", phases[0].start)  # what belongs to no result yet
    for phase in phases:
        sections = waiting.sections + phase.sections
        if phase.outcome:
            duration = phase.duration if phase.is_subtest else phase.duration + waiting.duration
            waiting.duration = waiting.duration if phase.is_subtest else 0.0
            waiting.sections = []
            start = phase.start if counted else phases[0].start
            counted.append(
                msgspec.structs.replace(phase, start=start, duration=duration, sections=sections)
            )
        elif phase.is_subtest:
            waiting.sections = sections
        elif counted:
            counted[-1].duration += phase.duration
            counted[-1].sections = counted[-1].sections + sections
            waiting.sections = []
        else:
            waiting.duration += phase.duration
            waiting.sections = sections
    if counted and counted[-1].outcome == TestOutcome.RERUN:
        # pytest-rerunfailures takes the subtests of this attempt out of the counts.
        counted = [phase for phase in counted if not phase.is_subtest]
    return [_result(nodeid, phase, worker) for phase in counted]


def _result(nodeid: str, phase: Phase, worker: str) -> TestResult:
    passed = phase.outcome == TestOutcome.PASSED
    reason = Reason() if passed else phase.reason
    return TestResult(
        nodeid,
        TestOutcome(phase.outcome),
        phase.start,
        phase.duration,
        phase="" if passed or phase.when not in ("setup", "teardown") else phase.when,  # type: ignore[arg-type]
        message=first_lines(reason.message),
        crash=reason.crash,
        longreprtext=without_middle(reason.text),
        worker=worker,
        properties=tuple(phase.properties),
        **output_of(phase.sections),
    )


def output_of(sections: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields of a result with the texts of its sections."""
    return {field: without_middle(text) for field, text in captured_output(sections).items()}


def below_root(place: str, path: str) -> str:
    """Return `path:line` relative to the root folder if it is in a file with that relative path."""
    found, _, line = place.rpartition(":")
    return f"{path}:{line}" if path and found.endswith(("/" + path, "\\" + path)) else place
