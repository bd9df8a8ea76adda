"""Summaries: per test, how often it passed and failed, how long it took, and when it ran."""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from math import floor
from typing import Any, NamedTuple

import msgspec

from pytest_insight._util.times import in_utc
from pytest_insight.errors import UnknownChoiceError
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import LAST_OUTCOMES
from pytest_insight.models.text import counts_text, duration_text, short_nodeid

BAD = (TestOutcome.FAILED, TestOutcome.ERROR)
"""The outcomes that count as failures."""
UNSTABLE = (*BAD, TestOutcome.RERUN)
"""Outcomes that make a test flaky if it has also passed; those that plugins invent do, too."""

MAX_MICROS = 10**12
"""The most that a duration adds to a mean (11.57 days), so that sums fit 64-bit integers."""


class TestSummary(msgspec.Struct, frozen=True):
    """The selected results of one test: those of one nodeid within one SUT.

    Attributes:
        nodeid: the nodeid.
        sut_name: the SUT.
        results: the number of results, reruns included.
        outcomes: the number of results per outcome, sorted by name.
        mean: the mean duration in seconds. Durations are rounded to microseconds and limited to
            11.57 days for it.
        p50: the median duration in seconds, by the nearest-rank method; None if not requested.
        p95: the 95th percentile of the durations, likewise.
        maximum: the longest duration in seconds.
        first_seen: when the first result began, in UTC.
        last_seen: when the last result began, in UTC.
        last_outcome: the outcome of the last result. If several began at the same time, the last
            one by name that is not a rerun.
    """

    __test__ = False

    nodeid: str
    sut_name: str
    results: int
    outcomes: dict[str, int]
    mean: float
    p50: float | None
    p95: float | None
    maximum: float
    first_seen: datetime
    last_seen: datetime
    last_outcome: TestOutcome

    def __repr__(self) -> str:
        counts, mean = counts_text(self.outcomes), duration_text(self.mean)
        return f"TestSummary({short_nodeid(self.nodeid)!r}, {counts}, mean {mean})"

    @property
    def pass_rate(self) -> float | None:
        """The passes among the passes, failures and errors, 0 to 1; None if there are none."""
        passed = self.outcomes.get(TestOutcome.PASSED, 0)
        return passed / (passed + self.failures) if passed + self.failures else None

    @property
    def failures(self) -> int:
        """The number of results that failed or had an error."""
        return sum(self.outcomes.get(outcome, 0) for outcome in BAD)

    @property
    def flaky(self) -> bool:
        """Whether it passed, and also failed, had an error or was run again.

        This is no verdict: a test that was broken and is fixed has both outcomes, too. `analyze`
        tells them apart.

        Every outcome that a plugin invents counts as "run again" here (`retried` of pytest-retry).
        """
        unstable = any(each in UNSTABLE or each not in LAST_OUTCOMES for each in self.outcomes)
        return TestOutcome.PASSED in self.outcomes and unstable


class SessionSummary(NamedTuple):
    """A session with the numbers of its results instead of the results.

    Attributes:
        session: without results.
        outcomes: the number of results of each outcome.
    """

    session: TestSession
    outcomes: dict[str, int]

    @property
    def is_red(self) -> bool:
        """Whether a result failed or had an error, the session crashed, or `ended_badly`."""
        is_bad = any(self.outcomes.get(outcome) for outcome in BAD)
        return is_bad or self.session.crashed or ended_badly(self.session)


def ended_badly(session: TestSession) -> bool:
    """Return whether pytest's exit status says that the run did not pass.

    That can be without a failed test: after Ctrl-C, and if a plugin failed the run, as for a
    coverage that is too low or a time limit.
    """
    return session.exit_status not in (None, 0, 5)  # 5: no tests


class SummaryOrder(enum.StrEnum):
    """What summaries are sorted by, highest, longest or latest first.

    Ties are in the order of nodeids, then of SUTs.
    """

    MEAN = "mean"
    P95 = "p95"
    FAILURES = "failures"
    LAST = "last"


def get_order(name: str) -> SummaryOrder:
    """Return the order with this name.

    Raises:
        UnknownChoiceError: there is no such order.
    """
    try:
        return SummaryOrder(name)
    except ValueError:
        raise UnknownChoiceError("order", name, list(SummaryOrder)) from None


_SORT_KEYS: dict[SummaryOrder, Callable[[TestSummary], Any]] = {
    SummaryOrder.MEAN: lambda each: each.mean,
    SummaryOrder.P95: lambda each: each.p95 or 0.0,
    SummaryOrder.FAILURES: lambda each: each.failures,
    SummaryOrder.LAST: lambda each: each.last_seen,
}


def sort_summaries(
    summaries: Iterable[TestSummary], sort: SummaryOrder | None, limit: int | None
) -> list[TestSummary]:
    """Return the first N summaries in an order, or by nodeid and SUT if it is None."""
    found = sorted(summaries, key=lambda each: (each.nodeid, each.sut_name))
    if sort is not None:
        found.sort(key=_SORT_KEYS[sort], reverse=True)  # stable: ties stay in that order
    return found if limit is None else found[:limit]


class _Tally:
    """Adds up the results of one test.

    Attributes:
        durations: in seconds; 8 bytes each.
        other_outcomes: the number of results per outcome other than passed.
        first: when the first result began.
        last: when the last result began.
        last_outcome: the outcome of the last result.
    """

    __slots__ = ("durations", "first", "last", "last_outcome", "other_outcomes")

    def __init__(self, start: datetime, outcome: TestOutcome) -> None:
        self.durations = array("d")
        self.other_outcomes: dict[str, int] = {}
        self.first = self.last = start
        self.last_outcome = outcome

    def summary(self, nodeid: str, sut_name: str, *, percentiles: bool) -> TestSummary:
        """Return the summary of the test."""
        durations = sorted(self.durations) if percentiles else self.durations.tolist()
        count = len(durations)
        outcomes = Counter({str(outcome): n for outcome, n in self.other_outcomes.items()})
        if passed := count - outcomes.total():
            outcomes[str(TestOutcome.PASSED)] += passed
        return TestSummary(
            nodeid,
            sut_name,
            count,
            dict(sorted(outcomes.items())),
            mean=sum_micros(durations) / count / 1e6,
            p50=durations[percentile_index(50, count)] if percentiles else None,
            p95=durations[percentile_index(95, count)] if percentiles else None,
            maximum=max(durations),
            first_seen=in_utc(self.first),
            last_seen=in_utc(self.last),
            last_outcome=self.last_outcome,
        )


def summarize(sessions: Iterable[TestSession], *, percentiles: bool = True) -> list[TestSummary]:
    """Return the summary of each test, sorted by nodeid and SUT.

    Holds one session at a time, and 8 bytes per result.
    """
    suts: dict[str, dict[str, _Tally]] = {}
    for session in sessions:
        _add(session.test_results, suts.setdefault(session.sut_name, {}))
    found = [
        tally.summary(nodeid, sut_name, percentiles=percentiles)
        for sut_name, tallies in suts.items()
        for nodeid, tally in tallies.items()
    ]
    return sort_summaries(found, None, None)


def _add(results: Iterable[TestResult], tallies: dict[str, _Tally]) -> None:
    """Add results of one SUT to the tallies of its tests.

    This takes as long as decoding the results; a method call per result would add a quarter.
    """
    passed = TestOutcome.PASSED
    for result in results:
        start, outcome = result.start_time, result.outcome
        tally = tallies.get(result.nodeid)
        if tally is None:
            tally = tallies[result.nodeid] = _Tally(start, outcome)
        tally.durations.append(result.duration)
        if start > tally.last:
            tally.last, tally.last_outcome = start, outcome
        elif start < tally.first:
            tally.first = start
        elif start == tally.last and counts_as_later(outcome, tally.last_outcome):
            tally.last_outcome = outcome
        if outcome is not passed:
            tally.other_outcomes[outcome] = tally.other_outcomes.get(outcome, 0) + 1


def counts_as_later(outcome: str, other: str) -> bool:
    """Return which of two results that began at the same time is `TestSummary.last_outcome`."""
    rerun = TestOutcome.RERUN
    return (outcome != rerun, outcome) > (other != rerun, other)


def round_micros(duration: float) -> int:
    """Return a duration in microseconds, at most `MAX_MICROS`: integers add up in any order."""
    micros = duration * 1e6
    return int(micros + 0.5) if micros < MAX_MICROS else MAX_MICROS


def sum_micros(durations: Collection[float]) -> int:
    """Return `sum(map(round_micros, durations))`, four times as fast."""
    if max(durations, default=0.0) * 1e6 > MAX_MICROS:
        return sum(map(round_micros, durations))
    return sum(map(floor, [duration * 1e6 + 0.5 for duration in durations]))


def percentile_index(percent: int, count: int) -> int:
    """Return the index of a percentile in `count` sorted values, by the nearest-rank method."""
    return max(-(-percent * count // 100), 1) - 1
