"""Runs that several recorders recorded at once (`foreign/`), and what a format leaves out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pytest_insight._util.times import FIRST
from pytest_insight.exchange.losses import FoundLoss, Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_file
from pytest_insight.models import TestOutcome, TestResult, TestSession

FOREIGN = Path(__file__).parent / "foreign"
WORKER_LINE = re.compile(r"^\[gw\d+\] .* -- Python .*\s*", re.MULTILINE)
"""What pytest-xdist puts before a failure that it shows."""


def recorded(way: str) -> TestSession:
    """Return what pytest-insight recorded in a run."""
    return read_file(FOREIGN / way / "recorded.json").sessions[-1]


def imported(way: str, file: str) -> tuple[TestSession, dict[Loss, FoundLoss]]:
    """Return the session that another recorder's file of the run gives, and its losses."""
    content = read_file(FOREIGN / way / file, None, ReadOptions(sut="shop"))
    (session,) = content.sessions
    return session, {loss.kind: loss for loss in content.losses[session.session_id]}


def with_losses(
    session: TestSession, losses: Collection[Loss], *, keeps_two_failures: bool
) -> list[TestResult]:
    """Return the results of a recorded session without what the losses say is missing.

    Args:
        session: the session.
        losses: the losses of another recorder's file.
        keeps_two_failures: whether only an error after a pass is merged with it.
    """
    tests: dict[str, list[TestResult]] = {}
    for result in session.test_results:
        tests.setdefault(result.nodeid, []).append(result)
    found = []
    for nodeid, results in tests.items():
        if "::" not in nodeid and Loss.NO_COLLECTION_ERRORS in losses:
            continue
        left = results
        if Loss.SUBTESTS_MERGED in losses:
            left = _without_subtests(left)
        if Loss.NO_ATTEMPTS in losses:
            left = _without_attempts(left, told=Loss.NO_ATTEMPT_TEXT in losses)
        if Loss.RESULTS_MERGED in losses:
            left = _merged(left, keeps_two_failures=keeps_two_failures)
        found += [_without_details(result, session, losses) for result in left]
    return found


def _without_subtests(results: list[TestResult]) -> list[TestResult]:
    return [result for result in results if not result.longreprtext.startswith("subtest ")]


def _without_attempts(results: list[TestResult], *, told: bool) -> list[TestResult]:
    last = [result for result in results if result.outcome != "rerun"]
    if told and len(last) < len(results) and last[-1].outcome == "passed":
        return [TestResult(last[-1].nodeid, TestOutcome.RERUN, last[-1].start_time), *last]
    return last


def _merged(results: list[TestResult], *, keeps_two_failures: bool) -> list[TestResult]:
    outcomes = [result.outcome for result in results]
    if outcomes == ["passed", "error"]:
        return results[1:]
    if outcomes == ["failed", "error"] and not keeps_two_failures:
        return results[:1]
    return results


def _without_details(
    result: TestResult, session: TestSession, losses: Collection[Loss]
) -> TestResult:
    changes: dict[str, Any] = {}
    if Loss.XPASS_LOST in losses and result.outcome == "xpassed":
        changes |= {"outcome": TestOutcome.PASSED, "message": "", "longreprtext": ""}
    if Loss.NO_PHASES in losses and result.outcome != "error":
        changes["phase"] = ""
    if Loss.NO_OUTPUT in losses:
        changes |= {"capstdout": "", "capstderr": "", "caplog": ""}
    if Loss.NO_PROPERTIES in losses:
        changes["properties"] = ()
    if Loss.NO_TEST_WARNINGS in losses:
        changes["has_warning"] = False
    if Loss.NO_WORKERS in losses:
        changes["worker"] = ""
    if Loss.NO_START_TIMES in losses:
        changes["start_time"] = session.session_start_time
    return replace(result, **changes)


def comparable(results: Iterable[TestResult]) -> list[TestResult]:
    """Return results by nodeid, without times and without what the recorder leaves out.

    It keeps no output of tests that passed, and has a line about the worker in each failure.
    """
    kept = []
    for result in results:
        text = WORKER_LINE.sub("", result.longreprtext).rstrip()
        same = replace(result, longreprtext=text, start_time=FIRST, duration=0.0)
        if result.outcome == "passed":
            same = replace(same, capstdout="", capstderr="", caplog="")
        kept.append(same)
    return sorted(kept, key=lambda result: result.nodeid)  # stable
