"""Reading selected sessions: which they are first, then what they hold, some at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_insight.filters import Selection, SessionFilter, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.sql.conditions import DETAILS_ALONE, WITH_DETAILS, Results, compiled
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, Statement, both
from pytest_insight.storage.sql.rows import (
    DETAIL_FIELDS,
    NARROW_FIELDS,
    Row,
    header_of,
    session_of,
)

FIRST_RESULTS = 120
"""Results that are read first: a listing of 100 is often all there is to be."""
FIRST_SESSIONS = 120
"""Sessions that are looked for first, of the newest ones."""
MOST_RESULTS = 20_000
MOST_NARROWED = 100_000
"""Results that are read at a time, and results from which some are selected at a time where it is
not known how many; one session may have more. A result takes about 400 bytes while it is read."""
GROWTH = 4
MOST_SESSIONS = 2_000
MOST_TESTS = 50
"""Tests that are looked for by their keys, one by one in each session."""

EVERY_RESULT = Results(ALWAYS, WITH_DETAILS, ALWAYS, None, ())


class Candidate(NamedTuple):
    """A session that is selected.

    Attributes:
        key: its key.
        session_id: its ID.
        results: at most how many of its results are read, as far as that is known beforehand.
    """

    key: int
    session_id: str
    results: int


class Finder:
    """Answers one resolved selection."""

    def __init__(self, connection: Connection, selection: Selection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self.sql = compiled(selection, connection.dialect, self._few_tests)
        self._after = Selection(test_filters=self.sql.results.rest)

    def _few_tests(self, nodeid: Condition) -> list[int] | None:
        found = self._connection.rows(*self._find_tests(nodeid))
        return [row[0] for row in found] if len(found) <= MOST_TESTS else None

    def _find_tests(self, nodeid: Condition) -> Statement:
        return Statement(
            f"SELECT id FROM insight_tests WHERE {nodeid.sql} LIMIT ?",
            (*nodeid.parameters, MOST_TESTS + 1),
        )

    def sessions(self, *, newest_first: bool) -> Iterator[TestSession]:
        """The sessions, with the selected results."""
        chosen = self._newest() if newest_first else self.chosen()[::-1]
        wanted = self.sql.results
        most = MOST_NARROWED if wanted.narrows and not wanted.bounded else MOST_RESULTS
        for batch in batches(chosen, most):
            for session in self._loaded(batch, wanted):
                narrowed = self._after.narrowed(session)
                if narrowed is not None:
                    yield narrowed

    def ids(self) -> list[str]:
        """Their IDs, by start time."""
        if self.sql.results.rest:
            return [session.session_id for session in self.sessions(newest_first=False)]
        chosen = self.chosen()[::-1]
        if not self.sql.results.narrows:
            return [each.session_id for each in chosen]
        found: set[int] = set()
        for start in range(0, len(chosen), MOST_SESSIONS):
            some = chosen[start : start + MOST_SESSIONS]
            statement = self.find_results(some, self.sql.results, "DISTINCT r.session")
            found.update(row[0] for row in self._connection.rows(*statement))
        return [each.session_id for each in chosen if each.key in found]

    def explained(self) -> list[str]:
        """Each filter with where it runs, and the database's plans."""
        lines = []
        for wanted, condition in self.sql.steps:
            where = "in Python, after" if condition is None else "in the database"
            said = "" if condition is None else f": {condition.sql}"
            lines.append(f"{where}: {wanted}{said}")
        limit = None if self.sql.rest_of_sessions else self.sql.limit
        results = self.sql.results
        plans = {"sessions": self._find_sessions("", limit)}
        if results.nodeid is not ALWAYS:
            plans["tests"] = self._find_tests(results.nodeid)
        plans["results"] = self.find_results(self.chosen()[:1], results)
        for name, statement in plans.items():
            plan = self._connection.plan(statement)
            lines += [f"plan of {name}:", *(f"  {line}" for line in plan)]
        return lines

    # Which --------------------------------------------------------------------------------------

    def chosen(self) -> list[Candidate]:
        """The selected sessions, the newest first."""
        rest, limit = self.sql.rest_of_sessions, self.sql.limit
        if not rest:
            return [Candidate(*row) for row in self._candidates("", limit)]
        headers = [each for each in rest if not each.needs_results]
        rows = self._candidates(", s.header", None)
        chosen = [Candidate(*row[:3]) for row in rows if all_match(headers, header_of(row[3]))]
        results = [each for each in rest if each.needs_results]
        if results:
            chosen = list(self._with_results(chosen, results, limit))
        return chosen if limit is None else chosen[:limit]

    def _newest(self) -> Iterator[Candidate]:
        """The same, some at a time: often the first ones are enough."""
        if self.sql.rest_of_sessions or self.sql.limit is not None:
            yield from self.chosen()
            return
        page, older = FIRST_SESSIONS, ALWAYS
        while True:
            rows = self._connection.rows(*self._find_sessions(", s.started", page, older))
            yield from (Candidate(*row[:3]) for row in rows)
            if len(rows) < page:
                return
            started, name = rows[-1][3], rows[-1][1]
            by_name = self._dialect.by_code_point("s.session_id")
            older = Condition(
                f"s.started <= ? AND NOT (s.started = ? AND {by_name} >= ?)",
                (started, started, name),
            )
            page *= GROWTH

    def _candidates(self, more: str, limit: int | None) -> list[Row]:
        return self._connection.rows(*self._find_sessions(more, limit))

    def _find_sessions(
        self, more: str, limit: int | None, further: Condition = ALWAYS
    ) -> Statement:
        condition = self.sql.sessions if further is ALWAYS else both(self.sql.sessions, further)
        cut = Condition("") if limit is None else Condition(" LIMIT ?", (limit,))
        results, wanted = "s.results", self.sql.results
        if any(each.needs_results for each in self.sql.rest_of_sessions):
            pass  # all of them are read
        elif wanted.tests is not None:
            results = str(wanted.tests)
        elif wanted.source == DETAILS_ALONE:
            results = "s.details"
        return Statement(
            f"SELECT s.id, s.session_id, {results}{more} FROM insight_sessions s"
            f" WHERE {condition.sql} ORDER BY s.started DESC,"
            f" {self._dialect.by_code_point('s.session_id')} DESC{cut.sql}",
            condition.parameters + cut.parameters,
        )

    def find_results(
        self, batch: Sequence[Candidate], wanted: Results, fields: str = ""
    ) -> Statement:
        """The wanted results of some sessions.

        Args:
            batch: the sessions.
            wanted: which of their results.
            fields: what to read of `r`; without, what `session_of` takes.
        """
        which = self._dialect.any_of("r.session", [each.key for each in batch])
        source = wanted.source
        if not fields:
            fields = DETAIL_FIELDS
            if source == WITH_DETAILS:
                fields = NARROW_FIELDS
                # Each has one. Said so, the database does not begin with the tests.
                source += " LEFT JOIN insight_tests t ON t.id = r.test"
        return Statement(
            f"SELECT {fields} FROM {source} WHERE {which.sql} AND {wanted.condition.sql}",
            which.parameters + wanted.condition.parameters,
        )

    def _with_results(
        self, candidates: Sequence[Candidate], wanted: Sequence[SessionFilter], limit: int | None
    ) -> Iterator[Candidate]:
        """Those whose results match; no more are read than the limit takes."""
        by_id = {each.session_id: each for each in candidates}
        found = 0
        for batch in batches(candidates, MOST_RESULTS):
            for session in self._loaded(batch, EVERY_RESULT):
                if limit is not None and found >= limit:
                    return
                if all_match(wanted, session):
                    found += 1
                    yield by_id[session.session_id]

    # What they hold -----------------------------------------------------------------------------

    def _loaded(self, batch: Sequence[Candidate], wanted: Results) -> Iterator[TestSession]:
        """The sessions of a batch that are still there, in its order, with the wanted results.

        Where single results are wanted, only those that have any.
        """
        by_key: defaultdict[int, list[Row]] = defaultdict(list)
        with self._connection.reading():
            for row in self._connection.rows(*self.find_results(batch, wanted)):
                by_key[row[0]].append(row)
            keys = list(by_key) if wanted.narrows else [each.key for each in batch]
            mine = self._dialect.any_of("s.id", keys)
            headers: dict[int, str] = dict(
                self._connection.rows(
                    f"SELECT s.id, s.header FROM insight_sessions s WHERE {mine.sql}",
                    mine.parameters,
                )
            )
        for each in batch:
            header = headers.get(each.key)
            if header is not None:
                yield session_of(header, by_key.pop(each.key, ()))


def batches(chosen: Iterable[Candidate], most: int) -> Iterator[list[Candidate]]:
    """Some at a time: few first, then as many as have `most` results, or one that has more."""
    room = FIRST_RESULTS
    batch: list[Candidate] = []
    results = 0
    for each in chosen:
        if batch and (results + each.results > room or len(batch) >= MOST_SESSIONS):
            yield batch
            batch, results = [], 0
            room = min(room * GROWTH, most)
        batch.append(each)
        results += each.results
    if batch:
        yield batch
