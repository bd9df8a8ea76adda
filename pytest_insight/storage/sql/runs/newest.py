"""Read the newest decided run of each test of some sessions, for a comparison.

The suites and the few runs that did not simply pass show which session has it, so that the results
of a session are read only if they are the newest ones. A window over all results of the
sessions would sort them all: it takes four times as long in SQLite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Set
from itertools import filterfalse
from typing import NamedTuple

from pytest_insight.analysis.comparison.newest_runs import COMPARED, Newest
from pytest_insight.analysis.incidents import Incident, incident_of
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.runs import Run, SessionFacts, is_notable
from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.dialect import Condition, is_storable
from pytest_insight.storage.sql.rows import hash_key
from pytest_insight.storage.sql.runs.reader import SHARE_LOOKED_UP
from pytest_insight.storage.sql.runs.survey import SurveyReader


class _Found(NamedTuple):
    """The sessions that have the newest run of each test.

    Attributes:
        runs: those that did not simply pass, by the key of the test.
        passed: the tests that simply passed in the newest session that has them, by session.
        covered: as in `Newest`, by the key of the test.
    """

    runs: dict[int, Run]
    passed: dict[int, set[int]]
    covered: dict[int, Run]


class NewestReader(SurveyReader):
    """Reads what `analysis.comparison.newest_runs` returns."""

    def newest(self, usual: int, timed: Set[str]) -> Newest:
        """Return the newest run of each test, from one snapshot of the database.

        Args:
            usual: how many tests a session usually has.
            timed: the tests of which all runs that passed are read, too.

        Raises:
            DamagedStoreError: a row is not as we write it.
            NotPreparedError: one of the sessions is not prepared.
        """
        with self._connection.read_transaction():
            return self._newest(usual, timed)

    def _newest(self, usual: int, timed: Set[str]) -> Newest:
        keys = [each.key for each in self._reader.find_sessions()]
        sessions = self._sessions(keys)
        keys = [key for key in keys if key in sessions]
        suites = dict(self._suites(list({each.suite for each in sessions.values()})))
        in_sessions = self._connection.dialect.in_numbers("session", keys)
        rows = self._connection.fetch(
            "SELECT session, test, outcome, attempts, duration, reason FROM insight_runs"
            f" WHERE {in_sessions.sql}",
            in_sessions.parameters,
        )
        names = self._names({row[1] for row in rows})
        others = self._runs_of(rows, sessions, names)
        incidents: dict[int, Incident] = {}
        for key in keys:
            notable = [run for run in others[key].values() if is_notable(run)]
            incident = incident_of(notable, usual)
            if incident is not None:
                incidents[key] = incident
        of_sessions = {key: suites[sessions[key].suite] for key in keys}
        found = _find(of_sessions, others, incidents)
        facts = {key: sessions[key].facts for key in keys}
        runs = {names[test]: run for test, run in found.runs.items()}
        passed = set().union(*found.passed.values())
        names |= self._names(passed - names.keys())
        runs.update(self._passed(found.passed, of_sessions, facts, names))
        return Newest(
            [facts[key] for key in keys],
            [len(of_sessions[key]) for key in keys],
            runs,
            [incidents[key] for key in keys if key in incidents],
            self._timed(timed, keys, facts, others),
            {names[test]: run for test, run in found.covered.items()},
        )

    def _timed(
        self,
        timed: Set[str],
        keys: list[int],
        facts: Mapping[int, SessionFacts],
        others: Mapping[int, Mapping[int, Run]],
    ) -> list[Run]:
        """Return the runs of some tests that simply passed, the newest session first."""
        tests = {hash_key(name): name for name in filter(is_storable, timed)}
        if not tests:
            return []
        in_sessions = self._connection.dialect.in_numbers("session", keys)
        in_tests = self._connection.dialect.in_numbers("test", list(tests))
        rows = self._connection.fetch(
            "SELECT session, test, duration FROM insight_results"
            f" WHERE {in_sessions.sql} AND {in_tests.sql}",
            in_sessions.parameters + in_tests.parameters,
        )
        found: dict[int, list[Run]] = {key: [] for key in keys}
        passed = TestOutcome.PASSED
        for key, test, duration in rows:
            if test not in others[key]:
                found[key].append(Run(tests[test], facts[key], passed, 1, duration))
        return [run for key in keys for run in sorted(found[key], key=lambda run: run.nodeid)]

    def _passed(
        self,
        passed: Mapping[int, set[int]],
        of_sessions: Mapping[int, Collection[int]],
        facts: Mapping[int, SessionFacts],
        names: Mapping[int, str],
    ) -> dict[str, Run]:
        """Return the runs of tests that simply passed."""
        whole, parts = [], []
        for key, tests in passed.items():
            if len(tests) * SHARE_LOOKED_UP > len(of_sessions[key]):
                whole.append(key)
            else:
                in_tests = self._connection.dialect.in_numbers("test", list(tests))
                parts.append(
                    Condition(f"session = ? AND {in_tests.sql}", (key, *in_tests.parameters))
                )
        if whole:
            parts.append(self._connection.dialect.in_numbers("session", whole))
        found = {}
        for part in parts:
            rows = self._connection.fetch(
                f"SELECT session, test, duration FROM insight_results WHERE {part.sql}",
                part.parameters,
            )
            for key, test, duration in rows:
                if test in passed[key]:
                    if type(duration) is not float:
                        raise self._connection.damage("a result has no duration")
                    name = names[test]
                    found[name] = Run(name, facts[key], TestOutcome.PASSED, 1, duration)
        if len(found) != sum(map(len, passed.values())):
            raise self._connection.damage("a session lacks results")
        return found


def _find(
    of_sessions: Mapping[int, Collection[int]],
    others: Mapping[int, Mapping[int, Run]],
    incidents: Mapping[int, Incident],
) -> _Found:
    """Return the sessions that have the newest run of each test.

    Args:
        of_sessions: the tests of each session, the newest session first.
        others: of each, the runs that did not simply pass.
        incidents: the incidents by session.
    """
    found = _Found({}, {}, {})
    compared: set[int] = set()
    hits: Counter[int] = Counter()
    for key, tests in of_sessions.items():
        of_session = others[key]
        fresh = set(filterfalse(compared.__contains__, tests))
        passed = fresh - of_session.keys()
        if passed:
            found.passed[key] = passed
            compared |= passed
            for test in passed & found.runs.keys():
                del found.runs[test]
        incident = incidents.get(key)
        for test in of_session.keys() & fresh:
            run = of_session[test]
            counts = run.outcome in COMPARED
            if incident is not None and incident.covers(run):
                hits[test] += 1
                counts = hits[test] == BROKEN_RUNS
                found.covered.setdefault(test, run)
                run = found.covered.pop(test) if counts else run
            if counts:
                compared.add(test)
            if counts or test not in found.runs:
                found.runs[test] = run
    return found
