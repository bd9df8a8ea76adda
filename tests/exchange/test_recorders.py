"""Runs recorded by pytest-insight and by other recorders at once: what an import of their files
holds is what was recorded, except for the losses that it reports.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from pytest_insight.exchange.losses import Loss
from pytest_insight.models import TestResult
from tests.exchange.recorded_runs import comparable, imported, recorded, with_losses

ALWAYS = {Loss.NO_CODE_STATE, Loss.NO_ENVIRONMENT}
FILES = {
    "reportlog.jsonl": ALWAYS,
    "json-report.json": {
        *ALWAYS,
        *(Loss.NO_START_TIMES, Loss.NO_ATTEMPTS, Loss.SUBTESTS_MERGED),
        *(Loss.NO_REASONS, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS),
    },
    "ctrf.json": {
        *(Loss.NO_CODE_STATE, Loss.NO_OUTPUT, Loss.NO_PHASES, Loss.XPASS_LOST),
        *(Loss.NO_COLLECTION_ERRORS, Loss.SUBTESTS_MERGED, Loss.RESULTS_MERGED),
        *(Loss.NO_REASONS, Loss.NO_PROPERTIES, Loss.NO_TEST_WARNINGS),
    },
    "allure": {
        *ALWAYS,
        *(Loss.NO_PHASES, Loss.NO_COLLECTION_ERRORS, Loss.SUBTESTS_MERGED),
        *(Loss.NO_REASONS, Loss.NO_PROPERTIES, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS),
    },
}
"""The losses of each file, whatever the run."""
MORE: dict[tuple[str, str], dict[Loss, int | None]] = {
    ("reportlog.jsonl", "xdist"): {Loss.NO_TEST_WARNINGS: None},
    ("reportlog.jsonl", "crash"): {Loss.NO_TEST_WARNINGS: None},
    ("json-report.json", "reruns"): {Loss.NO_ATTEMPT_TEXT: 1},
    ("allure", "plain"): {Loss.RESULTS_MERGED: 1},
    ("allure", "xdist"): {Loss.RESULTS_MERGED: 1},
    ("allure", "subtests"): {Loss.NO_OUTPUT: None},
}
"""Further ones that depend on the run, with their counts."""
RUNS = [
    (file, way)
    for file in FILES
    for way in ("plain", "reruns", "xdist", "subtests", "crash", "stopped")
    if file != "allure" or way not in ("crash", "stopped")
]


def untold_by_json_report(result: TestResult) -> TestResult:
    """It has no reason why a failure was expected (`no-reasons`)."""
    if result.outcome in ("xfailed", "xpassed"):
        return replace(result, message="", longreprtext="")
    return result


def untold_by_ctrf(result: TestResult) -> TestResult:
    """It has no place of a skip (`no-reasons`)."""
    if result.outcome == "skipped":
        result = replace(result, longreprtext="")
    return _without_place(result)


def untold_by_allure(result: TestResult) -> TestResult:
    """It has no message of a strict expected failure (`no-reasons`).

    A second failure has no output of its own (`results-merged`).
    """
    if result.message.startswith("[XPASS(strict)]"):
        result = replace(result, message="", longreprtext="")
    if result.nodeid.endswith("::test_fails_twice"):
        result = replace(result, longreprtext="", capstdout="", capstderr="", caplog="")
    return _without_place(result)


def _without_place(result: TestResult) -> TestResult:
    """Return a result without the place of its failure if that is not in the text."""
    return result if result.crash in result.longreprtext else replace(result, crash="")


UNTOLD: dict[str, Callable[[TestResult], TestResult]] = {
    "reportlog.jsonl": lambda result: result,
    "json-report.json": untold_by_json_report,
    "ctrf.json": untold_by_ctrf,
    "allure": untold_by_allure,
}


@pytest.mark.parametrize(("file", "way"), RUNS)
def test_an_import_holds_what_was_recorded_except_for_the_losses_it_reports(
    file: str, way: str
) -> None:
    session, losses = imported(way, file)
    more = MORE.get((file, way), {})
    assert set(losses) == FILES[file] | set(more)
    assert {kind: losses[kind].count for kind in more} == more
    expected = with_losses(recorded(way), losses, keeps_two_failures=file == "allure")
    found = list(session.test_results)
    if Loss.SUBTESTS_MERGED in losses and way == "subtests":  # one of their texts is left
        expected, found = _only_outcomes(expected), _only_outcomes(found)
    untold = UNTOLD[file]
    assert list(map(untold, comparable(found))) == list(map(untold, comparable(expected)))


def _only_outcomes(results: list[TestResult]) -> list[TestResult]:
    return [TestResult(each.nodeid, each.outcome, each.start_time) for each in results]


@pytest.mark.parametrize(("file", "way"), RUNS)
def test_the_facts_of_a_run_are_those_that_were_recorded(file: str, way: str) -> None:
    session, _ = imported(way, file)
    ours = recorded(way)
    assert abs(session.session_start_time - ours.session_start_time) < timedelta(seconds=2)
    assert session.session_stop_time - ours.session_stop_time < timedelta(milliseconds=1)
    if file in ("reportlog.jsonl", "json-report.json"):  # the others do not have it
        assert session.exit_status == ours.exit_status
        assert {each.text for each in session.warnings} == {each.text for each in ours.warnings}
    assert not session.crashed
    assert session.source is not None
    assert session.session_id.endswith(session.source.digest[:8])


@pytest.mark.parametrize("way", ["plain", "reruns", "xdist"])
def test_times_are_those_that_were_recorded(way: str) -> None:
    ours = {
        (each.nodeid, each.start_time): each.duration
        for each in recorded(way).test_results
        if "::" in each.nodeid
    }
    session, _ = imported(way, "reportlog.jsonl")
    found = {
        (each.nodeid, each.start_time): each.duration
        for each in session.test_results
        if "::" in each.nodeid
    }
    assert found == pytest.approx(ours, abs=1e-6)


@pytest.mark.parametrize("file", ["ctrf.json", "allure"])
def test_times_in_milliseconds_are_near_those_that_were_recorded(file: str) -> None:
    starts = {each.nodeid: each.start_time for each in recorded("plain").test_results}
    session, _ = imported("plain", file)
    for result in session.test_results:
        if result.outcome != "error":  # after a pass, of which the recorder has the start
            assert abs(result.start_time - starts[result.nodeid]) < timedelta(milliseconds=10)
