"""The sessions that were chosen for a side, and how they are picked from a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight._util.times import earlier
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.runs import environment_of
from pytest_insight.filters import (
    Selection,
    SessionFilter,
    SessionIdIn,
    StartedBetween,
)
from pytest_insight.filters.sessions import ci_run_id, same_run
from pytest_insight.models import TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

MAX_SESSIONS = 20
MAX_AGE = timedelta(days=14)
"""Of how many sessions a composite baseline consists, and how much older than the newest of them
they may be."""
_PERIODS = (1, 4, 16, 64)
"""Days that are looked at, one after the other: a store is read from its end."""


class Chosen(NamedTuple):
    """The sessions of a side.

    Attributes:
        name: as it was asked for; empty for the default.
        kind: what it is.
        storage: that has them.
        sessions: without results, newest first; at least one.
        note: how they were chosen, for people.
        is_dated: whether the base must not be newer than the head, if this is one of them.
    """

    name: str
    kind: SideKind
    storage: BaseStorage
    sessions: list[TestSession]
    note: str = ""
    is_dated: bool = True

    @property
    def newest(self) -> TestSession:
        """The session that started last."""
        return self.sessions[0]

    @property
    def ids(self) -> set[str]:
        """The IDs of the sessions."""
        return {session.session_id for session in self.sessions}

    @property
    def selection(self) -> Selection:
        """The selection that selects these sessions."""
        return selection_of(self.sessions)


def selection_of(sessions: Iterable[TestSession]) -> Selection:
    """Return the selection that selects these sessions."""
    found = list(sessions)
    ids = frozenset(session.session_id for session in found)
    starts = [session.session_start_time for session in found]
    # The times say where to look: a JSON store is read from its end.
    return Selection((SessionIdIn(ids), StartedBetween(min(starts), max(starts))))


def newest_headers(
    storage: BaseStorage, filters: tuple[SessionFilter, ...], until: datetime
) -> Iterator[TestSession]:
    """Yield the sessions that started until then, newest first, without results.

    Only as much of the store is read as is needed.
    """
    end = until
    for days in _PERIODS:
        since = earlier(until, timedelta(days=days).total_seconds())
        period = StartedBetween(since, end)
        for session in storage.iter_headers(Selection((*filters, period)), newest_first=True):
            if session.session_start_time != since:  # else it is one of the next period, too
                yield session
        end = since
    older = Selection((*filters, StartedBetween(None, end)))
    yield from storage.iter_headers(older, newest_first=True)


def run_of(
    storage: BaseStorage, session: TestSession, *, without_ci: bool = False
) -> list[TestSession]:
    """Return the sessions of the CI run of a session, newest first; only itself without one.

    Args:
        storage: that has them.
        session: any session of the run.
        without_ci: whether other sessions of its commit within an hour are of its run, too.
    """
    if ci_run_id(session) is None and not without_ci:
        return [session.with_results(())]
    found = storage.iter_headers(Selection(same_run(session)), newest_first=True)
    branch = _branch(session)
    same = [
        each
        for each in found
        if each.sut_name == session.sut_name
        # Some CI services number the runs of each branch.
        and (not branch or _branch(each) in ("", branch))
    ]
    return same or [session.with_results(())]


def _branch(session: TestSession) -> str:
    return (session.code_state and session.code_state.branch) or ""


def composite(headers: Iterable[TestSession], environments: set[str]) -> list[TestSession]:
    """Return the sessions of a composite baseline, newest first.

    Args:
        headers: newest first.
        environments: those of the head; sessions in others are taken if no session is in these.
    """
    found: list[TestSession] = []
    others: list[TestSession] = []
    oldest = None
    for session in headers:
        start = session.session_start_time
        if oldest is None:
            oldest = earlier(start, MAX_AGE.total_seconds())
        if start < oldest:
            break
        of_environment = environment_of(session.testing_system) in environments
        taken = found if of_environment else others
        # All shards of the newest CI run belong to it, however many they are.
        run = ci_run_id(session)
        if len(taken) < MAX_SESSIONS or (run is not None and run == ci_run_id(taken[0])):
            taken.append(session)
    return found or others


def environments_of(sessions: Iterable[TestSession]) -> set[str]:
    """Return the environments of sessions; see `SessionFacts.environment`."""
    return {environment_of(session.testing_system) for session in sessions}
