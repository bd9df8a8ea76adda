"""Read the runs of tests for the analysis from narrow rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_insight.analysis.causes import Cause, CauseRules
from pytest_insight.analysis.runs import GOOD, Run, SessionFacts, facts_of, runs_of
from pytest_insight.analysis.wanted import TestKey, Wanted
from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.dialect import ALWAYS, Condition, is_storable
from pytest_insight.storage.sql.reader import GROWTH, Candidate, Reader
from pytest_insight.storage.sql.rollups import OutcomeNames
from pytest_insight.storage.sql.rows import (
    DamagedRowsError,
    Row,
    decode_header,
    hash_key,
    outcome_code,
)
from pytest_insight.storage.sql.runs.rows import REASON_COLUMNS
from pytest_insight.summaries import BAD

FIRST_RUNS = 500
"""Runs in the first batch, unless more are needed for sure; later ones grow."""
MAX_RUNS = 50_000
"""Runs in a batch, unless a single session has more; each takes about 300 bytes."""
SHARE_LOOKED_UP = 8
"""Tests are looked up by key if a session has this many times as many."""
SHARE_READ = 2
"""If a session has fewer than this many times as many tests, all its results are fetched; likewise
all tests of the database."""
MANY_TESTS = 1_000
"""Fewer tests are always looked up by key."""

_BAD = frozenset(map(outcome_code, BAD))
_GOOD = frozenset(map(outcome_code, GOOD))
_NO_CAUSE = Cause("", "")


class NotPreparedError(Exception):
    """A session was saved by an earlier pytest-insight and is not prepared yet (`preparation`).

    Never leaves `storage`.
    """


class KnownSession(NamedTuple):
    """What is stored of a session for the analysis: the facts, and the key of its suite."""

    facts: SessionFacts
    suite: int


class _Reason(NamedTuple):
    """Why a run did not simply pass, as in `Run`."""

    phase: str
    message: str
    crash: str
    cause: Cause
    guessed: bool


class RunReader:
    """Reads runs of the sessions that a reader finds; its test filters are not looked at."""

    def __init__(self, connection: Connection, reader: Reader, rules: CauseRules) -> None:
        self._connection = connection
        self._reader = reader
        self._rules = rules
        self._outcomes = OutcomeNames(connection)

    def runs(
        self,
        nodeids: Collection[str] | None,
        last: int | None,
        candidates: Mapping[TestKey, int] | None,
    ) -> Iterator[Run]:
        """Yield what `analysis.runs.last_runs` yields; each batch is read from one snapshot."""
        wanted = Wanted(nodeids, last, candidates)
        if wanted.is_finished:
            return
        sessions, start = self._reader.find_sessions(), 0
        size = FIRST_RUNS
        names = wanted.names  # those of finished tests are removed
        tests = None if names is None else {hash_key(n): n for n in filter(is_storable, names)}
        while start < len(sessions) and not wanted.is_finished:
            if tests is not None and names is not None:
                tests = {key: name for key, name in tests.items() if name in names}
            of_session = sessions[start].results
            of_session = max(of_session if tests is None else min(of_session, len(tests)), 1)
            count = max(wanted.least_sessions, size // of_session)
            end = start + max(min(count, MAX_RUNS // of_session), 1)
            for runs in self._load_batch(sessions[start:end], tests):
                yield from (run for run in runs if wanted.take((run.sut_name, run.nodeid)))
            start, size = end, size * GROWTH

    def _load_batch(
        self, batch: list[Candidate], tests: dict[int, str] | None
    ) -> Iterable[list[Run]]:
        """Return the runs of each session of a batch."""
        try:
            with self._connection.read_transaction():
                return self._read_batch([each.key for each in batch], tests)
        except (DamagedStoreError, NotPreparedError):
            names = None if tests is None else set(tests.values())
            sessions = self._reader.load_batch(batch)
            return (runs_of(session, self._rules, names) for session in sessions)

    def _read_batch(self, keys: list[int], tests: dict[int, str] | None) -> list[list[Run]]:
        sessions = self._sessions(keys)
        results = self._results(sessions, tests)
        in_sessions = self._connection.dialect.in_numbers("r.session", list(sessions))
        # Read whole: few runs of a session are there.
        wanted = self._in_tests("+r.test", tests)
        rows = self._connection.fetch(
            "SELECT r.session, r.test, r.outcome, r.attempts, r.duration, r.reason"
            f" FROM insight_runs r WHERE {in_sessions.sql} AND {wanted.sql}",
            in_sessions.parameters + wanted.parameters,
        )
        if tests is None:
            tests = self._names({row[1] for found in results.values() for row in found})
        others = self._runs_of(rows, sessions, tests)
        passed = TestOutcome.PASSED
        batch = []
        for key in filter(sessions.__contains__, keys):  # others were deleted just now
            facts = sessions[key].facts
            runs = {
                test: Run(tests[test], facts, passed, 1, duration)
                for _, test, duration in results.get(key, ())
                if test in tests
            }
            runs.update((test, run) for test, run in others[key].items() if test in runs)
            batch.append(list(runs.values()))
        return batch

    def _results(
        self, sessions: Mapping[int, KnownSession], tests: Mapping[int, str] | None
    ) -> Mapping[int, list[Row]]:
        """Return the session, test and duration of each result, by session.

        They may include results of other tests.
        """
        column = "r.test"
        if tests is not None:
            decided = sum(each.facts.decided for each in sessions.values())
            of_session = decided / (len(sessions) or 1)
            if len(tests) * SHARE_READ > of_session:
                tests = None  # faster than comparing most of them
            elif len(tests) * SHARE_LOOKED_UP > of_session:
                column = "+r.test"
        wanted = self._in_tests(column, tests)
        in_sessions = self._connection.dialect.in_numbers("r.session", list(sessions))
        rows = self._connection.fetch(
            "SELECT r.session, r.test, r.duration FROM insight_results r"
            f" WHERE {in_sessions.sql} AND {wanted.sql}",
            in_sessions.parameters + wanted.parameters,
        )
        if not {type(row[2]) for row in rows} <= {float}:
            raise self._connection.damage("a result has no duration")
        found: defaultdict[int, list[Row]] = defaultdict(list)
        for row in rows:
            found[row[0]].append(row)
        return found

    def _in_tests(self, column: str, tests: Collection[int] | None) -> Condition:
        if tests is None:
            return ALWAYS
        return self._connection.dialect.in_numbers(column, list(tests))

    # Both ---------------------------------------------------------------------------------------

    def _sessions(self, keys: Collection[int]) -> dict[int, KnownSession]:
        in_keys = self._connection.dialect.in_numbers("id", keys)
        rows = self._connection.fetch(
            f"SELECT id, header, suite, decided, bad FROM insight_sessions WHERE {in_keys.sql}",
            in_keys.parameters,
        )
        found = {}
        for key, header, suite, decided, bad in rows:
            if suite is None:
                raise NotPreparedError
            try:
                session = decode_header(header)
            except DamagedRowsError as exc:
                raise self._connection.damage(str(exc)) from exc
            found[key] = KnownSession(facts_of(session, decided=decided, bad=bad), suite)
        return found

    def _names(self, tests: Collection[int]) -> dict[int, str]:
        """Return the nodeids of tests, and perhaps of others, by key."""
        sql, parameters = "SELECT id, nodeid FROM insight_tests", ()
        if len(tests) < MANY_TESTS or not self._are_most(tests):
            in_tests = self._connection.dialect.in_numbers("id", tests)
            sql, parameters = f"{sql} WHERE {in_tests.sql}", in_tests.parameters
        names: dict[int, str] = dict(self._connection.fetch(sql, parameters))
        if not names.keys() >= set(tests) or {type(name) for name in names.values()} - {str}:
            raise self._connection.damage("results have no nodeid")
        return names

    def _are_most(self, tests: Collection[int]) -> bool:
        """Return whether reading all tests is faster than looking up these."""
        ((count,),) = self._connection.fetch("SELECT count(*) FROM insight_tests")
        return bool(count <= SHARE_READ * len(tests))

    def _runs_of(
        self, rows: list[Row], sessions: Mapping[int, KnownSession], names: Mapping[int, str]
    ) -> Mapping[int, dict[int, Run]]:
        """Return the runs of rows of `insight_runs`, by session, then by test."""
        self._check_runs(rows)
        reasons = self._reasons({row[5] for row in rows if row[5] is not None})
        outcomes = {code: TestOutcome(self._outcomes[code]) for code in {row[2] for row in rows}}
        found: defaultdict[int, dict[int, Run]] = defaultdict(dict)
        for key, test, code, attempts, duration, reason in rows:
            told = reasons[reason]
            has_cause = code in _BAD or (attempts > 1 and code in _GOOD)
            found[key][test] = Run(
                names[test],
                sessions[key].facts,
                outcomes[code],
                attempts,
                duration,
                told.phase,
                told.message,
                told.crash,
                *(told.cause if has_cause else _NO_CAUSE),
                guessed=told.guessed,
            )
        return found

    def _check_runs(self, rows: Iterable[Row]) -> None:
        """Check the attempts and the duration of rows of `insight_runs`, the 4th and 5th column.

        Raises:
            DamagedStoreError: one of them is no number.
        """
        if not {(type(row[3]), type(row[4])) for row in rows} <= {(int, float)}:
            raise self._connection.damage("a run has no number of attempts, or no duration")

    def _reasons(self, keys: Collection[int]) -> dict[int | None, _Reason]:
        """Return reasons by key, and the one of runs without any."""
        rules = self._rules
        found: dict[int | None, _Reason] = {
            None: _Reason("", "", "", rules.cause_of("", ""), guessed=False)
        }
        in_keys = self._connection.dialect.in_numbers("id", keys)
        sql = f"SELECT {REASON_COLUMNS} FROM insight_reasons WHERE {in_keys.sql}"
        rows = self._connection.fetch(sql, in_keys.parameters)
        if len(rows) != len(keys):
            raise self._connection.damage("a run has lost the reason why it did not pass")
        for key, phase, message, crash, guessed, cause, shape, version in rows:
            is_current = version == rules.version
            known = Cause(cause, shape) if is_current else rules.cause_of(phase, message)
            found[key] = _Reason(phase, message, crash, known, guessed=bool(guessed))
        return found
