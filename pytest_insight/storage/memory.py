"""Sessions in memory: lost when the process ends, and the reference for all other storages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from threading import RLock
from typing import ClassVar, Self, cast

from msgspec.structs import replace

from pytest_insight import exchange
from pytest_insight._util.override import override
from pytest_insight.document.codec import checked
from pytest_insight.filters import Selection, all_match
from pytest_insight.models import TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.base import BaseStorage


class InMemoryStorage(BaseStorage):
    """Stores sessions as long as the object lives.

    The storage of a memory profile lives as long as the process: `get_storage_instance` returns the
    same object each time. An object may be used by several threads.
    """

    storage_type: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self._sessions: dict[str, TestSession] = {}
        self._lock = RLock()

    @classmethod
    @override
    def from_profile(cls, profile: StorageProfile) -> Self:
        storage = cls()
        storage.exchange = profile.exchange
        return storage

    @property
    @override
    def location(self) -> str:
        return "memory"

    @override
    def exclusive(self) -> AbstractContextManager[None]:
        return cast("AbstractContextManager[None]", self._lock)

    @override
    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        self._save([checked(session) for session in sessions])

    @override
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
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
                yield _copied(narrowed)

    @override
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        return [session.session_id for session in self.iter_sessions(selection)]

    @override
    def delete_sessions(self, ids: Collection[str]) -> int:
        with self._lock:
            return sum(self._sessions.pop(name, None) is not None for name in set(ids))

    @override
    def apply(self, plan: exchange.MergePlan) -> None:
        writes = list(plan.iter_writes())
        with self._lock:
            self.delete_sessions(plan.removes)
            self._save(writes)

    def _save(self, sessions: Iterable[TestSession]) -> None:
        with self._lock:
            self._sessions.update((session.session_id, session) for session in sessions)


def _copied(session: TestSession) -> TestSession:
    """Return a copy of what can be changed, so that changing a result does not change the store."""
    return replace(
        session,
        session_tags=dict(session.session_tags),
        testing_system=deepcopy(session.testing_system),
        test_results=tuple(
            replace(result, properties=deepcopy(result.properties)) if result.properties else result
            for result in session.test_results
        ),
    )
