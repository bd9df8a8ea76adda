"""Rollups: what each test did per day and in total, so that a history is summarised from few rows.

A session belongs to the UTC day on which it started. Saving a session adds to the rollups; when one
is deleted or replaced, its tests are recounted for its day. This happens in the transaction that
changes the results, so the rollups always agree with them.

Summarising 400,000 results of 2,000 tests takes 10 ms from the rollups, 400 ms from the results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from numbers import Number
from operator import itemgetter

from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.connection import ROLLUP_KEYS, Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition
from pytest_insight.storage.sql.rows import (
    BAD_CODES,
    IS_INVENTED,
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
"""Tests that are ranked beyond the limit, in case they have the same value as the last one."""

Aggregate = tuple[int, int, float, int, int]
"""Number of results, sum of durations in microseconds, longest duration in seconds, first and last
start in microseconds since 1970-01-01 UTC."""
DayKey = tuple[int, int, int]
"""Test, outcome code and day."""


class Rollups:
    """Collects the rollup changes of one transaction; call `finish` before its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._days: dict[DayKey, Aggregate] = {}
        self._stale: dict[int, set[int]] = {}
        self._all_stale = False

    def add(self, started: int, results: Iterable[Row]) -> None:
        """Add a session's rows of `insight_results`."""
        day, days = started // MICROS_PER_DAY, self._days
        for _, test, _, code, began, duration, _, _ in results:
            begin = started + began
            added = (1, round_micros(duration), duration, begin, begin)
            aggregate = days.get((test, code, day))
            days[test, code, day] = added if aggregate is None else _merge(aggregate, added)
        if len(days) >= MAX_PENDING:
            self._write()

    def add_stored(self, session: int, started: int, condition: Condition = ALWAYS) -> None:
        """Add the results of a stored session that meet a condition.

        Raises:
            DamagedStoreError: the rows are not as we write them.
        """
        rows = self._connection.fetch(
            f"SELECT {RESULT_COLUMNS} FROM insight_results WHERE session = ? AND {condition.sql}",
            (session, *condition.parameters),
        )
        types = {(type(started), *map(type, itemgetter(1, 3, 4, 5)(row))) for row in rows}
        if not types <= {(int, int, int, int, float)}:
            raise self._connection.damage(
                f"the session with the key {session} has rows with values of other types"
            )
        self.add(started, rows)

    def mark_stale(self, started: object, tests: Collection[int]) -> None:
        """Have the tests of a deleted session recounted for the day on which it started.

        If the start is not a number, because its row was damaged, everything is recounted.
        """
        if isinstance(started, int):
            self._stale.setdefault(started // MICROS_PER_DAY, set()).update(tests)
        else:
            self._all_stale = True

    def finish(self) -> None:
        """Write all changes; the sessions and results are already written."""
        if self._all_stale:
            rebuild(self._connection)
            return
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
            totals[test, code] = day if total is None else _merge(total, day)
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
            self.add_stored(session, started, of_tests)

    def _recompute_totals(self, tests: Collection[int]) -> None:
        where = self._connection.dialect.in_numbers("test", tests)
        self._connection.execute(f"DELETE FROM insight_totals WHERE {where.sql}", where.parameters)
        self._connection.execute(
            "INSERT INTO insight_totals SELECT test, outcome, sum(results), sum(total),"
            f" max(longest), min(first), max(last) FROM insight_days WHERE {where.sql}"
            " GROUP BY test, outcome",
            where.parameters,
        )


def _merge(one: Aggregate, other: Aggregate) -> Aggregate:
    return (
        one[0] + other[0],
        one[1] + other[1],
        one[2] if one[2] > other[2] else other[2],
        one[3] if one[3] < other[3] else other[3],
        one[4] if one[4] > other[4] else other[4],
    )


# Verification -----------------------------------------------------------------------------------

_FROM_RESULTS = (
    "SELECT r.test, r.outcome, count(*), max(r.duration), min(s.started + r.began),"
    " max(s.started + r.began) FROM insight_results r JOIN insight_sessions s ON s.id = r.session"
    " GROUP BY r.test, r.outcome"
)
_FROM_TOTALS = "SELECT test, outcome, results, longest, first, last FROM insight_totals"
_FROM_DAYS = (
    "SELECT test, outcome, sum(results), sum(total), max(longest), min(first), max(last)"
    " FROM insight_days GROUP BY test, outcome"
)
_WITH_SUMS = "SELECT test, outcome, results, total, longest, first, last FROM insight_totals"


def count_wrong_totals(connection: Connection) -> int:
    """Return how many totals disagree with the results or the days.

    The sums of durations are only compared with those of the days: results are rounded in Python.

    Args:
        connection: in a read transaction.
    """
    wrong = 0
    for one, other in (
        (_FROM_RESULTS, _FROM_TOTALS),
        (_FROM_TOTALS, _FROM_RESULTS),
        (_FROM_DAYS, _WITH_SUMS),
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
    for session, started in connection.fetch("SELECT id, started FROM insight_sessions"):
        rollups.add_stored(session, started)
    rollups.finish()


# Summaries --------------------------------------------------------------------------------------


OutcomeTotal = tuple[str, int, int, float, int, int]
"""The results of a test with one outcome: the outcome, and the fields of an `Aggregate`."""


def summary_of(
    connection: Connection,
    nodeid: str,
    sut_name: str,
    totals: list[OutcomeTotal],
    durations: Iterable[float] | None,
) -> TestSummary:
    """Return the summary of a test.

    Args:
        connection: whose damage an error reports.
        nodeid: the nodeid of the test.
        sut_name: its SUT.
        totals: its results, by outcome; at least one.
        durations: all durations in seconds; None if percentiles are not needed.

    Raises:
        DamagedStoreError: the numbers are not as we write them.
    """
    try:
        return _summary_of(nodeid, sut_name, totals, durations)
    except ArithmeticError as exc:
        raise connection.damage(f"the totals of {nodeid!r} are not possible: {exc}") from exc


def _summary_of(
    nodeid: str, sut_name: str, totals: list[OutcomeTotal], durations: Iterable[float] | None
) -> TestSummary:
    outcomes, counts, sums, longest, firsts, lasts = zip(*totals, strict=True)
    last, last_outcome = lasts[0], outcomes[0]
    for outcome, time in zip(outcomes[1:], lasts[1:], strict=True):
        if time > last or (time == last and counts_as_later(outcome, last_outcome)):
            last, last_outcome = time, outcome
    count = sum(counts)
    ranked = None if durations is None else sorted(durations)
    return TestSummary(
        nodeid,
        sut_name,
        count,
        dict(sorted(zip(outcomes, counts, strict=True))),
        mean=sum(sums) / count / 1e6,
        p50=ranked[percentile_index(50, count)] if ranked else None,
        p95=ranked[percentile_index(95, count)] if ranked else None,
        maximum=max(longest),
        first_seen=from_micros(min(firsts)),
        last_seen=from_micros(last),
        last_outcome=TestOutcome(last_outcome),
    )


class OutcomeNames(dict[int, str]):
    """The outcomes by code; those of other plugins are read from the database when needed."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(OUTCOMES)
        self._connection = connection

    def __missing__(self, code: int) -> str:
        rows = self._connection.fetch("SELECT name FROM insight_outcomes WHERE id = ?", (code,))
        name = rows[0][0] if rows else None
        if not isinstance(name, str) or not name:
            raise self._connection.damage(f"the outcome {code!r} has no name")
        self[code] = name
        return name


_RANKS: Mapping[SummaryOrder, str] = {
    SummaryOrder.MEAN: "sum(total) * 1.0 / sum(results)",
    SummaryOrder.FAILURES: f"sum(CASE WHEN outcome IN ({BAD_CODES}) THEN results ELSE 0 END)",
    SummaryOrder.LAST: "max(last)",
}
"""The orders that the database can rank tests by."""
_IS_FLAKY = (
    f"max(CASE WHEN outcome = {PASSED_CODE} THEN 1 ELSE 0 END) = 1"
    f" AND max(CASE WHEN outcome IN ({UNSTABLE_CODES}) OR {IS_INVENTED} THEN 1 ELSE 0 END) = 1"
)


def find_only_sut(connection: Connection) -> str | None:
    """Return the SUT of all sessions; None if there are several, or no sessions.

    The rollups are by nodeid, so they are the totals of tests only if there is a single SUT.

    Raises:
        DamagedStoreError: it is not a text.
    """
    rows = connection.fetch("SELECT DISTINCT sut FROM insight_sessions LIMIT 2")
    if not all(isinstance(name, str) for (name,) in rows):
        raise connection.damage("a session has no SUT")
    return rows[0][0] if len(rows) == 1 else None


def load_summaries(
    connection: Connection,
    sut_name: str,
    sort: SummaryOrder | None,
    limit: int | None,
    *,
    flaky: bool,
) -> list[TestSummary]:
    """Return the summaries of the whole history, unsorted and without percentiles.

    Args:
        connection: in a read transaction.
        sut_name: what `find_only_sut` returned.
        sort: the order that `limit` refers to, one of those that the database can rank by.
        limit: return only the first N tests, and those with the same value as the last of them.
            Ignored without an order.
        flaky: return only tests that are `TestSummary.flaky`.
    """
    where = ALWAYS
    having = _IS_FLAKY if flaky else ALWAYS.sql
    grouped = f"FROM insight_totals GROUP BY test HAVING {having}"
    if sort is not None and limit is not None:
        rank = f"SELECT test, {_RANKS[sort]} AS value {grouped} ORDER BY value DESC"
        most = 2 * limit + EXTRA_RANKED
        ranked = connection.fetch(f"{rank} LIMIT ?", (most,))
        if len(ranked) == most and ranked[-1][1] == ranked[limit - 1][1]:
            ranked = connection.fetch(rank)
        where = connection.dialect.in_numbers("o.test", first_ranked(connection, ranked, limit))
    elif flaky:
        where = Condition(f"o.test IN (SELECT test {grouped})")
    found: defaultdict[str, list[OutcomeTotal]] = defaultdict(list)
    outcomes = OutcomeNames(connection)
    for row in connection.fetch(
        "SELECT t.nodeid, o.outcome, o.results, o.total, o.longest, o.first, o.last"
        f" FROM insight_totals o LEFT JOIN insight_tests t ON t.id = o.test WHERE {where.sql}",
        where.parameters,
    ):
        if tuple(map(type, row)) != (str, int, int, int, float, int, int):
            raise connection.damage("a total has a value of another type")
        nodeid, code, *aggregate = row
        found[nodeid].append((outcomes[code], *aggregate))
    return [
        summary_of(connection, nodeid, sut_name, totals, None) for nodeid, totals in found.items()
    ]


def first_ranked(
    connection: Connection, ranked: list[Row], limit: int, tolerance: float = 0
) -> list[int]:
    """Return the keys of the first N tests, and of those with the same value as the last of them.

    Args:
        connection: whose damage an error reports.
        ranked: the key and value of each test, highest value first; a nodeid that several SUTs have
            is in it several times.
        limit: how many tests.
        tolerance: how far apart values may be to count as the same.

    Raises:
        DamagedStoreError: a value is not a number.
    """
    if not all(isinstance(value, Number) for _, value in ranked):
        raise connection.damage("a total or a result has no number")
    if not limit or not ranked:
        return []
    least = ranked[:limit][-1][1] - tolerance
    return [test for test, value in ranked if value >= least]
