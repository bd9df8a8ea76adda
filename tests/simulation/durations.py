"""False alarms and finds of "slower", with and without the speed of the session."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import exp, log
from statistics import mean
from typing import NamedTuple

from pytest_insight.analysis.durations import (
    BASELINE_RUNS,
    LEAST_RATIO,
    LEAST_SECONDS,
    LEAST_Z,
    Durations,
    is_shifted,
    shift,
)
from pytest_insight.analysis.runs import Run, SessionFacts
from pytest_insight.analysis.timed_sessions import timed_sessions
from pytest_insight.models import TestOutcome

START = datetime(2026, 11, 1, tzinfo=UTC)
SLOWED = 0.05
"""The share of tests that get slower."""
FACTOR = 1.5
SPEED_NOISE = 0.1
"""The standard deviation of the logarithm of a session's speed."""


class Alarms(NamedTuple):
    """How many tests a rule calls slower: of those that did not change, and of those that did."""

    false: float
    found: float


def alarms(
    tests: int, new_runs: int, seed: int, *, runner: float = 1.0, old_runs: int = 30
) -> dict[str, Alarms]:
    """Return the alarms of each rule for one suite.

    Args:
        tests: the number of tests.
        new_runs: how many runs there were since 5 % of the tests got slower by half.
        seed: of the random numbers.
        runner: how many times as long everything takes on the machine of the new runs.
        old_runs: how many runs there were before.
    """
    rng = random.Random(f"{seed} {new_runs} {runner}")
    slowed = set(range(int(tests * SLOWED)))
    times = _times(rng, tests, old_runs, new_runs, runner, slowed)
    called = {
        "mean +-20 %": _by_mean(times, old_runs),
        "without the speed of the session": _by_z(times, old_runs),
        "ours": _ours(times),
    }
    return {
        rule: Alarms(len(found - slowed), len(found & slowed)) for rule, found in called.items()
    }


def mean_alarms(
    suites: int, tests: int, new_runs: int, seed: int, runner: float = 1.0
) -> dict[str, Alarms]:
    """Return the mean alarms of several suites."""
    found = [alarms(tests, new_runs, seed + n, runner=runner) for n in range(suites)]
    return {
        rule: Alarms(
            mean(each[rule].false for each in found), mean(each[rule].found for each in found)
        )
        for rule in found[0]
    }


def _times(
    rng: random.Random, tests: int, old: int, new: int, runner: float, slowed: set[int]
) -> list[list[float]]:
    """Return the durations of each test: medians from 5 ms to 5 s, some much noisier than others.

    One run in 50 takes up to 3 times as long, for no reason.
    """
    speeds = [rng.gauss(0, SPEED_NOISE) for _ in range(old)]
    speeds += [rng.gauss(log(runner), SPEED_NOISE) for _ in range(new)]
    found = []
    for test in range(tests):
        usual = rng.uniform(log(0.005), log(5))
        noise = rng.choice((0.03, 0.05, 0.1, 0.2))
        found.append(
            [
                exp(
                    usual
                    + speed
                    + rng.gauss(0, noise)
                    + (log(FACTOR) if test in slowed and n >= old else 0)
                    + (rng.uniform(0, log(3)) if rng.random() < 0.02 else 0)
                )
                for n, speed in enumerate(speeds)
            ]
        )
    return found


def _by_mean(times: list[list[float]], old: int) -> set[int]:
    return {n for n, each in enumerate(times) if mean(each[old:]) > 1.2 * mean(each[:old])}


def _by_z(times: list[list[float]], old: int) -> set[int]:
    found = set()
    for number, each in enumerate(times):
        logs = [log(duration) for duration in each]
        baseline, head = logs[old - BASELINE_RUNS : old], logs[old:]
        ratio = exp(shift(baseline, head))
        enough = mean(each[old:]) - mean(each[:old]) >= LEAST_SECONDS
        if ratio >= LEAST_RATIO and enough and is_shifted(baseline, head, LEAST_Z):
            found.add(number)
    return found


def _ours(times: list[list[float]]) -> set[int]:
    sessions = [
        SessionFacts(
            f"{n}", "sut", START + timedelta(hours=n), seconds=sum(each[n] for each in times)
        )
        for n in range(len(times[0]))
    ]
    runs = (
        Run(f"{test}", session, TestOutcome.PASSED, duration=duration)
        for test, durations in enumerate(times)
        for session, duration in zip(sessions, durations, strict=True)
    )
    timings = Durations(timed_sessions(runs)).timings()
    return {int(nodeid) for (_, nodeid), timing in timings.items() if timing.ratio > 1}
