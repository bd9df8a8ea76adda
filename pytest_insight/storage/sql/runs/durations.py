"""Read how long the last runs of tests took, from narrow rows.

Of a session only the durations are fetched, in the order of its suite: that takes half as long as
rows with their tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_insight.analysis.timed_sessions import TimedSession, Untimed, timed_session
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.storage.sql.connection import DamagedStoreError
from pytest_insight.storage.sql.reader import Candidate
from pytest_insight.storage.sql.rows import PASSED_CODE
from pytest_insight.storage.sql.runs.reader import MAX_RUNS, SHARE_LOOKED_UP, NotPreparedError
from pytest_insight.storage.sql.runs.survey import SurveyReader


class _Suite(NamedTuple):
    """The tests of a session.

    Attributes:
        nodeids: in the order of their keys.
        positions: in that order, by key.
    """

    nodeids: Sequence[str]
    positions: Mapping[int, int]


class DurationsReader(SurveyReader):
    """Reads what `analysis.timed_sessions.last_timed` yields."""

    def durations(self, counts: Mapping[TestKey, int] | None, last: int) -> Iterator[TimedSession]:
        """Yield how long tests took, the newest session first; each batch is from one snapshot."""
        untimed = Untimed(counts, last)
        sessions, start = self._reader.find_sessions(), 0
        suites: dict[int, _Suite] = {}
        while start < len(sessions) and not untimed.is_finished:
            end = start + max(MAX_RUNS // max(sessions[start].results, 1), 1)
            if not start and untimed.least_sessions:
                end = min(end, untimed.least_sessions)
            for timed in self._batch(sessions[start:end], untimed, suites):
                taken = untimed.take(timed)
                if taken.nodeids:
                    yield taken
            start = end

    def _batch(
        self, batch: Sequence[Candidate], untimed: Untimed, suites: dict[int, _Suite]
    ) -> list[TimedSession]:
        """Return how long the tests of sessions took, those that are not wanted perhaps too.

        Args:
            batch: the sessions.
            untimed: the tests that are wanted.
            suites: those of the batch before, by key; they become those of this one.
        """
        try:
            with self._connection.read_transaction():
                return self._read([each.key for each in batch], untimed, suites)
        except (DamagedStoreError, NotPreparedError):
            return [timed_session(each) for each in self._reader.load_batch(batch)]

    def _read(
        self, keys: Sequence[int], untimed: Untimed, suites: dict[int, _Suite]
    ) -> list[TimedSession]:
        sessions = self._sessions(keys)
        self._keep({each.suite for each in sessions.values()}, suites)
        others = self._others_of(sessions)
        found = []
        for key in filter(sessions.__contains__, keys):  # others were deleted just now
            facts, suite = sessions[key].facts, suites[sessions[key].suite]
            wanted = untimed.wanted(facts.sut_name, suite.nodeids)
            if len(wanted) * SHARE_LOOKED_UP > len(suite.nodeids):
                seconds = self._all(key, suite)
            else:
                chosen, places = set(wanted), suite.positions.items()
                some = [test for test, place in places if suite.nodeids[place] in chosen]
                seconds = self._some(key, suite, some)
            if not {type(each) for each in seconds} <= {float}:
                raise self._connection.damage("a result has no duration")
            for test, duration in others.get(key, {}).items():
                if test in suite.positions:
                    seconds[suite.positions[test]] = duration
            found.append(TimedSession(facts, suite.nodeids, seconds))
        return found

    def _keep(self, needed: set[int], suites: dict[int, _Suite]) -> None:
        """Add the suites with some keys to those that are known, and forget all others.

        If the suites of all sessions differ, they would need much memory.
        """
        for key in suites.keys() - needed:
            del suites[key]
        new = dict(self._suites(list(needed - suites.keys())))
        names = self._names({test for tests in new.values() for test in tests}) if new else {}
        for key, tests in new.items():
            positions = {test: position for position, test in enumerate(tests)}
            suites[key] = _Suite([names[test] for test in tests], positions)

    def _others_of(self, sessions: Collection[int]) -> Mapping[int, dict[int, float]]:
        """Return by session and test the durations of runs that are not a single pass; else 0.0."""
        in_sessions = self._connection.dialect.in_numbers("session", list(sessions))
        rows = self._connection.fetch(
            "SELECT session, test, outcome, attempts, duration FROM insight_runs"
            f" WHERE {in_sessions.sql}",
            in_sessions.parameters,
        )
        self._check_runs(rows)
        found: dict[int, dict[int, float]] = {}
        for key, test, outcome, attempts, duration in rows:
            is_simple = outcome == PASSED_CODE and attempts == 1  # several results, all passed
            found.setdefault(key, {})[test] = duration if is_simple else 0.0
        return found

    def _all(self, key: int, suite: _Suite) -> list[float]:
        """Return the durations of a session's tests; only those of single results are right."""
        rows = self._connection.fetch(
            "SELECT duration FROM insight_results WHERE session = ? ORDER BY test", (key,)
        )
        if len(rows) == len(suite.nodeids):
            return [duration for (duration,) in rows]
        return self._some(key, suite, None)

    def _some(self, key: int, suite: _Suite, tests: Collection[int] | None) -> list[float]:
        """Return likewise the durations of these tests, or of all; 0.0 for the others."""
        in_tests = self._in_tests("test", tests)
        rows = self._connection.fetch(
            f"SELECT test, duration FROM insight_results WHERE session = ? AND {in_tests.sql}",
            (key, *in_tests.parameters),
        )
        seconds = [0.0] * len(suite.nodeids)
        for test, duration in rows:
            if test not in suite.positions:
                raise self._connection.damage("a result is not of a test of its session's suite")
            seconds[suite.positions[test]] = duration
        return seconds
