"""What got slower or faster, apart from how fast the machine was.

Durations are compared as logarithms: a test is slower by a factor. A session's own speed is the
median over its tests of how much longer they took than usual, and is taken off first; without
that, most alarms on a busy runner are false.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import exp, inf, log, sqrt
from statistics import median
from typing import NamedTuple

from pytest_insight.analysis.runs import SessionFacts, in_time_order
from pytest_insight.analysis.timed_sessions import TimedSession
from pytest_insight.analysis.values import Since, Timing
from pytest_insight.analysis.wanted import TestKey

BASELINE_RUNS = 20
LEAST_BASELINE = 8
LEAST_HEAD = 3
TIMED_RUNS = BASELINE_RUNS + 10  # that are read of each test
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
_NO_TIME = -inf
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


class Split(NamedTuple):
    """The durations of a test in one environment, before and in the sessions that are judged.

    Attributes:
        nodeid: the test.
        baseline: the logarithms of the durations before, in time order, without the speeds of the
            sessions.
        head: likewise of the runs that are judged; at least one.
        seconds: how long the last session took.
    """

    nodeid: str
    baseline: list[float]
    head: list[float]
    seconds: float


class _Test(NamedTuple):
    """The runs of a test in one environment that passed at the first attempt, in time order.

    Attributes:
        sessions: the numbers of their sessions.
        logs: the logarithms of their durations.
        usual: the median of those.
    """

    sessions: Sequence[int]
    logs: Sequence[float]
    usual: float


class Durations:
    """The durations of the runs of tests, compared within one environment.

    Attributes:
        speeds: of each session, by its ID.
    """

    def __init__(self, timed: Iterable[TimedSession]) -> None:
        """Find the speed of each session.

        Args:
            timed: of all tests, in any order; the last 30 runs of each test suffice for what is
                new.
        """
        in_order = sorted(
            (each for each in timed if any(seconds > 0 for seconds in each.seconds)),
            key=lambda each: in_time_order(each.session),
        )
        self._sessions = [each.session for each in in_order]
        self._tests = _tests(in_order)
        self._newest: dict[TestKey, _Test] = {}
        for (sut, nodeid, _), test in self._tests.items():
            known = self._newest.setdefault((sut, nodeid), test)
            if test.sessions[-1] > known.sessions[-1]:
                self._newest[sut, nodeid] = test
        speeds = self._find_speeds()
        self.speeds = {
            session.session_id: speed for session, speed in zip(self._sessions, speeds, strict=True)
        }
        self._log_speeds = [log(speed.ratio) for speed in speeds]

    def timings(self) -> dict[tuple[str, str], Timing]:
        """Return how the duration of each test changed that did, by SUT and nodeid."""
        found = ((key, self.timing(*key)) for key in self._newest)
        return {key: timing for key, timing in found if timing is not None}

    def timing(self, sut_name: str, nodeid: str) -> Timing | None:
        """Return how the duration of a test changed; None if it did not, or too little is known."""
        test = self._newest.get((sut_name, nodeid))
        if test is None or len(test.sessions) < LEAST_BASELINE + LEAST_HEAD:
            return None
        ys = self._without_speed(test)
        end = median(ys[-LEAST_HEAD:])
        begin = median(ys[:LEAST_BASELINE])
        if max(abs(end - begin), abs(end - test.usual)) < _WORTH_A_LOOK:
            return None  # nearly always
        split = find_split(ys)
        baseline = ys[max(split - BASELINE_RUNS, 0) : split]
        head = ys[split:]
        if not is_shifted(baseline, head, LEAST_Z):
            return None
        moved = shift(baseline, head[-BASELINE_RUNS:])
        middle = median(baseline)
        if sum((y - middle) / moved > 0.5 for y in head) < LEAST_HEAD:
            return None  # the split is as late as it may be; the change was later
        ratio, was = exp(moved), exp(middle)
        change = abs(was * ratio - was)
        if not (ratio >= LEAST_RATIO or ratio <= 1 / LEAST_RATIO) or not (
            change >= LEAST_SECONDS or change >= LEAST_SHARE * self._last(test).seconds > 0
        ):
            return None
        before, first = (self._sessions[number] for number in test.sessions[split - 1 : split + 1])
        since = Since(first.session_id, first.commit, first.start, before.commit, first.commit)
        return Timing(was, was * ratio, ratio, since, len(head))

    def splits(self, head: Collection[str]) -> Iterator[Split]:
        """Yield the durations of each test that some sessions have.

        Args:
            head: the IDs of those sessions.
        """
        for (_, nodeid, _), test in self._tests.items():
            in_head = [self._sessions[number].session_id in head for number in test.sessions]
            if any(in_head):
                both = list(zip(self._without_speed(test), in_head, strict=True))
                yield Split(
                    nodeid,
                    [y for y, is_new in both if not is_new],
                    [y for y, is_new in both if is_new],
                    self._last(test).seconds,
                )

    def _last(self, test: _Test) -> SessionFacts:
        return self._sessions[test.sessions[-1]]

    def _without_speed(self, test: _Test) -> list[float]:
        """Return the logarithms of a test's durations without the speeds of the sessions."""
        speeds = self._log_speeds
        return [x - speeds[number] for number, x in zip(test.sessions, test.logs, strict=True)]

    def _find_speeds(self) -> list[Speed]:
        """Return the speeds of the sessions, in time order."""
        excess: list[list[float]] = [[] for _ in self._sessions]
        least = log(SPEED_SECONDS)
        for sessions, logs, usual in self._tests.values():
            if len(sessions) < LEAST_HEAD:
                continue
            for number, x in zip(sessions, logs, strict=True):
                if x >= least:
                    excess[number].append(x - usual)
        return [
            Speed(exp(median(values)), len(values)) if len(values) >= SPEED_TESTS else Speed(1.0, 0)
            for values in excess
        ]


def _tests(timed: Sequence[TimedSession]) -> dict[tuple[str, str, str], _Test]:
    """Return the durations of each test by SUT, nodeid and environment; sessions in time order.

    Sessions with the same tests are taken together: there are too many durations for a look at each
    with the test that it is of.
    """
    suites: dict[tuple[str, str, int], list[int]] = {}
    for number, each in enumerate(timed):
        key = (each.session.sut_name, each.session.environment, id(each.nodeids))
        suites.setdefault(key, []).append(number)
    parts: dict[tuple[str, str, str], list[tuple[Sequence[int], Sequence[float]]]] = {}
    for (sut, environment, _), numbers in suites.items():
        columns = [_logs(timed[number].seconds) for number in numbers]
        for nodeid, row in zip(timed[numbers[0]].nodeids, zip(*columns, strict=True), strict=True):
            parts.setdefault((sut, nodeid, environment), []).append((numbers, row))
    found = ((key, _join(of_test)) for key, of_test in parts.items())
    return {key: test for key, test in found if test is not None}


def _logs(seconds: Iterable[float]) -> list[float]:
    """Return the logarithms of durations; `_NO_TIME` for those that say nothing."""
    return [log(x) if _SHORTEST <= x <= _LONGEST else _log_of_extreme(x) for x in seconds]


def _log_of_extreme(seconds: float) -> float:
    return log(min(max(seconds, _SHORTEST), _LONGEST)) if seconds > 0 else _NO_TIME


def _join(parts: Sequence[tuple[Sequence[int], Sequence[float]]]) -> _Test | None:
    """Return the durations of a test; None if no run of it passed at the first attempt.

    Args:
        parts: the numbers of sessions with the logarithms of the durations.
    """
    sessions, logs = parts[0]
    if len(parts) > 1 or _NO_TIME in logs:
        pairs = sorted(
            (number, x)
            for numbers, row in parts
            for number, x in zip(numbers, row, strict=True)
            if x != _NO_TIME
        )
        if not pairs:
            return None
        sessions, logs = zip(*pairs, strict=True)
    return _Test(sessions, logs, median(logs))


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
    ranks = _ranks(values)
    best, found, total = -1.0, LEAST_BASELINE, 0.0
    for position in range(1, count - LEAST_HEAD + 1):
        total += ranks[position - 1]
        if position >= LEAST_BASELINE:
            score = abs(total) / sqrt(position * (count - position))
            if score > best:
                best, found = score, position
    return found


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks of values, with 0 in the middle; equal values share their mean rank.

    Durations of other programs are often rounded. If equal ones were ranked by time, they would
    look like a rise.
    """
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(sorted(values)):
        first.setdefault(value, rank)
        last[value] = rank
    return [(first[value] + last[value] - len(values) + 1) / 2 for value in values]
