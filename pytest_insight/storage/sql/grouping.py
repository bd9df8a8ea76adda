"""What results say of each test, from narrow rows: no session is built for it."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from pytest_insight.storage.sql.compiling import TEXTS
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Statement
from pytest_insight.storage.sql.finding import Candidate, Finder, batches
from pytest_insight.storage.sql.keys import time_of
from pytest_insight.storage.sql.rows import OTHER, OUTCOMES, Row, code_of
from pytest_insight.summaries import BAD, SummaryOrder, Tally, TestSummary, ordered

MOST_RESULTS = 200_000
"""Rows that are read at a time; one takes about 200 bytes while it is read."""

_BAD = ", ".join(str(code_of(outcome)) for outcome in BAD)
_VALUES = {
    SummaryOrder.MEAN: "avg(r.duration)",
    SummaryOrder.FAILURES: f"sum(CASE WHEN r.outcome IN ({_BAD}) THEN 1 ELSE 0 END)",
    SummaryOrder.LAST: "max(s.started + r.began)",
}
"""What the database can rank tests by before their results are read."""

SLACK = 1e-9
"""By how much two means that are added up in another order may differ."""


class Grouper:
    """Summarises what a finder finds whose filters all run in the database."""

    def __init__(self, connection: Connection, finder: Finder) -> None:
        self._connection = connection
        self._finder = finder
        self._chosen = finder.chosen()[::-1]
        self._all = not finder.sql.steps and finder.sql.limit is None

    def summaries(self, sort: SummaryOrder | None, limit: int | None) -> list[TestSummary]:
        """As `BaseStorage.group_by_test`."""
        which = ALWAYS
        if limit is not None and sort in _VALUES:
            tests = self._first(sort, limit)
            which = self._connection.dialect.any_of("r.test", tests)
        tallies: dict[int, Tally[int]] = {}
        for batch in batches(self._chosen, MOST_RESULTS):
            self._gather(batch, which, tallies)
        names = self._connection.dialect.any_of("id", list(tallies))
        found = self._connection.rows(
            f"SELECT id, nodeid FROM insight_tests WHERE {names.sql}", names.parameters
        )
        summaries = (tallies[test].summary(nodeid, time_of) for test, nodeid in found)
        return ordered(summaries, sort, limit)

    def _first(self, sort: SummaryOrder, limit: int) -> list[int]:
        """The tests that come first, and those that are so near that others may not tell apart."""
        if not limit:
            return []
        # LAST looks at sessions; the others need not.
        sessions = "JOIN insight_sessions s ON s.id = r.session" if sort == "last" else ""
        keys = [each.key for each in self._chosen]
        mine = ALWAYS if self._all else self._connection.dialect.any_of("r.session", keys)
        ranked = self._connection.rows(
            *self._statement(f"r.test, {_VALUES[sort]} AS value", sessions, mine, "GROUP BY r.test")
        )
        ranked.sort(key=itemgetter(1), reverse=True)
        if len(ranked) <= limit:
            return [row[0] for row in ranked]
        least = ranked[limit - 1][1]
        return [row[0] for row in ranked if row[1] >= least - abs(least) * SLACK]

    def _gather(
        self, batch: list[Candidate], which: Condition, tallies: dict[int, Tally[int]]
    ) -> None:
        mine = self._connection.dialect.any_of("r.session", [each.key for each in batch])
        if which is not ALWAYS:
            mine = Condition(f"{mine.sql} AND {which.sql}", mine.parameters + which.parameters)
        rows = self._connection.rows(
            *self._statement(
                "r.session, r.test, s.started + r.began, r.duration, r.outcome, r.other",
                "JOIN insight_sessions s ON s.id = r.session",
                mine,
                "ORDER BY r.session, r.test, r.position",
            )
        )
        by_session = {key: list(rows) for key, rows in groupby(rows, itemgetter(0))}
        for each in batch:
            _add(by_session.pop(each.key, []), tallies)

    def _statement(self, fields: str, sessions: str, mine: Condition, end: str) -> Statement:
        condition = self._finder.sql.results
        texts = TEXTS if "x." in condition.sql else ""
        return Statement(
            f"SELECT {fields} FROM insight_results r {sessions} {texts}"
            f" WHERE {mine.sql} AND {condition.sql} {end}",
            mine.parameters + condition.parameters,
        )


def _add(rows: list[Row], tallies: dict[int, Tally[int]]) -> None:
    for _, test, start, duration, code, other in rows:
        tally = tallies.get(test)
        if tally is None:
            tally = tallies[test] = Tally(start)
        tally.add(other if code == OTHER else OUTCOMES[code], start, duration)
