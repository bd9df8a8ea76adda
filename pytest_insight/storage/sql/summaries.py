"""Summarise the results of each test without building sessions, from totals where possible."""

from __future__ import annotations

from array import array
from collections import defaultdict

from pytest_insight.filters import SutIs
from pytest_insight.storage.sql.conditions import ALL_RESULTS
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Statement
from pytest_insight.storage.sql.reader import Candidate, Reader, split_batches
from pytest_insight.storage.sql.rollups import (
    OutcomeNames,
    OutcomeTotal,
    find_only_sut,
    first_ranked,
    load_summaries,
    summary_of,
)
from pytest_insight.storage.sql.rows import BAD_CODES, hash_key
from pytest_insight.summaries import (
    MAX_MICROS,
    SummaryOrder,
    TestSummary,
    sort_summaries,
    sum_micros,
)

MAX_RESULTS = 200_000
"""Rows in a batch; each takes about 200 bytes."""

_MAX_SECONDS = f"{MAX_MICROS / 1e6}"
_RANKS = {
    SummaryOrder.MEAN: (
        f"avg(CASE WHEN r.duration > {_MAX_SECONDS} THEN {_MAX_SECONDS} ELSE r.duration END)"
    ),
    SummaryOrder.FAILURES: f"sum(CASE WHEN r.outcome IN ({BAD_CODES}) THEN 1 ELSE 0 END)",
    SummaryOrder.LAST: "max(s.started + r.began)",
}
"""The orders that the database can rank tests by before their results are read."""

MEAN_TOLERANCE = 2e-6
"""How far, in seconds, a mean of unrounded durations may be from that of rounded ones."""

Group = tuple[int, int]
"""Test and outcome code."""
Groups = dict[Group, tuple["array[float]", "array[int]"]]
"""The durations and starts of the results of each group."""


class Summarizer:
    """Summarises what a reader selects; all test filters must run in the database.

    Raises DamagedStoreError if a row is not as we write it.
    """

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection = connection
        self._reader = reader

    def summaries(
        self, sort: SummaryOrder | None, limit: int | None, *, percentiles: bool, flaky: bool
    ) -> list[TestSummary]:
        """Return what `BaseStorage.group_by_test` specifies."""
        in_numbers = self._connection.dialect.in_numbers
        percentiles = percentiles or sort == SummaryOrder.P95
        rank = None if limit is None or sort == SummaryOrder.P95 else sort
        sut = self._only_sut()
        if sut is not None and (rank or flaky or not percentiles):
            found = load_summaries(self._connection, sut, rank, limit, flaky=flaky)
            if sort != SummaryOrder.P95:  # percentiles are not known yet
                found = sort_summaries(found, sort, limit)
            if not percentiles or not found:
                return found
            tests = in_numbers("r.test", [hash_key(each.nodeid) for each in found])
            return sort_summaries(self._summarize(tests, percentiles=True), sort, limit)
        tests = ALWAYS
        if rank is not None and limit is not None and not flaky:
            tests = in_numbers("r.test", self._rank_tests(rank, limit))
        found = self._summarize(tests, percentiles=percentiles)
        return sort_summaries((each for each in found if each.flaky or not flaky), sort, limit)

    def _only_sut(self) -> str | None:
        """Return the SUT of the whole history if that is what is selected; else None."""
        wanted = self._reader.sql
        suts = [filter_ for filter_, _ in wanted.steps if isinstance(filter_, SutIs)]
        if wanted.limit is not None or len(suts) < len(wanted.steps):
            return None
        sut = find_only_sut(self._connection)
        return sut if sut is not None and all(each.names(sut) for each in suts) else None

    def _summarize(self, tests: Condition, *, percentiles: bool) -> list[TestSummary]:
        """Return the summaries of the tests that meet a condition."""
        return [
            summary
            for sut, sessions in self._find_by_sut().items()
            for summary in self._summarize_sut(sut, sessions, tests, percentiles=percentiles)
        ]

    def _find_by_sut(self) -> dict[str, list[Candidate]]:
        candidates = self._reader.find_sessions()
        by_key = self._connection.dialect.in_numbers("id", [each.key for each in candidates])
        sql = f"SELECT id, sut FROM insight_sessions WHERE {by_key.sql}"
        suts: dict[int, str] = dict(self._connection.fetch(sql, by_key.parameters))
        found: defaultdict[str, list[Candidate]] = defaultdict(list)
        for each in candidates:
            found[suts[each.key]].append(each)
        if not all(isinstance(name, str) for name in found):
            raise self._connection.damage("a session has no SUT")
        return found

    def _summarize_sut(
        self, sut_name: str, sessions: list[Candidate], tests: Condition, *, percentiles: bool
    ) -> list[TestSummary]:
        """Return the summaries of the tests in sessions of one SUT."""
        connection = self._connection
        groups: Groups = {}
        for batch in split_batches(sessions, MAX_RESULTS):
            self._read_batch(batch, tests, groups)
        totals: defaultdict[int, list[OutcomeTotal]] = defaultdict(list)
        all_durations: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))
        outcomes = OutcomeNames(connection)
        for (test, code), (durations, starts) in groups.items():
            count, total, longest = len(starts), sum_micros(durations), max(durations)
            totals[test].append((outcomes[code], count, total, longest, min(starts), max(starts)))
            if percentiles:
                all_durations[test].extend(durations)
        by_key = connection.dialect.in_numbers("id", list(totals))
        names = connection.fetch(
            f"SELECT id, nodeid FROM insight_tests WHERE {by_key.sql}", by_key.parameters
        )
        if len(names) != len(totals) or not all(isinstance(name, str) for _, name in names):
            raise connection.damage("results have no nodeid")
        return [
            summary_of(
                *(connection, nodeid, sut_name, totals[test]),
                all_durations[test] if percentiles else None,
            )
            for test, nodeid in names
        ]

    def _rank_tests(self, sort: SummaryOrder, limit: int) -> list[int]:
        """Return the keys of the first N tests, and of those too close to the last one to tell."""
        sessions = [each.key for each in self._reader.find_sessions()]
        ranked = self._connection.fetch(
            *self._statement(
                f"r.test, {_RANKS[sort]} AS value",
                self._connection.dialect.in_numbers("r.session", sessions),
                "GROUP BY s.sut, r.test ORDER BY value DESC",
            )
        )
        tolerance = MEAN_TOLERANCE if sort == SummaryOrder.MEAN else 0
        return first_ranked(self._connection, ranked, limit, tolerance)

    def _read_batch(self, batch: list[Candidate], tests: Condition, groups: Groups) -> None:
        where = self._connection.dialect.in_numbers("r.session", [each.key for each in batch])
        if tests is not ALWAYS:
            where = Condition(f"{where.sql} AND {tests.sql}", where.parameters + tests.parameters)
        fields = "r.test, r.outcome, r.duration, s.started + r.began"
        rows = self._connection.fetch(*self._statement(fields, where))
        try:
            for test, code, duration, start in rows:
                group = groups.get((test, code))
                if group is None:
                    group = groups[test, code] = (array("d"), array("q"))
                group[0].append(duration)
                group[1].append(start)
        except TypeError as exc:
            raise self._connection.damage(f"a result has no duration or start: {exc}") from exc

    def _statement(self, fields: str, where: Condition, group_by: str = "") -> Statement:
        wanted = self._reader.sql.results
        source = wanted.source
        if source == ALL_RESULTS and "x." not in wanted.condition.sql:
            source = "insight_results r"  # the join with the details is not needed
        return Statement(
            f"SELECT {fields} FROM {source} JOIN insight_sessions s ON s.id = r.session"
            f" WHERE {where.sql} AND {wanted.condition.sql} {group_by}",
            where.parameters + wanted.condition.parameters,
        )
