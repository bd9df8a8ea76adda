"""Rollups: what each test did per day and in total, so that a history is summarised from few rows.

A session belongs to the UTC day on which it started. Saving a session adds to the rollups; when one
is deleted or replaced, its tests are recounted for its day. This happens in the transaction that
changes the results, so the rollups always agree with them. Without rollups, summaries would read
one row per result instead of one per test and outcome.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping

from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.connection import ROLLUP_KEYS, Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition
from pytest_insight.storage.sql.rows import (
    BAD_CODES,
    OUTCOMES,
    PASSED_CODE,
    RESULT_COLUMNS,
    UNSTABLE_CODES,
    Row,
    from_micros,
)
from pytest_insight.summaries import (
    SummaryOrder,
    TestSummary,
    counts_as_later,
    percentile_index,
    round_micros,
)

MICROS_PER_DAY = 86_400_000_000

MAX_PENDING = 25_000
"""Rows that are added up in memory before they are written; each takes about 300 bytes."""

EXTRA_RANKED = 50
"""Tests that are ranked beyond the limit, in case some have the same value as the last one."""

Aggregate = list[float]
"""Number of results, sum of durations in microseconds, longest duration in seconds, first and last
start in microseconds since 1970-01-01 UTC; all `int` but the longest duration."""
DayKey = tuple[int, int, int]
"""Test, outcome code and day."""


class Rollups:
    """Collects the rollup changes of one transaction; call `finish` before its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._days: dict[DayKey, Aggregate] = {}
        self._stale: dict[int, set[int]] = {}

    def add(self, started: int, results: Iterable[Row]) -> None:
        """Add a session's rows of `insight_results`."""
        day, days = started // MICROS_PER_DAY, self._days
        for _, test, _, code, began, duration, _, _ in results:
            begin = started + began
            key = (test, code, day)
            aggregate = days.get(key)
            if aggregate is None:
                days[key] = [1, round_micros(duration), duration, begin, begin]
                continue
            aggregate[0] += 1
            aggregate[1] += round_micros(duration)
            if duration > aggregate[2]:
                aggregate[2] = duration
            if begin < aggregate[3]:
                aggregate[3] = begin
            if begin > aggregate[4]:
                aggregate[4] = begin
        if len(days) >= MAX_PENDING:
            self._write()

    def mark_stale(self, started: int, tests: Collection[int]) -> None:
        """Have the tests of a deleted session recounted for the day on which it started."""
        self._stale.setdefault(started // MICROS_PER_DAY, set()).update(tests)

    def finish(self) -> None:
        """Write all changes; the sessions and results are already written."""
        self._write()
        if not self._stale:
            return
        for day, tests in sorted(self._stale.items()):
            self._recount_day(day, tests)
        self._write_days()
        self._recompute_totals(set().union(*self._stale.values()))
        self._stale.clear()

    def _write(self) -> None:
        totals: dict[tuple[int, int], Aggregate] = {}
        for (test, code, _), day in self._days.items():
            total = totals.get((test, code))
            if total is None:
                totals[test, code] = day.copy()
                continue
            total[0] += day[0]
            total[1] += day[1]
            total[2] = max(total[2], day[2])
            total[3] = min(total[3], day[3])
            total[4] = max(total[4], day[4])
        self._write_days()
        # Sorted by key, so that concurrent writers cannot deadlock; `_write_days` too.
        rows = [(*key, *total) for key, total in sorted(totals.items())]
        self._connection.add_rollups("insight_totals", rows)

    def _write_days(self) -> None:
        rows = [(*key, *day) for key, day in sorted(self._days.items())]
        self._connection.add_rollups("insight_days", rows)
        self._days.clear()

    def _recount_day(self, day: int, tests: Collection[int]) -> None:
        connection = self._connection
        of_tests = connection.dialect.in_numbers("test", tests)
        connection.execute(
            f"DELETE FROM insight_days WHERE {of_tests.sql} AND day = ?",
            (*of_tests.parameters, day),
        )
        sessions = connection.fetch(
            "SELECT id, started FROM insight_sessions WHERE started >= ? AND started < ?",
            (day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY),
        )
        for session, started in sessions:
            results = connection.fetch(
                f"SELECT {', '.join(RESULT_COLUMNS)} FROM insight_results"
                f" WHERE session = ? AND {of_tests.sql}",
                (session, *of_tests.parameters),
            )
            self.add(started, results)

    def _recompute_totals(self, tests: Collection[int]) -> None:
        where = self._connection.dialect.in_numbers("test", tests)
        self._connection.execute(f"DELETE FROM insight_totals WHERE {where.sql}", where.parameters)
        self._connection.execute(
            "INSERT INTO insight_totals SELECT test, outcome, sum(results), sum(total),"
            f" max(longest), min(first), max(last) FROM insight_days WHERE {where.sql}"
            " GROUP BY test, outcome",
            where.parameters,
        )


# Verification -----------------------------------------------------------------------------------

_FROM_RESULTS = (
    "SELECT r.test, r.outcome, count(*), max(r.duration), min(s.started + r.began),"
    " max(s.started + r.began) FROM insight_results r JOIN insight_sessions s ON s.id = r.session"
    " GROUP BY r.test, r.outcome"
)
_FROM_TOTALS = "SELECT test, outcome, results, longest, first, last FROM insight_totals"
_FROM_DAYS = (
    "SELECT test, outcome, sum(results), max(longest), min(first), max(last) FROM insight_days"
    " GROUP BY test, outcome"
)


def count_wrong_totals(connection: Connection) -> int:
    """Return how many totals disagree with the results or the days; sums of durations are skipped.

    Args:
        connection: in a read transaction.
    """
    wrong = 0
    for one, other in (
        (_FROM_RESULTS, _FROM_TOTALS),
        (_FROM_TOTALS, _FROM_RESULTS),
        (_FROM_DAYS, _FROM_TOTALS),
    ):
        sql = (
            "SELECT count(*) FROM"
            f" (SELECT * FROM ({one}) AS one EXCEPT SELECT * FROM ({other}) AS other) AS wrong"
        )
        wrong = max(wrong, connection.fetch(sql)[0][0])
    return wrong


def rebuild(connection: Connection) -> None:
    """Recount all rollups, in a write transaction that holds the exclusive lock."""
    for table in ROLLUP_KEYS:
        connection.execute(f"DELETE FROM {table}")
    rollups = Rollups(connection)
    sql = f"SELECT {', '.join(RESULT_COLUMNS)} FROM insight_results WHERE session = ?"
    for session, started in connection.fetch("SELECT id, started FROM insight_sessions"):
        rollups.add(started, connection.fetch(sql, (session,)))
    rollups.finish()


# Summaries --------------------------------------------------------------------------------------


class Totals:
    """Adds up the results of one test. Times are microseconds since 1970-01-01 UTC."""

    __slots__ = (
        "_durations",
        "_first",
        "_last",
        "_last_outcome",
        "_longest",
        "_outcomes",
        "_total",
    )

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._total = 0
        self._longest = 0.0
        self._first: int | None = None
        self._last = 0
        self._last_outcome = ""
        self._durations: array[float] | None = None

    def add(
        self, outcome: str, results: int, total: int, longest: float, first: int, last: int
    ) -> None:
        """Add all results with one outcome.

        Args:
            outcome: the outcome.
            results: the number of results.
            total: the sum of their durations in microseconds, each rounded by `round_micros`.
            longest: the longest duration, in seconds.
            first: when the first one began.
            last: when the last one began.
        """
        self._outcomes[outcome] = results
        self._total += total
        if longest > self._longest:
            self._longest = longest
        if self._first is None:
            self._first, self._last, self._last_outcome = first, last, outcome
            return
        if first < self._first:
            self._first = first
        if last > self._last or (
            last == self._last and counts_as_later(outcome, self._last_outcome)
        ):
            self._last, self._last_outcome = last, outcome

    def add_durations(self, durations: Iterable[float]) -> None:
        """Add the durations in seconds, for the percentiles; each takes 8 bytes."""
        if self._durations is None:
            self._durations = array("d")
        self._durations.extend(durations)

    def summary(self, nodeid: str) -> TestSummary:
        """Return the summary; at least one result was added."""
        assert self._first is not None  # noqa: S101 - for the type checker
        outcomes = self._outcomes
        count = sum(outcomes.values())
        durations = None if self._durations is None else sorted(self._durations)
        return TestSummary(
            nodeid,
            count,
            outcomes if len(outcomes) == 1 else dict(sorted(outcomes.items())),
            mean=self._total / count / 1e6,
            p50=durations[percentile_index(50, count)] if durations else None,
            p95=durations[percentile_index(95, count)] if durations else None,
            maximum=self._longest,
            first_seen=from_micros(self._first),
            last_seen=from_micros(self._last),
            last_outcome=TestOutcome(self._last_outcome),
        )


class OutcomeNames(dict[int, str]):
    """The outcomes by code; those of other plugins are read from the database when needed."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(OUTCOMES)
        self._connection = connection

    def __missing__(self, code: int) -> str:
        sql = "SELECT name FROM insight_outcomes WHERE id = ?"
        name = self[code] = str(self._connection.fetch(sql, (code,))[0][0])
        return name


_RANKS: Mapping[SummaryOrder, str] = {
    SummaryOrder.MEAN: "sum(total) * 1.0 / sum(results)",
    SummaryOrder.FAILURES: f"sum(CASE WHEN outcome IN ({BAD_CODES}) THEN results ELSE 0 END)",
    SummaryOrder.LAST: "max(last)",
}
"""The orders that the database can rank tests by."""
_IS_FLAKY = (
    f"max(CASE WHEN outcome = {PASSED_CODE} THEN 1 ELSE 0 END) = 1"
    f" AND max(CASE WHEN outcome IN ({UNSTABLE_CODES}) THEN 1 ELSE 0 END) = 1"
)


def load_summaries(
    connection: Connection, sort: SummaryOrder | None, limit: int | None, *, flaky: bool
) -> list[TestSummary]:
    """Return the summaries of the whole history, unsorted and without percentiles.

    Args:
        connection: in a read transaction.
        sort: the order that `limit` refers to, one of those that the database can rank by.
        limit: return only the first N tests, and those with the same value as the last of them.
            Ignored without an order.
        flaky: return only tests that are `TestSummary.flaky`.
    """
    where = ALWAYS
    if sort is not None and limit is not None:
        tests = _rank_tests(connection, sort, limit, flaky=flaky)
        where = connection.dialect.in_numbers("o.test", tests)
    elif flaky:
        where = Condition(
            f"o.test IN (SELECT test FROM insight_totals GROUP BY test HAVING {_IS_FLAKY})"
        )
    found: dict[str, Totals] = {}
    outcomes = OutcomeNames(connection)
    for nodeid, code, results, total, longest, first, last in connection.fetch(
        "SELECT t.nodeid, o.outcome, o.results, o.total, o.longest, o.first, o.last"
        f" FROM insight_totals o JOIN insight_tests t ON t.id = o.test WHERE {where.sql}",
        where.parameters,
    ):
        totals = found.get(nodeid)
        if totals is None:
            totals = found[nodeid] = Totals()
        totals.add(outcomes[code], results, total, longest, first, last)
    return [totals.summary(nodeid) for nodeid, totals in found.items()]


def _rank_tests(
    connection: Connection, sort: SummaryOrder, limit: int, *, flaky: bool
) -> list[int]:
    """Return the keys of the first N tests, and of those with the same value as the last one."""
    rank = _RANKS[sort]
    grouped = f"FROM insight_totals GROUP BY test HAVING {_IS_FLAKY if flaky else ALWAYS.sql}"
    if not limit:
        return []
    # Ties are broken by nodeid, which this table does not have.
    max_ranked = 2 * limit + EXTRA_RANKED
    ranked = connection.fetch(
        f"SELECT test, {rank} AS value {grouped} ORDER BY value DESC LIMIT ?", (max_ranked,)
    )
    if len(ranked) <= limit:
        return [test for test, _ in ranked]
    least = ranked[limit - 1][1]
    if len(ranked) == max_ranked and ranked[-1][1] >= least:
        sql = f"SELECT test {grouped} AND {rank} >= ?"
        return [row[0] for row in connection.fetch(sql, (least,))]
    return [test for test, value in ranked if value >= least]
