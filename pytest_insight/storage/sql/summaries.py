"""What results say of each test, from narrow rows: no session is built for it."""

from __future__ import annotations

from array import array
from operator import itemgetter

from pytest_insight.storage.sql import rollups
from pytest_insight.storage.sql.conditions import WITH_DETAILS
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Statement
from pytest_insight.storage.sql.keys import key_of
from pytest_insight.storage.sql.reader import Candidate, Finder, batches
from pytest_insight.storage.sql.rows import BAD_CODES
from pytest_insight.storage.sql.totals import Totals
from pytest_insight.summaries import (
    MOST_MICROS,
    SummaryOrder,
    TestSummary,
    ordered,
    total_micros,
)

MOST_RESULTS = 200_000
"""Rows that are read at a time; one takes about 200 bytes while it is read."""

_MOST = f"{MOST_MICROS / 1e6}"
_VALUES = {
    SummaryOrder.MEAN: f"avg(CASE WHEN r.duration > {_MOST} THEN {_MOST} ELSE r.duration END)",
    SummaryOrder.FAILURES: f"sum(CASE WHEN r.outcome IN ({BAD_CODES}) THEN 1 ELSE 0 END)",
    SummaryOrder.LAST: "max(s.started + r.began)",
}
"""What the database can rank tests by before their results are read."""

SLACK = 2e-6
"""By how many seconds a mean may differ that is not of whole microseconds."""

Group = tuple[int, int]
"""A test, and an outcome by its number."""


class Grouper:
    """Summarises what a finder finds whose test filters all run in the database."""

    def __init__(self, connection: Connection, finder: Finder) -> None:
        self._connection = connection
        self._finder = finder
        self._all = not finder.sql.steps and finder.sql.limit is None

    def summaries(
        self, sort: SummaryOrder | None, limit: int | None, *, percentiles: bool, flaky: bool
    ) -> list[TestSummary]:
        """As `BaseStorage.group_by_test`."""
        percentiles = percentiles or sort == SummaryOrder.P95
        rank = None if limit is None or sort == SummaryOrder.P95 else sort
        if self._all and (rank or flaky or not percentiles):
            found = rollups.summaries(self._connection, rank, limit, flaky=flaky)
            if sort != SummaryOrder.P95:  # which is not known yet
                found = ordered(found, sort, limit)
            if not percentiles or not found:
                return found
            which = self._connection.dialect.any_of("r.test", [key_of(t.nodeid) for t in found])
            return ordered(self._named(self._counted(which, percentiles=True)), sort, limit)
        which = ALWAYS
        if rank is not None and limit is not None and not flaky:
            which = self._connection.dialect.any_of("r.test", self._first(rank, limit))
        found = self._named(self._counted(which, percentiles=percentiles))
        return ordered((each for each in found if each.flaky or not flaky), sort, limit)

    def _named(self, tests: dict[int, Totals]) -> list[TestSummary]:
        which = self._connection.dialect.any_of("id", list(tests))
        names = self._connection.rows(
            f"SELECT id, nodeid FROM insight_tests WHERE {which.sql}", which.parameters
        )
        return [tests[test].summary(nodeid) for test, nodeid in names]

    def _first(self, sort: SummaryOrder, limit: int) -> list[int]:
        """The tests that come first, and those that are so near that they may."""
        if not limit:
            return []
        keys = [each.key for each in self._finder.chosen()]
        ranked = self._connection.rows(
            *self._statement(
                f"r.test, {_VALUES[sort]} AS value",
                self._connection.dialect.any_of("r.session", keys),
                "GROUP BY r.test",
            )
        )
        ranked.sort(key=itemgetter(1), reverse=True)
        if len(ranked) <= limit:
            return [row[0] for row in ranked]
        least = ranked[limit - 1][1]
        if sort == SummaryOrder.MEAN:
            least -= SLACK
        return [row[0] for row in ranked if row[1] >= least]

    def _counted(self, which: Condition, *, percentiles: bool) -> dict[int, Totals]:
        """What the results of some tests come to."""
        groups: dict[Group, tuple[array[float], array[int]]] = {}
        for batch in batches(self._finder.chosen(), MOST_RESULTS):
            self._gather(batch, which, groups)
        tests: dict[int, Totals] = {}
        outcomes = rollups.OutcomeNames(self._connection)
        for (test, code), (durations, starts) in groups.items():
            mine = tests.get(test)
            if mine is None:
                mine = tests[test] = Totals()
            total = total_micros(durations)
            mine.add(outcomes[code], len(starts), total, max(durations), min(starts), max(starts))
            if percentiles:
                mine.extend(durations)
        return tests

    def _gather(
        self,
        batch: list[Candidate],
        which: Condition,
        groups: dict[Group, tuple[array[float], array[int]]],
    ) -> None:
        mine = self._connection.dialect.any_of("r.session", [each.key for each in batch])
        if which is not ALWAYS:
            mine = Condition(f"{mine.sql} AND {which.sql}", mine.parameters + which.parameters)
        for test, code, duration, start in self._connection.rows(
            *self._statement("r.test, r.outcome, r.duration, s.started + r.began", mine)
        ):
            group = groups.get((test, code))
            if group is None:
                group = groups[test, code] = (array("d"), array("q"))
            group[0].append(duration)
            group[1].append(start)

    def _statement(self, fields: str, mine: Condition, end: str = "") -> Statement:
        wanted = self._finder.sql.results
        source = wanted.source
        if source == WITH_DETAILS and "x." not in wanted.condition.sql:
            source = "insight_results r"
        return Statement(
            f"SELECT {fields} FROM {source} JOIN insight_sessions s ON s.id = r.session"
            f" WHERE {mine.sql} AND {wanted.condition.sql} {end}",
            mine.parameters + wanted.condition.parameters,
        )
