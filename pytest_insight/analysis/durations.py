"""What got slower or faster, apart from how fast the machine was.

Durations are compared as logarithms: a test is slower by a factor. A session's own speed is the
median over its tests of how much longer they took than usual, and is taken off first; without
that, most alarms on a busy runner are false.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log, sqrt
from statistics import median
from typing import NamedTuple

from pytest_insight.analysis.runs import Run, in_time_order
from pytest_insight.analysis.values import Since, Timing
from pytest_insight.models import TestOutcome

BASELINE_RUNS = 20
LEAST_BASELINE = 8
LEAST_HEAD = 3
LEAST_Z = 5.0
LEAST_RATIO = 1.25
LEAST_SECONDS = 0.05
LEAST_SHARE = 0.01
"""Of the duration of the suite; a change of less than `LEAST_SECONDS` must be as much."""
LEAST_DEVIATION = 0.03
"""No test is steadier than this, whatever the baseline says."""

SPEED_SECONDS = 0.01
"""Shorter durations say nothing about the speed of a session."""
SPEED_TESTS = 20

SLOW_Z = 6.0
SLOW_RATIO = 2.0
SLOW_SECONDS = 1.0
"""What a single run must exceed to be slow this time."""

_SHORTEST, _LONGEST = 1e-6, 1e9
"""Seconds; others are taken for these, so that no ratio is beyond what a float holds."""
_WORTH_A_LOOK = log(LEAST_RATIO) / 2
_MAD_TO_DEVIATION = 1.4826
"""The standard deviation of a normal distribution, in its median absolute deviations."""


class Speed(NamedTuple):
    """How much longer than usual the tests of a session took.

    Attributes:
        ratio: 1.3 if they took 1.3 times as long; 1.0 if it is not known.
        tests: how many tests it is the median of; 0 if they were too few to know it.
    """

    ratio: float
    tests: int


class SlowRun(NamedTuple):
    """A run that took far longer than its test does.

    Attributes:
        run: the run.
        was: the median duration of the test, in seconds.
        ratio: how many times as long it took, apart from the speed of the session.
    """

    run: Run
    was: float
    ratio: float


class _Timed(NamedTuple):
    """A run that passed, and the logarithm of its duration."""

    run: Run
    x: float


class Durations:
    """The durations of the runs of tests, compared within one environment.

    Attributes:
        speeds: of each session, by its ID.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        """Find the speed of each session.

        Args:
            runs: of all tests, in any order; the last 30 of each test suffice for what is new.
        """
        self._tests: dict[tuple[str, str, str], list[_Timed]] = {}
        self._newest: dict[tuple[str, str], Run] = {}
        passed = TestOutcome.PASSED
        for run in runs:
            if run.outcome is passed and run.attempts == 1 and run.duration > 0:
                session = run.session
                key = (session.sut_name, run.nodeid, session.environment)
                seconds = min(max(run.duration, _SHORTEST), _LONGEST)
                self._tests.setdefault(key, []).append(_Timed(run, log(seconds)))
        for timed in self._tests.values():
            timed.sort(key=lambda each: in_time_order(each.run.session))
            run = timed[-1].run
            known = self._newest.setdefault((run.sut_name, run.nodeid), run)
            if in_time_order(run.session) > in_time_order(known.session):
                self._newest[run.sut_name, run.nodeid] = run
        self._usual = {key: median([each.x for each in runs]) for key, runs in self._tests.items()}
        self.speeds = self._find_speeds()
        self._log_speeds = {name: log(speed.ratio) for name, speed in self.speeds.items()}

    def timings(self) -> dict[tuple[str, str], Timing]:
        """Return how the duration of each test changed that did, by SUT and nodeid."""
        found = ((key, self.timing(*key)) for key in self._newest)
        return {key: timing for key, timing in found if timing is not None}

    def timing(self, sut_name: str, nodeid: str) -> Timing | None:
        """Return how the duration of a test changed; None if it did not, or too little is known."""
        newest = self._newest.get((sut_name, nodeid))
        if newest is None:
            return None
        key = (sut_name, nodeid, newest.session.environment)
        runs = self._tests[key]
        if len(runs) < LEAST_BASELINE + LEAST_HEAD:
            return None
        ys = [each.x - self._log_speeds[each.run.session.session_id] for each in runs]
        end = median(ys[-LEAST_HEAD:])
        begin = median(ys[:LEAST_BASELINE])
        if max(abs(end - begin), abs(end - self._usual[key])) < _WORTH_A_LOOK:
            return None  # nearly always
        split = find_split(ys)
        baseline = ys[max(split - BASELINE_RUNS, 0) : split]
        head = ys[split:]
        if not is_shifted(baseline, head, LEAST_Z):
            return None
        ratio = exp(shift(baseline, head[-BASELINE_RUNS:]))
        was = exp(median(baseline))
        change = abs(was * ratio - was)
        if not (ratio >= LEAST_RATIO or ratio <= 1 / LEAST_RATIO) or not (
            change >= LEAST_SECONDS or change >= LEAST_SHARE * newest.session.seconds > 0
        ):
            return None
        first, before = runs[split].run.session, runs[split - 1].run.session
        since = Since(first.session_id, first.commit, first.start, before.commit, first.commit)
        return Timing(was, was * ratio, ratio, since, len(head))

    def slow_runs(self, session_id: str) -> list[SlowRun]:
        """Return the runs of a session that took far longer than their test does, longest first."""
        found = []
        for timed in self._tests.values():
            at = next(
                (n for n, each in enumerate(timed) if each.run.session.session_id == session_id), 0
            )
            if at < LEAST_BASELINE:
                continue
            ys = [each.x - self._log_speeds[each.run.session.session_id] for each in timed]
            baseline = ys[max(at - BASELINE_RUNS, 0) : at]
            moved = shift(baseline, [ys[at]])
            was = exp(median(baseline))
            if (
                moved >= log(SLOW_RATIO)
                and was * (exp(moved) - 1) >= SLOW_SECONDS
                and is_shifted(baseline, [ys[at]], SLOW_Z)
            ):
                found.append(SlowRun(timed[at].run, was, exp(moved)))
        return sorted(found, key=lambda each: -each.run.duration)

    def _find_speeds(self) -> dict[str, Speed]:
        excess: dict[str, list[float]] = {}
        least = log(SPEED_SECONDS)
        for key, timed in self._tests.items():
            usual = self._usual[key]
            for run, x in timed:
                values = excess.setdefault(run.session.session_id, [])
                if x >= least and len(timed) >= LEAST_HEAD:
                    values.append(x - usual)
        return {
            name: Speed(exp(median(values)), len(values))
            if len(values) >= SPEED_TESTS
            else Speed(1.0, 0)
            for name, values in excess.items()
        }


def shift(baseline: Sequence[float], head: Sequence[float]) -> float:
    """Return the Hodges-Lehmann estimate of how much the head is above the baseline.

    It is the median of all differences. Source: J. L. Hodges and E. L. Lehmann, Estimates of
    location based on rank tests, Annals of Mathematical Statistics 34 (1963).
    """
    return median([y - x for y in head for x in baseline])


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation, estimated by the median absolute deviation."""
    middle = median(values)
    return max(_MAD_TO_DEVIATION * median([abs(y - middle) for y in values]), LEAST_DEVIATION)


def is_shifted(baseline: Sequence[float], head: Sequence[float], least_z: float) -> bool:
    """Return whether the last runs of a head are surely above or below the baseline."""
    last = head[-BASELINE_RUNS:]
    scale = deviation(baseline) * sqrt(1 / len(last) + 1 / len(baseline))
    return abs(shift(baseline, last)) > least_z * scale


def find_split(values: Sequence[float]) -> int:
    """Return the position at which values change most, with enough of them on both sides.

    It maximises the Mann-Whitney statistic, in its standard deviations. Source: A. N. Pettitt, A
    non-parametric approach to the change-point problem, Applied Statistics 28 (1979).
    """
    count = len(values)
    ranks = [0.0] * count
    for rank, position in enumerate(sorted(range(count), key=values.__getitem__)):
        ranks[position] = rank - (count - 1) / 2
    best, found, total = -1.0, LEAST_BASELINE, 0.0
    for position in range(1, count - LEAST_HEAD + 1):
        total += ranks[position - 1]
        if position >= LEAST_BASELINE:
            score = abs(total) / sqrt(position * (count - position))
            if score > best:
                best, found = score, position
    return found
