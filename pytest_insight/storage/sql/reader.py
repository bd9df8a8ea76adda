"""Find and load the selected sessions, in batches that bound the memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Literal, NamedTuple

from pytest_insight.filters import Selection, SessionFilter, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.page import MAX_COUNTED
from pytest_insight.storage.sql.conditions import (
    ALL_RESULTS,
    DETAILED_RESULTS,
    ResultConditions,
    SelectionConditions,
    compile_selection,
)
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Statement, combine
from pytest_insight.storage.sql.rows import (
    DETAIL_FIELDS,
    RESULT_FIELDS,
    DamagedRowsError,
    Row,
    check_count,
    decode_counts,
    decode_header,
    decode_rows,
)
from pytest_insight.summaries import SessionSummary

FIRST_RESULTS = 120
"""Results in the first batch: often a listing of 100 is all that is needed."""
FIRST_SESSIONS = 120
"""Sessions in the first page of the newest ones."""
GROWTH = 4
"""How much larger each batch or page is than the previous one."""
MAX_RESULTS = 20_000
"""Results in a batch, unless a single session has more; each takes about 400 bytes."""
MAX_SESSIONS = 2_000
"""Sessions in a batch."""
MAX_FEW_TESTS = 50
"""Tests that are looked up by key in each session."""

EVERY_RESULT = ResultConditions(ALWAYS, ALL_RESULTS, ALWAYS, None, ())


class Candidate(NamedTuple):
    """A session that meets the conditions on sessions.

    Attributes:
        key: its key.
        session_id: its ID.
        results: the number of results to load, or an upper estimate.
        started: its start, in microseconds.
    """

    key: int
    session_id: str
    results: int
    started: int


Report = Callable[[str], None]
"""Receives a sentence about a session that cannot be read."""


class Reader:
    """Finds and loads the sessions of one resolved selection, except damaged ones.

    Attributes:
        sql: the selection as SQL conditions.
    """

    def __init__(self, connection: Connection, selection: Selection, report: Report) -> None:
        """Initialise a reader, and look up the tests of a filter on nodeids.

        Args:
            connection: the connection.
            selection: resolved.
            report: called once for each session that cannot be read.
        """
        self._connection = connection
        self._report = report
        self._damaged: set[int] = set()
        self._dialect = connection.dialect
        self._selection = selection
        self.sql = self._compile()
        self._python_selection = Selection(test_filters=self.sql.results.python_filters)

    def _compile(self) -> SelectionConditions:
        return compile_selection(self._selection, self._dialect, self._find_few_tests)

    def _find_few_tests(self, nodeid: Condition) -> list[int] | None:
        rows = self._connection.fetch(*self._test_statement(nodeid))
        return [row[0] for row in rows] if len(rows) <= MAX_FEW_TESTS else None

    def _test_statement(self, nodeid: Condition) -> Statement:
        return Statement(
            f"SELECT id FROM insight_tests WHERE {nodeid.sql} LIMIT ?",
            (*nodeid.parameters, MAX_FEW_TESTS + 1),
        )

    def iter_sessions(self, *, newest_first: bool) -> Iterator[TestSession]:
        """Yield the sessions with the selected results."""
        candidates = self.iter_newest() if newest_first else self.find_sessions()[::-1]
        for batch in split_batches(candidates, MAX_RESULTS):
            for session in self.load_batch(batch, self.sql.results):
                narrowed = self._python_selection.narrowed(session)
                if narrowed is not None:
                    yield narrowed

    def session_ids(self) -> list[str]:
        """Return the IDs of the sessions, oldest first."""
        if self.sql.results.python_filters:
            return [session.session_id for session in self.iter_sessions(newest_first=False)]
        candidates = self.find_sessions()[::-1]
        if not self.sql.results.narrows:
            return [each.session_id for each in candidates]
        found: set[int] = set()
        for start in range(0, len(candidates), MAX_SESSIONS):
            batch = candidates[start : start + MAX_SESSIONS]
            statement = self._result_statement(batch, self.sql.results, "DISTINCT r.session")
            try:
                found.update(row[0] for row in self._connection.fetch(*statement))
            except DamagedStoreError:
                return [each.session_id for each in self.iter_sessions(newest_first=False)]
        return [each.session_id for each in candidates if each.key in found]

    def count_quickly(self, what: Literal["sessions", "results"]) -> int | None:
        """Return the number of selected sessions or results; None if it would take long.

        It is also None if a part of the database that is damaged would have to be read.
        """
        candidates = self.find_sessions()
        results = sum(each.results for each in candidates)
        wanted = self.sql.results
        if not wanted.narrows and not wanted.python_filters:
            return len(candidates) if what == "sessions" else results
        if results > MAX_COUNTED:
            return None
        if wanted.python_filters:
            found = [len(each.test_results) for each in self.iter_sessions(newest_first=False)]
            return len(found) if what == "sessions" else sum(found)
        counted = "count(DISTINCT r.session)" if what == "sessions" else "count(*)"
        total = 0
        for start in range(0, len(candidates), MAX_SESSIONS):
            batch = candidates[start : start + MAX_SESSIONS]
            try:
                rows = self._connection.fetch(*self._result_statement(batch, wanted, counted))
            except DamagedStoreError:
                return None
            total += rows[0][0]
        return total

    def session_summaries(self) -> list[SessionSummary] | None:
        """Return the sessions with counts; None if results or damaged rows have to be read."""
        if self._selection.test_filters:
            return None
        keys = [each.key for each in self.find_sessions()[::-1]]
        listed = self._dialect.in_numbers("s.id", keys)
        sql = f"SELECT s.id, s.header, s.outcomes FROM insight_sessions s WHERE {listed.sql}"
        try:
            rows = {key: more for key, *more in self._connection.fetch(sql, listed.parameters)}
            return [SessionSummary(*decode_counts(*rows[key])) for key in keys]
        except (DamagedRowsError, DamagedStoreError):
            return None

    def explain(self) -> list[str]:
        """Return lines that say where each filter runs, and the query plans."""
        from pytest_insight.filters.descriptions import describe

        lines = []
        for filter_, condition in self.sql.steps:
            where = "in Python, afterwards" if condition is None else "in the database"
            sql = "" if condition is None else f" ({condition.sql})"
            lines.append(f"{where}: {describe(filter_)}{sql}")
        results = self.sql.results
        limit = None if self.sql.python_filters else self.sql.limit
        plans = {"sessions": self._session_statement(limit=limit)}
        if results.nodeid is not ALWAYS:
            plans["tests"] = self._test_statement(results.nodeid)
        plans["results"] = self._result_statement(self.find_sessions()[:1], results)
        for name, statement in plans.items():
            plan = self._connection.explain(statement)
            lines += [f"plan of {name}:", *(f"  {line}" for line in plan)]
        return lines

    # Finding sessions ---------------------------------------------------------------------------

    def find_sessions(self) -> list[Candidate]:
        """Return the sessions that meet the conditions on sessions, newest first."""
        filters, limit = self.sql.python_filters, self.sql.limit
        if not filters:
            return [Candidate(*row) for row in self._fetch_sessions(limit=limit)]
        on_header = [each for each in filters if not each.needs_results]
        found = []
        for *fields, header in self._fetch_sessions(", s.header"):
            candidate = Candidate(*fields)
            try:
                session = decode_header(header)
            except DamagedRowsError as exc:
                self.report_damage(candidate.key, candidate.session_id, str(exc))
                continue
            if all_match(on_header, session):
                found.append(candidate)
        on_results = [each for each in filters if each.needs_results]
        if on_results:
            found = list(self._filter_by_results(found, on_results, limit))
        return found if limit is None else found[:limit]

    def iter_newest(self) -> Iterator[Candidate]:
        """Yield what `find_sessions` returns, page by page: often the first page is enough."""
        if self.sql.python_filters or self.sql.limit is not None:
            yield from self.find_sessions()
            return
        page, older = FIRST_SESSIONS, ALWAYS
        while True:
            found = [Candidate(*row) for row in self._fetch_sessions(limit=page, condition=older)]
            yield from found
            if len(found) < page:
                return
            started, session_id = found[-1].started, found[-1].session_id
            by_id = self._dialect.code_point_order("s.session_id")
            older = Condition(
                f"s.started <= ? AND NOT (s.started = ? AND {by_id} >= ?)",
                (started, started, session_id),
            )
            page *= GROWTH

    def _fetch_sessions(
        self, more_fields: str = "", *, limit: int | None = None, condition: Condition = ALWAYS
    ) -> list[Row]:
        """Return the rows of `_session_statement`, without damaged ones."""
        statement = self._session_statement(more_fields, limit=limit, condition=condition)
        try:
            rows = self._connection.fetch(*statement)
            if all(map(_is_sound, rows)):
                return rows
        except DamagedStoreError:
            pass  # find out which sessions are damaged
        found = []
        # SQLite reads only the index on the start times.
        for (key,) in self._connection.fetch("SELECT id FROM insight_sessions ORDER BY started"):
            of_one = combine(Condition("s.id = ?", (key,)), condition)
            try:
                rows = self._connection.fetch(
                    *self._session_statement(more_fields, condition=of_one)
                )
            except DamagedStoreError as exc:
                self.report_damage(key, None, exc.reason)
                continue
            if all(map(_is_sound, rows)):
                found += rows
            else:
                self.report_damage(key, None, "a column has a value of another type")
        found.sort(key=itemgetter(3, 1), reverse=True)  # by start and ID
        return found if limit is None else found[:limit]

    def report_damage(self, key: int, session_id: str | None, reason: str) -> None:
        """Report a session that cannot be read; each once."""
        if key in self._damaged:
            return
        self._damaged.add(key)
        if session_id is None:
            sql = "SELECT session_id FROM insight_sessions WHERE id = ?"
            with suppress(DamagedStoreError):
                session_id = next((row[0] for row in self._connection.fetch(sql, (key,))), None)
        named = f"session {session_id!r}" if session_id else f"the session with the key {key}"
        self._report(f"{named}: {reason}")

    def _session_statement(
        self, more_fields: str = "", *, limit: int | None = None, condition: Condition = ALWAYS
    ) -> Statement:
        is_any = condition is ALWAYS
        condition = self.sql.sessions if is_any else combine(self.sql.sessions, condition)
        limit_clause = Condition("") if limit is None else Condition(" LIMIT ?", (limit,))
        results, wanted = "s.results", self.sql.results
        if any(each.needs_results for each in self.sql.python_filters):
            pass  # `_filter_by_results` loads all of them
        elif wanted.test_count is not None:
            results = str(wanted.test_count)
        elif wanted.source == DETAILED_RESULTS:
            results = "s.details"
        return Statement(
            f"SELECT s.id, s.session_id, {results}, s.started{more_fields} FROM insight_sessions s"
            f" WHERE {condition.sql} ORDER BY s.started DESC,"
            f" {self._dialect.code_point_order('s.session_id')} DESC{limit_clause.sql}",
            condition.parameters + limit_clause.parameters,
        )

    def _filter_by_results(
        self, candidates: Sequence[Candidate], filters: Sequence[SessionFilter], limit: int | None
    ) -> Iterator[Candidate]:
        """Yield the candidates that match filters that look at all results, at most `limit`."""
        by_id = {each.session_id: each for each in candidates}
        found = 0
        for batch in split_batches(candidates, MAX_RESULTS):
            for session in self.load_batch(batch, EVERY_RESULT):
                if limit is not None and found >= limit:
                    return
                if all_match(filters, session):
                    found += 1
                    yield by_id[session.session_id]

    # Loading results ----------------------------------------------------------------------------

    def _result_statement(
        self, batch: Sequence[Candidate], wanted: ResultConditions, fields: str = ""
    ) -> Statement:
        """Return the statement for the results of some sessions.

        Args:
            batch: the sessions.
            wanted: the conditions on results.
            fields: the selected columns; "" for what `decode_rows` needs.
        """
        in_batch = self._dialect.in_numbers("r.session", [each.key for each in batch])
        source = wanted.source
        if not fields:
            fields = DETAIL_FIELDS
            if source == ALL_RESULTS:
                fields = RESULT_FIELDS
                # Each result has a test, but an inner join lets the planner start from the tests.
                source += " LEFT JOIN insight_tests t ON t.id = r.test"
        return Statement(
            f"SELECT {fields} FROM {source} WHERE {in_batch.sql} AND {wanted.condition.sql}",
            in_batch.parameters + wanted.condition.parameters,
        )

    def load_batch(
        self, batch: Sequence[Candidate], wanted: ResultConditions = EVERY_RESULT
    ) -> Iterator[TestSession]:
        """Yield the sessions of a batch that still exist, in its order, with the wanted results.

        If results are narrowed, sessions without such results are left out.
        """
        try:
            by_key, headers = self._fetch_batch(batch, wanted)
        except DamagedStoreError as exc:
            if len(batch) > 1:  # find out which of them are damaged
                for each in batch:
                    yield from self.load_batch([each], wanted)
            else:
                self.report_damage(batch[0].key, batch[0].session_id, exc.reason)
            return
        for each in batch:
            if each.key not in headers:
                continue
            header, results = headers[each.key]
            rows = by_key.pop(each.key, ())
            try:
                session = decode_rows(header, rows, each.session_id)
                if not wanted.narrows:
                    check_count(rows, results)
            except DamagedRowsError as exc:
                self.report_damage(each.key, each.session_id, str(exc))
            else:
                yield session

    def _fetch_batch(
        self, batch: Sequence[Candidate], wanted: ResultConditions
    ) -> tuple[dict[int, list[Row]], dict[int, tuple[str, int]]]:
        """Return the wanted results, and the header and number of all results, by session."""
        by_key: defaultdict[int, list[Row]] = defaultdict(list)
        with self._connection.read_transaction():
            if wanted.test_count is not None:  # a session saved since may have further tests
                wanted = self._compile().results
            for row in self._connection.fetch(*self._result_statement(batch, wanted)):
                by_key[row[0]].append(row)
            keys = list(by_key) if wanted.narrows else [each.key for each in batch]
            in_batch = self._dialect.in_numbers("s.id", keys)
            sql = f"SELECT s.id, s.header, s.results FROM insight_sessions s WHERE {in_batch.sql}"
            rows = self._connection.fetch(sql, in_batch.parameters)
        return by_key, {key: (header, results) for key, header, results in rows}


def _is_sound(row: Row) -> bool:
    """Return whether the columns of `_session_statement` have values of the right types."""
    return tuple(map(type, row)) in ((int, str, int, int), (int, str, int, int, str))


def split_batches(candidates: Iterable[Candidate], max_results: int) -> Iterator[list[Candidate]]:
    """Split sessions into batches that grow up to `max_results` results."""
    room = FIRST_RESULTS
    batch: list[Candidate] = []
    results = 0
    for each in candidates:
        if batch and (results + each.results > room or len(batch) >= MAX_SESSIONS):
            yield batch
            batch, results = [], 0
            room = min(room * GROWTH, max_results)
        batch.append(each)
        results += each.results
    if batch:
        yield batch
