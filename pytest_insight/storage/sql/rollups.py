"""What each test did on each day and ever, kept with the results: a history is summed up from it.

A day is one of UTC, by the session's start. What is added is added up; where a session is deleted
or replaced, the days it was on are counted again, for its tests. All by the database, in the
transaction that writes the results, so they never differ from them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pytest_insight.storage.sql.connection import ROLLUP_KEYS, Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition
from pytest_insight.storage.sql.rows import (
    BAD_CODES,
    FLAKY_CODES,
    MICROS_PER_DAY,
    OUTCOMES,
    PASSED_CODE,
    RESULT_COLUMNS,
    Row,
    day_of,
)
from pytest_insight.storage.sql.totals import Totals
from pytest_insight.summaries import SummaryOrder, TestSummary, whole_micros

MOST_LINES = 25_000
"""Lines that are added up in memory before they are written; one takes about 300 bytes."""

MOST_ALIKE = 50
"""Tests that are ranked beyond those asked for, in case they are alike."""

Line = list[float]
"""What results come to: how many, their durations in microseconds, the longest in seconds, when the
first and the last began in microseconds since 1970. Everything but the longest is an `int`."""
DayKey = tuple[int, int, int]
"""Test, number of the outcome, and day."""


class Rollups:
    """The lines that one transaction adds, or has counted again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._days: dict[DayKey, Line] = {}
        self._stale: dict[int, set[int]] = {}

    def add(self, started: int, results: Iterable[Row]) -> None:
        """Add the rows of a session's results (`rows.RESULT_COLUMNS`)."""
        day, lines = day_of(started), self._days
        for _, test, _, code, began, duration, _, _ in results:
            begin = started + began
            key = (test, code, day)
            line = lines.get(key)
            if line is None:
                lines[key] = [1, whole_micros(duration), duration, begin, begin]
                continue
            line[0] += 1
            line[1] += whole_micros(duration)
            if duration > line[2]:
                line[2] = duration
            if begin < line[3]:
                line[3] = begin
            if begin > line[4]:
                line[4] = begin
        if len(lines) >= MOST_LINES:
            self._write()

    def forget(self, started: int, tests: Collection[int]) -> None:
        """A session of that start with these tests is gone: count its day again."""
        self._stale.setdefault(day_of(started), set()).update(tests)

    def finish(self) -> None:
        """Write everything; the sessions and results are written already."""
        self._write()
        if not self._stale:
            return
        for day, tests in sorted(self._stale.items()):
            self._count_again(day, tests)
        self._write_days()
        self._sum_up_again(set().union(*self._stale.values()))
        self._stale.clear()

    def _write(self) -> None:
        totals: dict[tuple[int, int], Line] = {}
        for (test, code, _), line in self._days.items():
            mine = totals.get((test, code))
            if mine is None:
                totals[test, code] = line.copy()
                continue
            mine[0] += line[0]
            mine[1] += line[1]
            mine[2] = max(mine[2], line[2])
            mine[3] = min(mine[3], line[3])
            mine[4] = max(mine[4], line[4])
        self._write_days()
        # In the order of their keys, here and there: two writers must meet in one order.
        self._connection.add_up("insight_totals", [(*k, *v) for k, v in sorted(totals.items())])

    def _write_days(self) -> None:
        self._connection.add_up("insight_days", [(*k, *v) for k, v in sorted(self._days.items())])
        self._days.clear()

    def _count_again(self, day: int, tests: Collection[int]) -> None:
        connection, dialect = self._connection, self._connection.dialect
        which = dialect.any_of("test", tests)
        connection.change(
            f"DELETE FROM insight_days WHERE {which.sql} AND day = ?", (*which.parameters, day)
        )
        of_day = connection.rows(
            "SELECT id, started FROM insight_sessions WHERE started >= ? AND started < ?",
            (day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY),
        )
        which = dialect.any_of("test", tests)
        for session, started in of_day:
            results = connection.rows(
                f"SELECT {', '.join(RESULT_COLUMNS)} FROM insight_results"
                f" WHERE session = ? AND {which.sql}",
                (session, *which.parameters),
            )
            self.add(started, results)

    def _sum_up_again(self, tests: Collection[int]) -> None:
        which = self._connection.dialect.any_of("test", tests)
        self._connection.change(f"DELETE FROM insight_totals WHERE {which.sql}", which.parameters)
        self._connection.change(
            "INSERT INTO insight_totals SELECT test, outcome, sum(results), sum(total),"
            f" max(longest), min(first), max(last) FROM insight_days WHERE {which.sql}"
            " GROUP BY test, outcome",
            which.parameters,
        )


# Whether they are right -------------------------------------------------------------------------

_COUNTED = (
    "SELECT r.test, r.outcome, count(*), max(r.duration), min(s.started + r.began),"
    " max(s.started + r.began) FROM insight_results r JOIN insight_sessions s ON s.id = r.session"
    " GROUP BY r.test, r.outcome"
)
_TOTALS = "SELECT test, outcome, results, longest, first, last FROM insight_totals"
_OF_DAYS = (
    "SELECT test, outcome, sum(results), max(longest), min(first), max(last) FROM insight_days"
    " GROUP BY test, outcome"
)


def wrong_lines(connection: Connection) -> int:
    """How many totals are not what the results and the days come to; their means are not looked at.

    The connection reads one state.
    """
    wrong = 0
    for one, other in ((_COUNTED, _TOTALS), (_TOTALS, _COUNTED), (_OF_DAYS, _TOTALS)):
        sql = (
            "SELECT count(*) FROM"
            f" (SELECT * FROM ({one}) AS one EXCEPT SELECT * FROM ({other}) AS other) AS wrong"
        )
        wrong = max(wrong, connection.rows(sql)[0][0])
    return wrong


def made_anew(connection: Connection) -> None:
    """Count everything again; in a transaction that keeps every other writer out."""
    for table in ROLLUP_KEYS:
        connection.change(f"DELETE FROM {table}")
    rollups = Rollups(connection)
    fields = ", ".join(RESULT_COLUMNS)
    for session, started in connection.rows("SELECT id, started FROM insight_sessions"):
        results = connection.rows(
            f"SELECT {fields} FROM insight_results WHERE session = ?", (session,)
        )
        rollups.add(started, results)
    rollups.finish()


# Back -------------------------------------------------------------------------------------------

_RANKS: Mapping[SummaryOrder, str] = {
    SummaryOrder.MEAN: "sum(total) * 1.0 / sum(results)",
    SummaryOrder.FAILURES: f"sum(CASE WHEN outcome IN ({BAD_CODES}) THEN results ELSE 0 END)",
    SummaryOrder.LAST: "max(last)",
}
"""What the database can rank tests by."""
_IS_FLAKY = (
    f"max(CASE WHEN outcome = {PASSED_CODE} THEN 1 ELSE 0 END) = 1"
    f" AND max(CASE WHEN outcome IN ({FLAKY_CODES}) THEN 1 ELSE 0 END) = 1"
)


def summaries(
    connection: Connection, sort: SummaryOrder | None, limit: int | None, *, flaky: bool
) -> list[TestSummary]:
    """What tests did in the whole history, in any order, without percentiles.

    Args:
        connection: for reading.
        sort: what the database can rank tests by; None for no order.
        limit: with an order only the first so many, and those that are alike to the last of them.
        flaky: only tests that are `TestSummary.flaky`.
    """
    which = ALWAYS
    if sort is not None and limit is not None:
        which = connection.dialect.any_of("o.test", _first(connection, sort, limit, flaky=flaky))
    elif flaky:
        which = Condition(
            f"o.test IN (SELECT test FROM insight_totals GROUP BY test HAVING {_IS_FLAKY})"
        )
    found: dict[str, Totals] = {}
    outcomes = OutcomeNames(connection)
    for nodeid, code, results, total, longest, first, last in connection.rows(
        "SELECT t.nodeid, o.outcome, o.results, o.total, o.longest, o.first, o.last"
        f" FROM insight_totals o JOIN insight_tests t ON t.id = o.test WHERE {which.sql}",
        which.parameters,
    ):
        mine = found.get(nodeid)
        if mine is None:
            mine = found[nodeid] = Totals()
        mine.add(outcomes[code], results, total, longest, first, last)
    return [mine.summary(nodeid) for nodeid, mine in found.items()]


class OutcomeNames(dict[int, str]):
    """The outcomes by their numbers; one that was made up is read when it is first asked for."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(OUTCOMES)
        self._connection = connection

    def __missing__(self, code: int) -> str:
        sql = "SELECT name FROM insight_outcomes WHERE id = ?"
        name = self[code] = str(self._connection.rows(sql, (code,))[0][0])
        return name


def _first(connection: Connection, sort: SummaryOrder, limit: int, *, flaky: bool) -> list[int]:
    rank = _RANKS[sort]
    candidates = f"FROM insight_totals GROUP BY test HAVING {_IS_FLAKY if flaky else ALWAYS.sql}"
    if not limit:
        return []
    # Those alike to the last one are told apart by their nodeids, which are not here.
    most = 2 * limit + MOST_ALIKE
    ranked = connection.rows(
        f"SELECT test, {rank} AS value {candidates} ORDER BY value DESC LIMIT ?", (most,)
    )
    if len(ranked) <= limit:
        return [test for test, _ in ranked]
    least = ranked[limit - 1][1]
    if len(ranked) == most and ranked[-1][1] >= least:
        sql = f"SELECT test {candidates} AND {rank} >= ?"
        return [row[0] for row in connection.rows(sql, (least,))]
    return [test for test, value in ranked if value >= least]
