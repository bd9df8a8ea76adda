"""The runs of many tests, in little space: most passed, and of those only the session is kept.

A session has a number: its position among all sessions that are looked at, which are in
time order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple, TypeVar

from pytest_insight.analysis.runs import DECIDED, GOOD, Run, SessionFacts, is_notable
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.models import TestOutcome

K = TypeVar("K")
"""The type of what identifies a test."""


class CompactRuns(NamedTuple):
    """The runs of one test.

    Attributes:
        ran: the numbers of the sessions that have a run of it, ascending.
        notable: the runs that are bad, recovered or unexpected passes, by number.
        others: the outcomes of the other runs that did not pass, by number.
    """

    ran: tuple[int, ...]
    notable: Mapping[int, Run] = {}
    others: Mapping[int, TestOutcome] = {}

    @property
    def undecided(self) -> Set[int]:
        """The numbers of the runs that are neither good nor bad."""
        found = {number for number, outcome in self.others.items() if outcome not in DECIDED}
        found.update(number for number, run in self.notable.items() if not run.is_decided)
        return found

    def outcome(self, number: int) -> TestOutcome | None:
        """Return the outcome in a session; None if it was not run."""
        if number in self.notable:
            return self.notable[number].outcome
        place = bisect_left(self.ran, number)
        if place == len(self.ran) or self.ran[place] != number:
            return None
        return self.others.get(number, TestOutcome.PASSED)

    def is_good(self, number: int) -> bool:
        """Return whether it was good in a session."""
        return self.outcome(number) in GOOD

    def last(self, count: int, end: int) -> CompactRuns:
        """Return the last runs in sessions with numbers below `end`."""
        ran = self.ran[: bisect_left(self.ran, end)][-count:]
        if len(ran) == len(self.ran):
            return self
        kept = range(ran[0], ran[-1] + 1) if ran else ()
        return CompactRuns(
            ran,
            {number: run for number, run in self.notable.items() if number in kept},
            {number: outcome for number, outcome in self.others.items() if number in kept},
        )


class NumberedSessions:
    """Sessions in time order, by number and by context.

    Attributes:
        facts: what is known of each.
    """

    def __init__(self, facts: Sequence[SessionFacts]) -> None:
        """Number the sessions, which come in time order."""
        self.facts = facts
        self._by_context: dict[object, list[int]] = {}
        for number, each in enumerate(facts):
            self._by_context.setdefault(each.context, []).append(number)

    def in_context(self, context: tuple[str, str | None, str]) -> list[int]:
        """Return the numbers of the sessions in a context (`SessionFacts.context`), ascending."""
        return self._by_context.get(context, [])

    def first_after(self, time: datetime) -> int:
        """Return the number of the first session that started later."""
        return bisect_right(self.facts, time, key=lambda each: each.start)


def compact_each(
    sessions: Sequence[SessionFacts], runs: Iterable[Run]
) -> dict[TestKey, CompactRuns]:
    """Return the runs of each test, by SUT and nodeid.

    Args:
        sessions: in time order.
        runs: in any order; those of other sessions are ignored.
    """
    numbers = {session.session_id: number for number, session in enumerate(sessions)}
    by_test: dict[TestKey, dict[int, Run]] = {}
    for run in runs:
        number = numbers.get(run.session.session_id)
        if number is not None:
            by_test.setdefault((run.sut_name, run.nodeid), {})[number] = run
    return {key: _compact(of_test) for key, of_test in by_test.items()}


def compact(runs: Iterable[Run]) -> CompactRuns:
    """Return the runs of one test, which come in time order; only their sessions are numbered."""
    return _compact(dict(enumerate(runs)))


def _compact(runs: Mapping[int, Run]) -> CompactRuns:
    notable = {number: run for number, run in runs.items() if is_notable(run)}
    others = {
        number: run.outcome
        for number, run in runs.items()
        if number not in notable and run.outcome is not TestOutcome.PASSED
    }
    return CompactRuns(tuple(sorted(runs)), notable, others)


def join_compact(
    ran: Mapping[K, tuple[int, ...]],
    notable: Iterable[tuple[K, int, Run]],
    others: Iterable[tuple[K, int, TestOutcome]],
) -> dict[K, CompactRuns]:
    """Return the runs of each test.

    Args:
        ran: the tests, with the numbers of the sessions that have a run of each.
        notable: the notable runs; those of further tests are ignored.
        others: the outcomes of the other runs that did not pass, likewise.
    """
    found = {test: CompactRuns(numbers, {}, {}) for test, numbers in ran.items()}
    for test, number, run in notable:
        if test in found:
            found[test].notable[number] = run  # type: ignore[index]  # still our own
    for test, number, outcome in others:
        if test in found:
            found[test].others[number] = outcome  # type: ignore[index]
    return found


Suites = Iterable[tuple[Collection[K], Sequence[int]]]
"""Sets of tests, each with the numbers of the sessions that ran it."""


def count_runs(suites: Suites[K], is_counted: Sequence[bool]) -> tuple[Counter[K], Counter[K]]:
    """Return how many runs each test has, in sessions that count and in others.

    Args:
        suites: see there.
        is_counted: of each number, whether the session counts.
    """
    counted: Counter[K] = Counter()
    rest: Counter[K] = Counter()
    for tests, numbers in suites:
        times = sum(is_counted[number] for number in numbers)
        for counts, more in ((counted, times), (rest, len(numbers) - times)):
            if more and not counts:
                counts.update(dict.fromkeys(tests, more))  # as fast as copying
            elif more:
                for test in tests:
                    counts[test] += more
    return counted, rest


def find_ran(suites: Suites[K], wanted: set[K]) -> dict[K, tuple[int, ...]]:
    """Return the numbers of the sessions that ran each of some tests, ascending."""
    places: dict[K, list[int]] = {}
    of_suite: list[Sequence[int]] = []
    for place, (tests, numbers) in enumerate(suites):
        of_suite.append(numbers)
        for test in wanted.intersection(tests):
            places.setdefault(test, []).append(place)
    known: dict[tuple[int, ...], tuple[int, ...]] = {}  # most tests were run in the same sessions
    found = {}
    for test, of_test in places.items():
        key = tuple(of_test)
        if key not in known:
            known[key] = tuple(sorted(number for place in key for number in of_suite[place]))
        found[test] = known[key]
    return found
