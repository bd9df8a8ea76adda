"""A survey of sessions: how often each test ran, and the runs that verdicts depend on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.compact_runs import (
    CompactRuns,
    Suites,
    compact_each,
    count_runs,
    find_ran,
    join_compact,
)
from pytest_insight.analysis.runs import Run, SessionFacts, Tests, in_time_order, is_notable
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.models import TestOutcome, TestSession

K = TypeVar("K")
"""The type of what identifies a test within its SUT."""


class Survey(NamedTuple):
    """All sessions at a glance, and the runs from which verdicts other than "stable" can come.

    Attributes:
        sessions: in time order.
        notable: the runs that are bad, recovered or unexpected passes, in time order, those of a
            session by nodeid.
        decided: by SUT, then by nodeid, the number of decided runs of each test that has any run in
            the sessions that count; 0 for tests that were only ever skipped.
        rest: likewise, the number of all other runs; tests without any are left out.
        runs: by SUT and nodeid, the runs of the tests that may be more than "stable": those with a
            notable run, and those that were decided only once, which may be new.
    """

    sessions: list[SessionFacts]
    notable: list[Run]
    decided: dict[str, dict[str, int]]
    rest: dict[str, dict[str, int]]
    runs: Mapping[TestKey, CompactRuns]

    @property
    def tests(self) -> Iterator[TestKey]:
        """The SUT and nodeid of each test that has a run in the sessions that count."""
        return ((sut, nodeid) for sut, tests in self.decided.items() for nodeid in tests)

    @property
    def candidates(self) -> dict[TestKey, int]:
        """How many runs each of the tests has that may be more than "stable"."""
        return {key: len(runs.ran) for key, runs in self.runs.items()}

    @property
    def counts(self) -> dict[TestKey, int]:
        """How many runs each of the `tests` has."""
        counts = {}
        for sut, tests in self.decided.items():
            rest = self.rest.get(sut, {})
            counts.update({(sut, name): n + rest.get(name, 0) for name, n in tests.items()})
        return counts

    def judging(self, runs: Iterable[Run]) -> Survey:
        """Return the same survey with other `runs`: those of these, which come in any order."""
        return self._replace(runs=compact_each(self.sessions, runs))


class Counts(NamedTuple, Generic[K]):
    """How many runs the tests of a SUT have, and the runs of some of them.

    Attributes:
        decided: as in `Survey`, by test.
        rest: likewise.
        runs: likewise.
    """

    decided: dict[K, int]
    rest: dict[K, int]
    runs: dict[K, CompactRuns]

    def renamed(self, names: Mapping[K, str]) -> Counts[str]:
        """Return the same, with nodeids for tests.

        Args:
            names: the nodeid of each test.
        """
        return Counts(
            {names[test]: count for test, count in self.decided.items()},
            {names[test]: count for test, count in self.rest.items()},
            {names[test]: runs for test, runs in self.runs.items()},
        )


def count_tests(
    suites: Callable[[], Suites[K]],
    is_counted: Sequence[bool],
    undecided: Mapping[K, int],
    notable: Collection[tuple[K, int, Run]],
    find_others: Callable[[set[K]], Iterable[tuple[K, int, TestOutcome]]],
) -> Counts[K]:
    """Return what a survey says of the tests of one SUT.

    Args:
        suites: returns the sets of tests that its sessions ran; it is called twice.
        is_counted: by number, whether the runs of a session count.
        undecided: how many runs of each test in sessions that count are neither good nor bad.
        notable: its notable runs, with their tests and the numbers of their sessions.
        find_others: returns the outcomes of the other runs of some tests that did not pass.
    """
    decided, rest = count_runs(suites(), is_counted)
    for test, times in undecided.items():
        decided[test] -= times
        rest[test] += times
    wanted = {test for test, count in decided.items() if count == 1}
    wanted.update(test for test, _, _ in notable if test in decided)
    others = find_others(wanted) if wanted else ()
    runs = join_compact(find_ran(suites(), wanted), notable, others)
    return Counts(dict(decided), dict(rest), runs)


def survey(
    sessions: Iterable[TestSession | Tests],
    counted: Callable[[SessionFacts], bool] | None = None,
    rules: CauseRules = DEFAULT_RULES,
) -> Survey:
    """Return a survey of sessions.

    Args:
        sessions: in any order; one is in memory at a time.
        counted: whether the runs of a session count in `decided`; None for all.
        rules: what makes two failures one cause.
    """
    facts: list[SessionFacts] = []
    suites: dict[str, dict[int, _Suite]] = {}
    others: dict[str, list[Run]] = {}
    texts: dict[str, str] = {}
    for session in sessions:
        found = session if isinstance(session, Tests) else Tests(session)
        here = found.facts
        facts.append(here)
        of_sut = suites.setdefault(here.sut_name, {})
        _find_suite(of_sut, frozenset(found.names), texts).sessions.append(here)
        runs = (found.run(nodeid, rules) for nodeid in found.others)
        others.setdefault(here.sut_name, []).extend(runs)
    facts.sort(key=in_time_order)
    numbers = {each.session_id: number for number, each in enumerate(facts)}
    is_counted = [counted is None or counted(each) for each in facts]

    return join_survey(
        facts,
        [run for runs in others.values() for run in runs if is_notable(run)],
        {sut: _count(suites[sut].values(), others[sut], numbers, is_counted) for sut in suites},
    )


def survey_of(
    runs: Collection[Run], notable: list[Run], decided: dict[str, dict[str, int]]
) -> Survey:
    """Return the survey of the sessions of some runs.

    Args:
        runs: in any order.
        notable: what is known of the notable runs of the sessions.
        decided: as in `Survey`.
    """
    sessions = {run.session.session_id: run.session for run in runs}
    in_order = sorted(sessions.values(), key=in_time_order)
    return Survey(in_order, notable, decided, {}, compact_each(in_order, runs))


class _Suite(NamedTuple):
    """A set of nodeids, and the sessions that ran these."""

    nodeids: tuple[str, ...]
    sessions: list[SessionFacts]


def _find_suite(
    suites: dict[int, _Suite], nodeids: frozenset[str], texts: dict[str, str]
) -> _Suite:
    """Return the suite with these nodeids, which is added if it is not known.

    It is found by their hash and kept as a tuple, as the suites of all sessions may differ: a
    set takes about 8 times the memory.

    Args:
        suites: those of the SUT that are known, by hash.
        nodeids: of a session.
        texts: the nodeids of all suites: each is in memory once.
    """
    key = hash(nodeids)
    while key in suites:
        known = suites[key]
        if len(known.nodeids) == len(nodeids) and nodeids.issuperset(known.nodeids):
            return known
        key += 1  # another suite has this hash
    suites[key] = _Suite(tuple(texts.setdefault(nodeid, nodeid) for nodeid in nodeids), [])
    return suites[key]


def _count(
    suites: Iterable[_Suite],
    others: Iterable[Run],
    numbers: Mapping[str, int],
    is_counted: Sequence[bool],
) -> Counts[str]:
    """Return what is known of the tests of a SUT.

    Args:
        suites: what its sessions ran.
        others: the runs that did not simply pass.
        numbers: of the sessions, by ID.
        is_counted: by number, whether the runs of a session count.
    """
    numbered = [(run.nodeid, numbers[run.session.session_id], run) for run in others]
    of_suites = [
        (suite.nodeids, [numbers[each.session_id] for each in suite.sessions]) for suite in suites
    ]
    undecided = Counter(name for name, n, run in numbered if is_counted[n] and not run.is_decided)
    notable = [each for each in numbered if is_notable(each[2])]
    rest = [
        (nodeid, n, run.outcome)
        for nodeid, n, run in numbered
        if not is_notable(run) and run.outcome is not TestOutcome.PASSED
    ]
    return count_tests(lambda: of_suites, is_counted, undecided, notable, lambda _: rest)


def join_survey(
    sessions: list[SessionFacts], notable: Iterable[Run], counts: Mapping[str, Counts[str]]
) -> Survey:
    """Return a survey.

    Args:
        sessions: in time order.
        notable: the notable runs, in any order.
        counts: what is known of the tests of each SUT.
    """
    return Survey(
        sessions,
        sorted(notable, key=lambda run: (*in_time_order(run.session), run.nodeid)),
        {sut: each.decided for sut, each in counts.items()},
        {sut: each.rest for sut, each in counts.items()},
        {(sut, name): runs for sut, each in counts.items() for name, runs in each.runs.items()},
    )
