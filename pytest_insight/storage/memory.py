"""Sessions in memory: gone with the process, and the reference for what every backend must do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from threading import RLock
from typing import TYPE_CHECKING, ClassVar, Self, cast

from msgspec.structs import replace

from pytest_insight.document.codec import checked
from pytest_insight.filters import Selection, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.base import BaseStorage

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import MergePlan
    from pytest_insight.profiles.profile import StorageProfile


class InMemoryStorage(BaseStorage):
    """Keeps sessions for as long as the object lives; one made directly is its own.

    A memory profile's instance lives as long as the process: `access.get_storage_instance` gives
    the same one each time. Safe for several threads.
    """

    storage_type: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self._sessions: dict[str, TestSession] = {}
        self._lock = RLock()

    @classmethod
    def from_profile(cls, profile: StorageProfile) -> Self:
        """A new, empty storage with the profile's exchange settings."""
        storage = cls()
        storage.exchange = profile.exchange
        return storage

    @property
    def location(self) -> str:
        """In words: there is no place."""
        return "memory"

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other threads out."""
        return cast("AbstractContextManager[None]", self._lock)

    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        """Keep checked copies."""
        self._keep([checked(session) for session in sessions])

    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """The definition of what every backend returns."""
        wanted = (selection or Selection()).resolved()
        with self._lock:
            sessions = list(self._sessions.values())
        sessions = [s for s in sessions if all_match(wanted.session_filters, s)]
        sessions.sort(key=lambda s: (s.session_start_time, s.session_id))
        if wanted.limit is not None:
            sessions = sessions[max(len(sessions) - wanted.limit, 0) :]
        for session in reversed(sessions) if newest_first else sessions:
            narrowed = wanted.narrowed(session)
            if narrowed is not None:
                yield _handed_out(narrowed)

    def session_ids(self, selection: Selection | None = None) -> list[str]:
        """The IDs, by start time."""
        return [session.session_id for session in self.iter_sessions(selection)]

    def delete_sessions(self, ids: Collection[str]) -> int:
        """Delete the sessions with these IDs."""
        with self._lock:
            return sum(self._sessions.pop(name, None) is not None for name in set(ids))

    def apply(self, plan: MergePlan) -> None:
        """Write what the plan says."""
        writes = plan.writes
        with self._lock:
            self.delete_sessions(plan.removes)
            self._keep(writes)

    def _keep(self, sessions: Iterable[TestSession]) -> None:
        with self._lock:
            self._sessions.update((session.session_id, session) for session in sessions)


def _handed_out(session: TestSession) -> TestSession:
    """A copy as far as it can be changed, so that nobody changes the store by changing a result."""
    return replace(
        session,
        session_tags=dict(session.session_tags),
        testing_system=deepcopy(session.testing_system),
        test_results=tuple(
            replace(result, properties=deepcopy(result.properties)) if result.properties else result
            for result in session.test_results
        ),
    )
