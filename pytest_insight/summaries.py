"""What a history says of each test: how often it passed and failed, how long it took, and when."""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.models import TestOutcome, TestSession

BAD = (TestOutcome.FAILED, TestOutcome.ERROR)
UNSTABLE = (*BAD, TestOutcome.RERUN)
"""What a test that also passes is flaky by."""


class TestSummary(msgspec.Struct, frozen=True):
    """All selected results of one nodeid.

    Attributes:
        nodeid: the test.
        results: how many there are, reruns among them.
        outcomes: how many of each outcome, by their names.
        mean: of the durations, in seconds; for it each counts in whole microseconds, and one of
            more than 11 days as 11.57 days.
        p50: the least duration that half of the results do not exceed; None where it was not asked
            for.
        p95: the same for 95 % of them.
        maximum: the longest.
        first_seen: when the earliest began, in UTC.
        last_seen: when the latest began.
        last_outcome: of the result that began last; of several that began at once, of one that is
            no rerun, and then the last one by name.
    """

    __test__ = False

    nodeid: str
    results: int
    outcomes: dict[str, int]
    mean: float
    p50: float | None
    p95: float | None
    maximum: float
    first_seen: datetime
    last_seen: datetime
    last_outcome: TestOutcome

    @property
    def failures(self) -> int:
        """How many failed or had an error."""
        return sum(self.outcomes.get(outcome, 0) for outcome in BAD)

    @property
    def flaky(self) -> bool:
        """Whether it passed, and also failed, had an error or was run again."""
        return TestOutcome.PASSED in self.outcomes and any(map(self.outcomes.get, UNSTABLE))


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
    SummaryOrder.P95: lambda each: each.p95 or 0.0,
    SummaryOrder.FAILURES: lambda each: each.failures,
    SummaryOrder.LAST: lambda each: each.last_seen,
}


MOST_MICROS = 10**12
"""What a duration counts for a mean at most: sums must fit 64 bits."""


def whole_micros(duration: float) -> int:
    """A duration as it counts for a mean: sums of these are the same in whatever order."""
    micros = duration * 1e6
    return int(micros + 0.5) if micros < MOST_MICROS else MOST_MICROS


class Totals:
    """Adds up the results of one test."""

    __slots__ = ("_durations", "_first", "_last", "_longest", "_outcomes", "_total")

    def __init__(self) -> None:
        self._durations = array("d")
        self._outcomes: Counter[str] = Counter()
        self._total = 0
        self._longest = 0.0
        self._first: datetime | None = None
        self._last: tuple[datetime, bool, str] | None = None

    def add(
        self,
        outcome: str,
        results: int,
        total: int,
        longest: float,
        first: datetime,
        last: datetime,
    ) -> None:
        """Add results of one outcome.

        Args:
            outcome: its name.
            results: how many.
            total: their durations, each by `whole_micros`.
            longest: the longest duration.
            first: when the first began.
            last: when the last began.
        """
        self._outcomes[outcome] += results
        self._total += total
        self._longest = max(self._longest, longest)
        if self._first is None or first < self._first:
            self._first = first
        this = (last, outcome != TestOutcome.RERUN, outcome)
        if self._last is None or this > self._last:
            self._last = this

    def extend(self, durations: Iterable[float]) -> None:
        """Add the single durations, for the percentiles: 8 bytes for each."""
        self._durations.extend(durations)

    def summary(self, nodeid: str) -> TestSummary:
        """What they come to."""
        assert self._first is not None  # noqa: S101 - for the type checker: there is one at least
        assert self._last is not None  # noqa: S101
        durations, count = sorted(self._durations), self._outcomes.total()
        return TestSummary(
            nodeid,
            count,
            dict(sorted(self._outcomes.items())),
            mean=self._total / count / 1e6,
            p50=durations[_place(50, count)] if durations else None,
            p95=durations[_place(95, count)] if durations else None,
            maximum=self._longest,
            first_seen=self._first,
            last_seen=self._last[0],
            last_outcome=TestOutcome(self._last[2]),
        )


def summarised(sessions: Iterable[TestSession], *, percentiles: bool = True) -> list[TestSummary]:
    """The summary of each test, by nodeid."""
    groups: dict[tuple[str, str], tuple[array[float], list[datetime]]] = {}
    for session in sessions:
        for result in session.test_results:
            key = (result.nodeid, result.outcome)
            group = groups.get(key)
            if group is None:
                group = groups[key] = (array("d"), [])
            group[0].append(result.duration)
            group[1].append(result.start_time)
    tests: dict[str, Totals] = {}
    for (nodeid, outcome), (durations, starts) in groups.items():
        test = tests.get(nodeid)
        if test is None:
            test = tests[nodeid] = Totals()
        total = sum(map(whole_micros, durations))
        test.add(str(outcome), len(starts), total, max(durations), min(starts), max(starts))
        if percentiles:
            test.extend(durations)
    return [tests[nodeid].summary(nodeid) for nodeid in sorted(tests)]


def ordered(
    summaries: Iterable[TestSummary], sort: SummaryOrder | None, limit: int | None
) -> list[TestSummary]:
    """The first ones by an order; without one, by nodeid."""
    found = sorted(summaries, key=lambda each: each.nodeid)
    if sort is not None:
        found.sort(key=_VALUES[sort], reverse=True)  # those alike stay as they are
    return found if limit is None else found[:limit]


def _place(percent: int, count: int) -> int:
    """The place of the nearest rank among sorted values."""
    return max(-(-percent * count // 100), 1) - 1
