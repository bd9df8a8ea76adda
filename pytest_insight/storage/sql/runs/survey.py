"""Read what all sessions say from narrow rows: a survey, and a matrix of tests by sessions.

The suites of the sessions tell which tests were run; few runs did not simply pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pytest_insight.analysis.matrix import Matrix, add_passed, letter_of
from pytest_insight.analysis.runs import Run, SessionFacts, in_time_order
from pytest_insight.analysis.survey import Counts, Survey, count_tests, join_survey
from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.rows import PASSED_CODE
from pytest_insight.storage.sql.runs.reader import KnownSession, RunReader
from pytest_insight.storage.sql.runs.rows import DECIDED_CODES, IS_NOTABLE, unpacked

MAX_SUITES = 100
"""Suites that are read at once; one of 10,000 tests takes 80 kB."""


class SurveyReader(RunReader):
    """Reads what `analysis.survey` and `analysis.matrix` return."""

    def survey(self, is_counted: Callable[[SessionFacts], bool]) -> Survey:
        """Return what `analysis.survey.survey` returns, from one snapshot of the database.

        Raises:
            DamagedStoreError: a row is not as we write it.
            NotPreparedError: one of the sessions is not prepared.
        """
        with self._connection.read_transaction():
            return self._survey(is_counted)

    def _survey(self, is_counted: Callable[[SessionFacts], bool]) -> Survey:
        sessions = self._sessions([each.key for each in self._reader.find_sessions()])
        keys = sorted(sessions, key=lambda key: in_time_order(sessions[key].facts))
        counted = [is_counted(sessions[key].facts) for key in keys]
        numbers: dict[str, dict[int, int]] = {}
        for number, key in enumerate(keys):
            numbers.setdefault(sessions[key].facts.sut_name, {})[key] = number
        notable = self._notable(sessions)
        found = {
            sut: self._count(sessions, of_sut, counted, notable) for sut, of_sut in numbers.items()
        }
        runs = [run for of_session in notable.values() for run in of_session.values()]
        return join_survey([sessions[key].facts for key in keys], runs, found)

    def _count(
        self,
        sessions: Mapping[int, KnownSession],
        numbers: Mapping[int, int],
        counted: Sequence[bool],
        notable: Mapping[int, dict[int, Run]],
    ) -> Counts[str]:
        """Return what a survey says of the tests of one SUT.

        Args:
            sessions: all sessions by key.
            numbers: those of the SUT, and the numbers that the survey gives them.
            counted: by number, whether the runs of a session count.
            notable: the notable runs by session and test.
        """
        suites: dict[int, list[int]] = {}
        for key, number in numbers.items():
            suites.setdefault(sessions[key].suite, []).append(number)
        in_counted = self._connection.dialect.in_numbers(
            "session", [key for key, number in numbers.items() if counted[number]]
        )
        undecided = self._connection.fetch(
            f"SELECT test, count(*) FROM insight_runs WHERE {in_counted.sql}"
            f" AND outcome NOT IN ({DECIDED_CODES}) GROUP BY test",
            in_counted.parameters,
        )
        found = count_tests(
            lambda: ((tests, suites[suite]) for suite, tests in self._suites(list(suites))),
            counted,
            dict(undecided),
            [
                (test, numbers[key], run)
                for key in notable.keys() & numbers.keys()
                for test, run in notable[key].items()
            ],
            lambda tests: self._others(tests, numbers),
        )
        names = self._names({*found.decided, *found.rest})
        return found.renamed(names)

    def _others(
        self, tests: Collection[int], numbers: Mapping[int, int]
    ) -> Iterator[tuple[int, int, TestOutcome]]:
        """Yield the runs of tests that did not pass and are not notable: test, number, outcome."""
        in_sessions = self._connection.dialect.in_numbers("session", list(numbers))
        # Read whole: few runs of a session are there.
        in_tests = self._in_tests("+test", tests)
        rows = self._connection.fetch(
            "SELECT session, test, outcome FROM insight_runs"
            f" WHERE {in_sessions.sql} AND {in_tests.sql} AND NOT {IS_NOTABLE}"
            f" AND outcome <> {PASSED_CODE}",
            in_sessions.parameters + in_tests.parameters,
        )
        for key, test, code in rows:
            yield test, numbers[key], TestOutcome(self._outcomes[code])

    def _suites(self, keys: list[int]) -> Iterator[tuple[int, Collection[int]]]:
        for start in range(0, len(keys), MAX_SUITES):
            some = keys[start : start + MAX_SUITES]
            in_some = self._connection.dialect.in_numbers("id", some)
            sql = f"SELECT id, tests FROM insight_suites WHERE {in_some.sql}"
            rows = self._connection.fetch(sql, in_some.parameters)
            if len(rows) != len(some):
                raise self._connection.damage("a session has no suite")
            for key, tests in rows:
                try:
                    yield key, unpacked(tests)
                except (TypeError, ValueError) as exc:
                    raise self._connection.damage(f"a suite cannot be read: {exc}") from exc

    def _notable(self, sessions: Mapping[int, KnownSession]) -> Mapping[int, dict[int, Run]]:
        """Return the notable runs by session and test."""
        in_sessions = self._connection.dialect.in_numbers("session", list(sessions))
        rows = self._connection.fetch(
            "SELECT session, test, outcome, attempts, duration, reason FROM insight_runs"
            f" WHERE {in_sessions.sql} AND {IS_NOTABLE}",
            in_sessions.parameters,
        )
        return self._runs_of(rows, sessions, self._names({row[1] for row in rows}))

    def matrix(self) -> Matrix:
        """Return what `analysis.matrix.matrix` returns, from one snapshot of the database.

        Raises:
            DamagedStoreError: a row is not as we write it.
            NotPreparedError: one of the sessions is not prepared.
        """
        with self._connection.read_transaction():
            sessions = self._sessions([each.key for each in self._reader.find_sessions()])
            keys = sorted(sessions, key=lambda key: in_time_order(sessions[key].facts))
            rows = self._matrix_rows(sessions, {key: place for place, key in enumerate(keys)})
            names = self._names({test for of_sut in rows.values() for test in of_sut})
        letters = {
            sut: {names[test]: row.decode() for test, row in of_sut.items()}
            for sut, of_sut in rows.items()
        }
        return Matrix([sessions[key].facts for key in keys], letters)

    def _matrix_rows(
        self, sessions: Mapping[int, KnownSession], places: Mapping[int, int]
    ) -> dict[str, dict[int, bytearray]]:
        """Return the letters of each test by SUT, then by test; `places` are those of sessions."""
        rows: dict[str, dict[int, bytearray]] = {}
        with_suite: dict[int, dict[str, list[int]]] = {}
        for key, session in sessions.items():
            sut = session.facts.sut_name
            rows.setdefault(sut, {})
            with_suite.setdefault(session.suite, {}).setdefault(sut, []).append(places[key])
        for suite, tests in self._suites(list(with_suite)):
            for sut, at in with_suite[suite].items():
                add_passed(rows[sut], tests, at, len(places))
        in_sessions = self._connection.dialect.in_numbers("session", list(sessions))
        others = self._connection.fetch(
            f"SELECT session, test, outcome, attempts FROM insight_runs WHERE {in_sessions.sql}",
            in_sessions.parameters,
        )
        for key, test, code, attempts in others:
            row = rows[sessions[key].facts.sut_name].get(test)
            if row is None:
                raise self._connection.damage("a run is not of a test of its session's suite")
            if type(attempts) is not int:
                raise self._connection.damage("a run has no number of attempts")
            row[places[key]] = ord(letter_of(self._outcomes[code], attempts))
        return rows
