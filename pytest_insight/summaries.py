"""What a history says of each test: how often it passed and failed, how long it took, and when."""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from math import floor
from typing import Any

import msgspec

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.models import TestOutcome, TestResult, TestSession

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
MOST_LOOSE = 250_000
"""Durations that are kept in the way that is quick to add to, but takes four times the memory."""


def whole_micros(duration: float) -> int:
    """A duration as it counts for a mean: sums of these are the same in whatever order."""
    micros = duration * 1e6
    return int(micros + 0.5) if micros < MOST_MICROS else MOST_MICROS


def total_micros(durations: Collection[float]) -> int:
    """Equivalent to `sum(map(whole_micros, durations))`, and four times as fast."""
    if max(durations, default=0.0) * 1e6 > MOST_MICROS:
        return sum(map(whole_micros, durations))
    return sum(map(floor, [duration * 1e6 + 0.5 for duration in durations]))


class _Tally:
    """What is noted of one test while its results go by.

    Attributes:
        nodeid: the test.
        loose: durations since the last `pack`.
        packed: those before it.
        others: how many results there are of each outcome but `passed`, nearly always few.
        first, last: when the earliest and the latest result began.
        last_outcome: of the latest.
        following: the test whose result came after this one's last time. Tests run in much the same
            order again and again. Where one is the expected one, its nodeid, just decoded, need not
            be hashed, which takes a tenth off the whole pass over a history.
    """

    __slots__ = (
        "first",
        "following",
        "last",
        "last_outcome",
        "loose",
        "nodeid",
        "others",
        "packed",
    )

    def __init__(self, nodeid: str, start: datetime, outcome: TestOutcome) -> None:
        self.nodeid = nodeid
        self.loose: list[float] = []
        self.packed = array("d")
        self.others: dict[str, int] = {}
        self.first = self.last = start
        self.last_outcome = outcome
        self.following = self

    def pack(self) -> None:
        """Keep the durations in 8 bytes each; the fastest list to add to takes 32."""
        self.packed.fromlist(self.loose)
        self.loose.clear()

    def summary(self, *, percentiles: bool) -> TestSummary:
        """What the results come to."""
        durations = [*self.packed, *self.loose]
        if percentiles:
            durations.sort()
        count = len(durations)
        outcomes = Counter({str(outcome): times for outcome, times in self.others.items()})
        if passed := count - outcomes.total():
            outcomes[str(TestOutcome.PASSED)] += passed
        return TestSummary(
            self.nodeid,
            count,
            dict(sorted(outcomes.items())),
            mean=total_micros(durations) / count / 1e6,
            p50=durations[place(50, count)] if percentiles else None,
            p95=durations[place(95, count)] if percentiles else None,
            maximum=durations[-1] if percentiles else max(durations),
            first_seen=self.first.astimezone(UTC),
            last_seen=self.last.astimezone(UTC),
            last_outcome=self.last_outcome,
        )


def summarised(sessions: Iterable[TestSession], *, percentiles: bool = True) -> list[TestSummary]:
    """The summary of each test, by nodeid.

    Holds one session at a time, and of each result 8 bytes (32 of the last `MOST_LOOSE`).
    """
    tests: dict[str, _Tally] = {}
    before = _Tally("", datetime.min, TestOutcome.PASSED)  # no test: nodeids are never empty
    loose = 0
    for session in sessions:
        before = _note(session.test_results, tests, before)
        loose += len(session.test_results)
        if loose > MOST_LOOSE:
            loose = 0
            for test in tests.values():
                test.pack()
    return [tests[nodeid].summary(percentiles=percentiles) for nodeid in sorted(tests)]


def _note(results: Iterable[TestResult], tests: dict[str, _Tally], before: _Tally) -> _Tally:
    """Note a session's results; takes and returns the test of the result before.

    All that is done for every result is done right here: this takes as long as decoding it, and a
    call of a function would add a quarter.
    """
    passed = TestOutcome.PASSED
    for result in results:
        nodeid, start, outcome = result.nodeid, result.start_time, result.outcome
        test = before.following
        if test.nodeid != nodeid:
            found = tests.get(nodeid)
            if found is None:
                found = tests[nodeid] = _Tally(nodeid, start, outcome)
            before.following = test = found
        before = test
        test.loose.append(result.duration)
        if start > test.last:
            test.last, test.last_outcome = start, outcome
        elif start < test.first:
            test.first = start
        elif start == test.last and counts_as_later(outcome, test.last_outcome):
            test.last_outcome = outcome
        if outcome is not passed:
            test.others[outcome] = test.others.get(outcome, 0) + 1
    return before


def counts_as_later(outcome: str, other: str) -> bool:
    """Which of two results that began at once is the last; see `TestSummary.last_outcome`."""
    rerun = TestOutcome.RERUN
    return (outcome != rerun, outcome) > (other != rerun, other)


def ordered(
    summaries: Iterable[TestSummary], sort: SummaryOrder | None, limit: int | None
) -> list[TestSummary]:
    """The first ones by an order; without one, by nodeid."""
    found = sorted(summaries, key=lambda each: each.nodeid)
    if sort is not None:
        found.sort(key=_VALUES[sort], reverse=True)  # those alike stay as they are
    return found if limit is None else found[:limit]


def place(percent: int, count: int) -> int:
    """The place of the nearest rank among sorted values."""
    return max(-(-percent * count // 100), 1) - 1
