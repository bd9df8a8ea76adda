"""Durations: slower, faster, and how fast the machine was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from pytest_insight.analysis.durations import Durations
from pytest_insight.analysis.runs import Run, SessionFacts
from pytest_insight.analysis.timed_sessions import timed_sessions
from pytest_insight.models import TestOutcome
from tests.analysis.histories import NOW, make_sessions

HOUR = timedelta(hours=1)


def durations_of(found: Sequence[Run]) -> Durations:
    """The durations of these runs, compared."""
    return Durations(timed_sessions(found))


def runs(
    durations: Sequence[float], nodeid: str = "t", *, sessions: Sequence[SessionFacts] = ()
) -> list[Run]:
    """Runs that passed, with a deviation of about 2 %."""
    noise = (1, 1.02, 0.99, 1.01, 0.98)
    sessions = sessions or make_sessions(len(durations), step=HOUR, seconds=100.0)
    return [
        Run(nodeid, session, TestOutcome.PASSED, duration=seconds * noise[number % 5])
        for number, (seconds, session) in enumerate(zip(durations, sessions, strict=True))
    ]


def with_others(found: list[Run], factors: Sequence[float]) -> list[Run]:
    """Add 20 tests whose durations in each session are multiplied by a factor."""
    sessions = [run.session for run in found]
    others = [
        run
        for number in range(20)
        for run in runs([0.1 * factor for factor in factors], f"other{number}", sessions=sessions)
    ]
    return found + others


def test_a_test_that_takes_longer_since_a_run_is_slower_since_that_run() -> None:
    timing = durations_of(runs([1.0] * 20 + [2.0] * 5)).timing("sut", "t")
    assert timing is not None
    assert timing.was == pytest.approx(1.0, rel=0.05)
    assert timing.now == pytest.approx(2.0, rel=0.05)
    assert (timing.since.session_id, timing.since.low, timing.since.high) == ("s20", "c19", "c20")
    assert timing.runs == 5
    assert repr(timing).startswith("Timing(1")


def test_a_test_that_takes_less_time_is_faster() -> None:
    timing = durations_of(runs([1.0] * 9 + [0.5] * 30)).timing("sut", "t")
    assert timing is not None
    assert timing.ratio == pytest.approx(0.5, rel=0.05)
    assert timing.since.session_id == "s9"


@pytest.mark.parametrize(
    ("durations", "why"),
    [
        ([1.0] * 20, "nothing changed"),
        ([1.0] * 20 + [1.2] * 10, "less than 1.25 times as long"),
        ([1.0] * 20 + [2.0] * 2, "only 2 runs"),
        ([1.0, 1.01] * 8 + [1.02] + [2.0, 2.1], "only 2 runs"),
        ([1.0] * 7 + [2.0] * 3, "only 7 runs before"),
        ([0.02] * 20 + [0.04] * 5, "less than 50 ms, and than 1 % of the suite"),
        ([1.0, 3.0] * 10 + [3.0] * 5, "it always took either 1 or 3 s"),
        ([0.0] * 30, "no time at all"),
        ([], "no runs"),
    ],
)
def test_these_are_not_slower(durations: list[float], why: str) -> None:
    assert durations_of(runs(durations)).timings() == {}, why


def test_a_change_of_1_percent_of_a_short_suite_is_one() -> None:
    sessions = make_sessions(25, step=HOUR, seconds=1.0)
    found = durations_of(runs([0.02] * 20 + [0.04] * 5, sessions=sessions)).timings()
    assert list(found) == [("sut", "t")]


def test_how_fast_the_machine_was_is_removed() -> None:
    factors = [1.0] * 20 + [1.5] * 5
    durations = durations_of(with_others(runs(factors), factors))
    assert durations.timings() == {}
    assert durations.speeds["s24"].ratio == pytest.approx(1.5, rel=0.05)
    assert durations.speeds["s24"].tests == 21
    slower = durations_of(with_others(runs([1.0] * 20 + [3.0] * 5), factors))
    timing = slower.timing("sut", "t")
    assert list(slower.timings()) == [("sut", "t")]
    assert timing is not None
    assert timing.ratio == pytest.approx(2.0, rel=0.06)


def test_with_too_few_tests_the_speed_of_a_session_is_not_known() -> None:
    durations = durations_of(runs([1.0] * 20 + [1.5] * 5))
    assert set(durations.speeds.values()) == {(1.0, 0)}
    assert list(durations.timings()) == [("sut", "t")]


def test_runs_of_another_environment_and_runs_that_did_not_simply_pass_are_not_compared() -> None:
    found = runs([1.0] * 20 + [2.0] * 5)
    for change in (
        {"session": lambda run: replace(run.session, environment="3.13 Linux")},
        {"outcome": lambda _: TestOutcome.FAILED},
        {"attempts": lambda _: 2},
    ):
        ((field, value),) = change.items()
        changed = [*found[:20], *(replace(run, **{field: value(run)}) for run in found[20:])]
        assert durations_of(changed).timings() == {}


def test_the_order_of_runs_does_not_matter() -> None:
    found = with_others(runs([1.0] * 20 + [3.0] * 5), [1.0] * 25)
    assert durations_of(found[::-1]).timings() == durations_of(found).timings() != {}


def test_clocks_that_stand_still_are_no_error() -> None:
    sessions = make_sessions(25, step=timedelta(0), end=NOW)
    assert list(durations_of(runs([1.0] * 25, sessions=sessions)).timings()) == []
