"""What a history says of each test: how often it passed and failed, how long it took, and when."""

from __future__ import annotations

import enum
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.models import TestOutcome, TestSession

BAD = (TestOutcome.FAILED, TestOutcome.ERROR)


class TestSummary(msgspec.Struct, frozen=True):
    """All selected results of one nodeid.

    Attributes:
        nodeid: the test.
        results: how many there are, reruns among them.
        outcomes: how many of each outcome, by their names.
        mean: of the durations, in seconds.
        p50: the least duration that half of the results do not exceed.
        p95: the same for 95 % of them.
        maximum: the longest.
        first_seen: when the earliest began, in UTC.
        last_seen: when the latest began.
        last_outcome: of the last result of the last session, in the order sessions come in.
    """

    __test__ = False

    nodeid: str
    results: int
    outcomes: dict[str, int]
    mean: float
    p50: float
    p95: float
    maximum: float
    first_seen: datetime
    last_seen: datetime
    last_outcome: TestOutcome

    @property
    def failures(self) -> int:
        """How many failed or had an error."""
        return sum(self.outcomes.get(outcome, 0) for outcome in BAD)


class SummaryOrder(enum.StrEnum):
    """What summaries are sorted by: the most, longest or latest first; those alike by nodeid."""

    MEAN = "mean"
    P95 = "p95"
    FAILURES = "failures"
    LAST = "last"


def get_order(name: str) -> SummaryOrder:
    """The order of a name.

    Raises:
        UnknownChoiceError: there is none.
    """
    try:
        return SummaryOrder(name)
    except ValueError:
        raise UnknownChoiceError("order", name, list(SummaryOrder)) from None


_VALUES: dict[SummaryOrder, Callable[[TestSummary], Any]] = {
    SummaryOrder.MEAN: lambda each: each.mean,
    SummaryOrder.P95: lambda each: each.p95,
    SummaryOrder.FAILURES: lambda each: each.failures,
    SummaryOrder.LAST: lambda each: each.last_seen,
}


Moment = TypeVar("Moment", datetime, int)
"""A time, or its number of microseconds: what can be compared."""


class Tally(Generic[Moment]):
    """Gathers the results of one test; some 20 bytes for each."""

    __slots__ = ("_durations", "_outcomes", "_span")

    def __init__(self, start: Moment) -> None:
        """Nothing yet.

        Args:
            start: of the first result.
        """
        self._durations = array("d")
        self._outcomes: list[str] = []
        self._span: tuple[Moment, Moment] = (start, start)

    def add(self, outcome: str, start: Moment, duration: float) -> None:
        """Add the next result, in the order in which sessions and their results come."""
        self._durations.append(duration)
        self._outcomes.append(outcome)
        first, last = self._span
        if start > last:
            self._span = (first, start)
        elif start < first:
            self._span = (start, last)

    def summary(self, nodeid: str, time_of: Callable[[Moment], datetime]) -> TestSummary:
        """What they come to."""
        durations, count = sorted(self._durations), len(self._durations)
        first, last = self._span
        return TestSummary(
            nodeid,
            count,
            dict(sorted(Counter(map(str, self._outcomes)).items())),
            mean=_mean(durations),
            p50=durations[_place(50, count)],
            p95=durations[_place(95, count)],
            maximum=durations[-1],
            first_seen=time_of(first),
            last_seen=time_of(last),
            last_outcome=TestOutcome(self._outcomes[-1]),
        )


def summarised(sessions: Iterable[TestSession]) -> list[TestSummary]:
    """The summary of each test, by nodeid.

    Args:
        sessions: in the order in which storages give them, with the selected results.
    """
    tallies: dict[str, Tally[datetime]] = {}
    for session in sessions:
        for result in session.test_results:
            start = result.start_time
            tally = tallies.get(result.nodeid)
            if tally is None:
                tally = tallies[result.nodeid] = Tally(start)
            tally.add(result.outcome, start, result.duration)
    return [tallies[nodeid].summary(nodeid, _as_it_is) for nodeid in sorted(tallies)]


def ordered(
    summaries: Iterable[TestSummary], sort: SummaryOrder | None, limit: int | None
) -> list[TestSummary]:
    """The first ones by an order; without one, by nodeid."""
    found = sorted(summaries, key=lambda each: each.nodeid)
    if sort is not None:
        found.sort(key=_VALUES[sort], reverse=True)  # those alike stay as they are
    return found if limit is None else found[:limit]


def _mean(durations: Sequence[float]) -> float:
    """Exact up to the last rounding, so that no order of adding makes a difference."""
    try:
        return math.fsum(durations) / len(durations)
    except OverflowError:
        return math.fsum(each / len(durations) for each in durations)


def _as_it_is(time: datetime) -> datetime:
    return time


def _place(percent: int, count: int) -> int:
    """The place of the nearest rank among sorted values."""
    return max(-(-percent * count // 100), 1) - 1
