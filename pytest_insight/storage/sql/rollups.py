"""What each test did on each day and ever, kept with the results: a history is summed up from it.

A day is one of UTC, by the session's start. What is added is added up; where a session is deleted
or replaced, the days it was on are counted again, for its tests. All by the database, in the
transaction that writes the results, so they never differ from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import itemgetter

from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Dialect
from pytest_insight.storage.sql.keys import time_of
from pytest_insight.storage.sql.rows import (
    BAD_CODES,
    FLAKY_CODES,
    MICROS_PER_DAY,
    OTHER,
    OUTCOMES,
    PASSED_CODE,
    day_of,
)
from pytest_insight.summaries import MOST_MICROS, SummaryOrder, TestSummary, Totals

MOST_RESULTS = 100_000
"""Results that are written before they are summed up: the same tests come again and again."""

_SUMS = "sum(results), sum(total), max(longest), min(first), max(last)"
_MOST = f"{MOST_MICROS}.0"


class Rollups:
    """What one transaction adds, or has counted again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._written: set[int] = set()
        self._results = 0
        self._stale: dict[int, set[int]] = {}

    def add(self, session: int, results: int) -> None:
        """A session is written, of that key and with so many results."""
        self._written.add(session)
        self._results += results
        if self._results >= MOST_RESULTS:
            self._add_written()

    def forget(self, started: int, tests: Collection[int]) -> None:
        """A session of that start with these tests is gone: count its day again."""
        self._stale.setdefault(day_of(started), set()).update(tests)

    def finish(self) -> None:
        """Write everything; the sessions and results are written already."""
        self._add_written()
        if not self._stale:
            return
        dialect = self._connection.dialect
        gone: set[int] = set()
        for day, tests in sorted(self._stale.items()):
            which = dialect.any_of("test", tests)
            self._connection.change(
                f"DELETE FROM insight_days WHERE {which.sql} AND day = ?", (*which.parameters, day)
            )
            self._add_of_days(self._of_day(day), dialect.any_of("r.test", tests))
            gone |= tests
        which = dialect.any_of("test", gone)
        self._connection.change(f"DELETE FROM insight_totals WHERE {which.sql}", which.parameters)
        self._connection.change(
            f"INSERT INTO insight_totals SELECT test, outcome, other, {_SUMS}"
            f" FROM insight_days WHERE {which.sql} GROUP BY test, outcome, other",
            which.parameters,
        )
        self._stale.clear()

    def _add_written(self) -> None:
        if self._results:
            sessions = self._connection.dialect.any_of("r.session", sorted(self._written))
            self._add_of_days(sessions, ALWAYS)
            self._add_to_totals(sessions)
        self._written.clear()
        self._results = 0

    def _of_day(self, day: int) -> Condition:
        found = self._connection.rows(
            "SELECT id FROM insight_sessions WHERE started >= ? AND started < ?",  # has an index
            (day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY),
        )
        return self._connection.dialect.any_of("r.session", [row[0] for row in found])

    def _add_of_days(self, sessions: Condition, tests: Condition) -> None:
        dialect = self._connection.dialect
        self._connection.change(
            _add_up("insight_days", ", s.day", ", day", dialect, f"{sessions.sql} AND {tests.sql}"),
            sessions.parameters + tests.parameters,
        )

    def _add_to_totals(self, sessions: Condition) -> None:
        statement = _add_up("insight_totals", "", "", self._connection.dialect, sessions.sql)
        self._connection.change(statement, sessions.parameters)


def _add_up(table: str, day: str, day_column: str, dialect: Dialect, condition: str) -> str:
    """A statement that adds results up with the lines that are there.

    In the order of their keys: two writers must meet in one order.
    """
    more, less = dialect.greater, dialect.less
    micros = dialect.whole(f"{less}(r.duration * 1000000, {_MOST}) + 0.5")
    # Of this order are the columns of both tables, and the day is of one alone.
    return (
        f"INSERT INTO {table} SELECT r.test, r.outcome, coalesce(r.other, ''){day}, count(*),"
        f" sum({micros}), max(r.duration), min(s.started + r.began), max(s.started + r.began)"
        " FROM insight_results r JOIN insight_sessions s ON s.id = r.session"
        f" WHERE {condition} GROUP BY r.test, r.outcome, coalesce(r.other, ''){day}"
        f" ORDER BY r.test, r.outcome, coalesce(r.other, ''){day}"
        f" ON CONFLICT (test, outcome, other{day_column}) DO UPDATE SET"
        f" results = {table}.results + excluded.results,"
        f" total = {table}.total + excluded.total,"
        f" longest = {more}({table}.longest, excluded.longest),"
        f" first = {less}({table}.first, excluded.first),"
        f" last = {more}({table}.last, excluded.last)"
    )


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
    if flaky or (sort is not None and limit is not None):
        which = connection.dialect.any_of("o.test", _first(connection, sort, limit, flaky=flaky))
    found: dict[str, Totals] = {}
    for nodeid, code, other, results, total, longest, first, last in connection.rows(
        "SELECT t.nodeid, o.outcome, o.other, o.results, o.total, o.longest, o.first, o.last"
        f" FROM insight_totals o JOIN insight_tests t ON t.id = o.test WHERE {which.sql}",
        which.parameters,
    ):
        mine = found.get(nodeid)
        if mine is None:
            mine = found[nodeid] = Totals()
        outcome = other if code == OTHER else OUTCOMES[code]
        mine.add(outcome, results, total, longest, time_of(first), time_of(last))
    return [mine.summary(nodeid) for nodeid, mine in found.items()]


def _first(
    connection: Connection, sort: SummaryOrder | None, limit: int | None, *, flaky: bool
) -> list[int]:
    having = f" HAVING {_IS_FLAKY}" if flaky else ""
    if sort is None or limit is None:
        found = connection.rows(f"SELECT test FROM insight_totals GROUP BY test{having}")
        return [row[0] for row in found]
    rank = _RANKS[sort]
    # With those alike to the last one: they are told apart by their nodeids, which are not here.
    found = connection.rows(
        f"SELECT test, {rank} AS value FROM insight_totals GROUP BY test{having}"
    )
    found.sort(key=itemgetter(1), reverse=True)
    least = found[limit - 1][1] if 0 < limit <= len(found) else None
    return [test for test, value in found if least is None or value >= least] if limit else []
