"""Find sessions that several programs or files recorded of the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import pairwise

from pytest_insight.models import TestSession

CLOSE = timedelta(seconds=2)
"""Two programs note the start of one run at most this far apart."""
_LATE = frozenset({"reportlog", "allure"})
"""Formats whose sessions start with the first test, not with the collection before it."""
ALIKE = 0.9
"""The part of the tests that two records of one run share at least."""


def is_better(session: TestSession, other: TestSession) -> bool:
    """Return whether a session tells more of a run than another one: a recorded one tells all."""
    return count_losses(session) < count_losses(other)


def is_same_file(session: TestSession, other: TestSession) -> bool:
    """Return whether two sessions are of one file of another program."""
    ours, theirs = session.source, other.source
    return ours is not None and theirs is not None and ours.digest == theirs.digest != ""


def count_losses(session: TestSession) -> int:
    """Return how much a session does not tell; 0 for a recorded one."""
    return len(session.source.losses) + 1 if session.source else 0


class RunRecords:
    """Finds the record of a run among known sessions."""

    def __init__(
        self,
        headers: Callable[[], Iterable[TestSession]],
        load: Callable[[str], TestSession | None],
    ) -> None:
        """Start with the sessions of a store.

        Args:
            headers: returns them, perhaps without results; called once, if needed.
            load: returns the session with an ID, with its results.
        """
        self._headers = headers
        self._load = load
        self._nodeids: dict[str, frozenset[str]] = {}
        self._replaced: set[str] = set()
        self._by_id: dict[str, TestSession] = {}
        self._index: dict[object, list[TestSession]] | None = None

    def find(self, session: TestSession) -> TestSession | None:
        """Return the best known record of the same run, perhaps without results; None without one.

        It has the same SUT, at least 90 % of its tests in common, and is of the same job of the
        same CI run or started at the same time, but for 2 seconds. If the start of one is that of
        its first test, they may have ended at the same time instead. Its ID differs. A program
        records a run once: two of its records that started at different times are of two runs.
        """
        index = self._load_index()
        others = [other for key in _keys(session) for other in index.get(key, ())]
        return min(
            (o for o in others if self._is_same_run(session, o)), key=count_losses, default=None
        )

    def get(self, session_id: str) -> TestSession | None:
        """Return the known session with an ID, perhaps without results."""
        self._load_index()
        return self._by_id.get(session_id)

    def add(self, session: TestSession) -> None:
        """Add a session, with its results, to the known ones."""
        self._nodeids[session.session_id] = _nodeids_of(session)
        self._note(session, self._load_index())

    def forget(self, session_id: str) -> None:
        """Leave out a session that is replaced."""
        self._replaced.add(session_id)

    def _is_same_run(self, session: TestSession, other: TestSession) -> bool:
        if other.session_id == session.session_id or other.session_id in self._replaced:
            return False
        is_of_job = _ci_job(session) == _ci_job(other) is not None
        may_be = _is_close(session, other) or is_of_job
        return may_be and not _differ(session, other) and self._is_alike(session, other)

    def _load_index(self) -> dict[object, list[TestSession]]:
        if self._index is None:
            self._index = {}
            for session in self._headers():
                self._note(session, self._index)
        return self._index

    def _note(self, session: TestSession, index: dict[object, list[TestSession]]) -> None:
        self._by_id[session.session_id] = session
        for key in _keys(session, own=True):
            index.setdefault(key, []).append(session)

    def _is_alike(self, session: TestSession, other: TestSession) -> bool:
        nodeids = _nodeids_of(session)
        name = other.session_id
        if name not in self._nodeids:
            loaded = self._load(name)
            self._nodeids[name] = _nodeids_of(loaded) if loaded else frozenset()
        return _share_most(nodeids, self._nodeids[name])


def count_repeated(sessions: Iterable[TestSession]) -> int:
    """Return how many sessions record a run that another one of them records, too."""
    ordered = sorted(sessions, key=lambda each: (each.sut_name, each.session_start_time))
    return sum(
        one.sut_name == other.sut_name
        and _is_close(one, other)
        and not _differ(one, other)
        and _share_most(_nodeids_of(one), _nodeids_of(other))
        for one, other in pairwise(ordered)
    )


def _is_close(one: TestSession, other: TestSession) -> bool:
    if abs(one.session_start_time - other.session_start_time) <= CLOSE:
        return True
    is_late = not _LATE.isdisjoint((_format(one), _format(other)))
    return is_late and abs(one.session_stop_time - other.session_stop_time) <= CLOSE


def _differ(one: TestSession, other: TestSession) -> bool:
    """Return whether two sessions are of two runs, such as jobs that run side by side."""
    ours, theirs = _ci_job(one), _ci_job(other)
    if ours and theirs and ours[0] and ours[0] == theirs[0] and ours != theirs:
        return True
    if _format(one) != _format(other):
        return False
    return not _format(one) or one.session_start_time != other.session_start_time


def _format(session: TestSession) -> str:
    """Return the format of the file that a session is of; empty for a recorded one."""
    return session.source.format if session.source else ""


def _share_most(nodeids: frozenset[str], others: frozenset[str]) -> bool:
    most = max(len(nodeids), len(others))
    return most > 0 and len(nodeids & others) >= ALIKE * most


def _nodeids_of(session: TestSession) -> frozenset[str]:
    return frozenset(result.nodeid for result in session.test_results)


def _keys(session: TestSession, *, own: bool = False) -> Iterator[object]:
    """Yield the keys under which records of the same run may be, or (`own`) under which it is."""
    around = 0 if own else int(CLOSE.total_seconds()) + 1
    for name in ("session_start_time", "session_stop_time"):
        second = int(getattr(session, name).timestamp())
        for near in range(second - around, second + around + 1):
            yield session.sut_name, name, near
    if job := _ci_job(session):
        yield session.sut_name, job


def _ci_job(session: TestSession) -> tuple[str, ...] | None:
    """Return the CI run and job of a session; None if it has none."""
    facts = session.testing_system.get("ci")
    if not isinstance(facts, dict) or not facts.get("run_id"):
        return None
    return tuple(str(facts.get(name, "")) for name in ("provider", "run_id", "job", "attempt"))
