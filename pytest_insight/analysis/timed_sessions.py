"""How long the tests of sessions took, for the comparison of durations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_insight.analysis.runs import Run, SessionFacts, Tests, runs_of
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.models import TestOutcome, TestSession


class TimedSession(NamedTuple):
    """How long tests of a session took.

    Attributes:
        session: the session.
        nodeids: the tests; sessions with the same tests may share one sequence.
        seconds: of each of them; 0.0 if it did not pass at the first attempt.
    """

    session: SessionFacts
    nodeids: Sequence[str]
    seconds: Sequence[float]


class Untimed:
    """The tests of which further durations are wanted while sessions are read, the newest first.

    Attributes:
        least_sessions: how many sessions are needed at least; 0 if that is not known.
    """

    def __init__(self, counts: Mapping[TestKey, int] | None, last: int) -> None:
        """Nothing is read yet; the arguments are those of `last_timed`."""
        self._last = last
        self._are_known = counts is not None
        self._left: dict[str, dict[str, int]] = {}
        for (sut, nodeid), count in (counts or {}).items():
            self._left.setdefault(sut, {})[nodeid] = min(count, last)
        every = (left for of_sut in self._left.values() for left in of_sut.values())
        self.least_sessions = max(every, default=0)

    @property
    def is_finished(self) -> bool:
        """Whether no duration is wanted any more."""
        if not self._are_known:
            return not self._last
        return not any(any(left.values()) for left in self._left.values())

    def wanted(self, sut: str, nodeids: Sequence[str]) -> Sequence[str]:
        """Return those tests of a session that are wanted: the same sequence if all are."""
        left = self._left.setdefault(sut, {})
        if not self._are_known:
            for nodeid in nodeids:
                left.setdefault(nodeid, self._last)
        if all(map(left.get, nodeids)):  # nearly always
            return nodeids
        return [nodeid for nodeid in nodeids if left.get(nodeid)]

    def take(self, timed: TimedSession) -> TimedSession:
        """Return of a session what is wanted, which is then counted."""
        sut = timed.session.sut_name
        nodeids, seconds = self.wanted(sut, timed.nodeids), timed.seconds
        if nodeids is not timed.nodeids:
            known = dict(zip(timed.nodeids, seconds, strict=True))
            seconds = [known[nodeid] for nodeid in nodeids]
        left = self._left[sut]
        for nodeid in nodeids:
            left[nodeid] -= 1
        return TimedSession(timed.session, nodeids, seconds)


def last_timed(
    newest_first: Iterable[TestSession | Tests], counts: Mapping[TestKey, int] | None, last: int
) -> Iterator[TimedSession]:
    """Yield how long the last runs of tests took, the newest session first.

    Args:
        newest_first: the sessions; one is in memory at a time.
        counts: the tests by SUT and nodeid, and how many runs each of them has: no further session
            is read when all were yielded. None for all tests.
        last: the most runs of each test.
    """
    untimed = Untimed(counts, last)
    if untimed.is_finished:
        return
    for session in newest_first:
        timed = untimed.take(timed_session(session))
        if timed.nodeids:
            yield timed
        if untimed.is_finished:
            return


def timed_session(session: TestSession | Tests) -> TimedSession:
    """Return how long the tests of a session took."""
    found = session if isinstance(session, Tests) else Tests(session)
    return _timed(found.facts, runs_of(found))


def timed_sessions(runs: Iterable[Run]) -> list[TimedSession]:
    """Return the durations of runs, which come in any order."""
    by_session: dict[str, list[Run]] = {}
    for run in runs:
        by_session.setdefault(run.session.session_id, []).append(run)
    return [_timed(found[0].session, found) for found in by_session.values()]


def _timed(session: SessionFacts, runs: Sequence[Run]) -> TimedSession:
    passed = TestOutcome.PASSED
    return TimedSession(
        session,
        [run.nodeid for run in runs],
        [run.duration if run.outcome is passed and run.attempts == 1 else 0.0 for run in runs],
    )
