"""What each test did on each day, kept with the results: a long history is summed up from it.

A day is one of UTC, by the session's start. What is added is added up; where a session is deleted
or replaced, the days it was on are counted again, for its tests. All in the transaction that writes
the results, so the two never differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS
from pytest_insight.storage.sql.keys import time_of
from pytest_insight.storage.sql.rows import BAD_CODES, OTHER, OUTCOMES, Row
from pytest_insight.summaries import SummaryOrder, Totals, whole_micros

MICROS_PER_DAY = 86_400_000_000
MOST_LINES = 100_000
"""Lines that are added up in memory before they are written."""

COLUMNS = ("test", "outcome", "other", "day", "results", "total", "longest", "first", "last")

Key = tuple[int, int, str, int]
"""Test, number of the outcome, its name where it has none, and day."""


class Line(NamedTuple):
    """What one test did on one day with one outcome.

    Attributes:
        results: how many.
        total: their durations in microseconds.
        longest: the longest, in seconds.
        first, last: when the first and the last began, in microseconds since 1970.
    """

    results: int
    total: int
    longest: float
    first: int
    last: int


def day_of(started: int) -> int:
    """The day of a session's start: how many there were since 1970."""
    return started // MICROS_PER_DAY


class Days:
    """The lines that one transaction adds or has counted again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: dict[Key, Line] = {}
        self._stale: dict[int, set[int]] = {}

    def add(self, started: int, results: Iterable[Row]) -> None:
        """Add the rows of a session's results (`rows.RESULT_COLUMNS`)."""
        for _, test, _, outcome, began, duration, _, _, _, other in results:
            self._add(started, test, outcome, other, duration, started + began)
        if len(self._added) >= MOST_LINES:
            self._write()

    def _add(
        self, started: int, test: int, code: int, other: str | None, duration: float, begin: int
    ) -> None:
        key = (test, code, other or "", day_of(started))
        old = self._added.get(key)
        total = whole_micros(duration)
        self._added[key] = (
            Line(1, total, duration, begin, begin)
            if old is None
            else Line(
                old.results + 1,
                old.total + total,
                max(old.longest, duration),
                min(old.first, begin),
                max(old.last, begin),
            )
        )

    def forget(self, started: int, tests: Collection[int]) -> None:
        """A session of that start with these tests is gone: count its day again."""
        self._stale.setdefault(day_of(started), set()).update(tests)

    def finish(self) -> None:
        """Write everything; the sessions and results are written already."""
        self._write()
        for day, tests in sorted(self._stale.items()):
            self._count_again(day, tests)
        self._write()
        self._stale.clear()

    def _write(self) -> None:
        # In the order of their keys: two writers must meet in one order.
        self._connection.add_days([(*key, *line) for key, line in sorted(self._added.items())])
        self._added.clear()

    def _count_again(self, day: int, tests: Collection[int]) -> None:
        connection, dialect = self._connection, self._connection.dialect
        which = dialect.any_of("test", tests)
        connection.change(
            f"DELETE FROM insight_days WHERE {which.sql} AND day = ?", (*which.parameters, day)
        )
        of_day = connection.rows(
            "SELECT id FROM insight_sessions WHERE started >= ? AND started < ?",
            (day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY),
        )
        for (session,) in of_day:
            which = dialect.any_of("r.test", tests)
            for row in connection.rows(
                "SELECT s.started, r.test, r.outcome, r.other, r.duration, s.started + r.began"
                " FROM insight_results r JOIN insight_sessions s ON s.id = r.session"
                f" WHERE r.session = ? AND {which.sql}",
                (session, *which.parameters),
            ):
                self._add(*row)


_MEAN = "sum(total) * 1.0 / sum(results)"
_RANKS = {
    SummaryOrder.MEAN: _MEAN,
    SummaryOrder.FAILURES: f"sum(CASE WHEN outcome IN ({BAD_CODES}) THEN results ELSE 0 END)",
    SummaryOrder.LAST: "max(last)",
}


def totals(
    connection: Connection, sort: SummaryOrder | None = None, limit: int | None = None
) -> dict[int, Totals]:
    """What tests did in the whole history, by their keys.

    Args:
        connection: for reading.
        sort: what the database can rank tests by; None for all tests.
        limit: only the first so many, and those that are alike to the last of them.
    """
    which = ALWAYS
    if sort is not None and limit is not None:
        which = connection.dialect.any_of("test", _first(connection, _RANKS[sort], limit))
    found: dict[int, Totals] = {}
    for test, code, other, results, total, longest, first, last in connection.rows(
        "SELECT test, outcome, other, CAST(sum(results) AS BIGINT), CAST(sum(total) AS BIGINT),"
        " max(longest), min(first), max(last) FROM insight_days"
        f" WHERE {which.sql} GROUP BY test, outcome, other",
        which.parameters,
    ):
        outcome = other if code == OTHER else OUTCOMES[code]
        mine = found.get(test)
        if mine is None:
            mine = found[test] = Totals()
        mine.add(str(outcome), results, total, longest, time_of(first), time_of(last))
    return found


def _first(connection: Connection, rank: str, limit: int) -> list[int]:
    ranked = connection.rows(
        f"SELECT test, {rank} AS value FROM insight_days GROUP BY test ORDER BY value DESC LIMIT ?",
        (limit,),
    )
    if len(ranked) < limit or not ranked:
        return [row[0] for row in ranked]
    # Those alike are told apart by their nodeids, which are not here.
    return [
        row[0]
        for row in connection.rows(
            f"SELECT test FROM insight_days GROUP BY test HAVING {rank} >= ?", (ranked[-1][1],)
        )
    ]
