"""Functions for processes that write databases and may be killed."""

from __future__ import annotations

import resource
from itertools import count
from pathlib import Path

from pytest_insight.errors import StorageError
from pytest_insight.storage import BaseStorage, PostgreSQLStorage, SQLiteStorage
from tests.faults.victims import Tell, session


def opened(place: str) -> BaseStorage:
    """Return the storage for a URL or a path."""
    return PostgreSQLStorage(place) if "://" in place else SQLiteStorage(place)


def saves(tell: Tell, place: str, prefix: str, seed: int, most: int | None = None) -> None:
    """Save sessions one by one; report each saved ID and each error."""
    storage = opened(place)
    tell("under way")
    for number in count():
        if number == most:
            return
        name = f"{prefix}-{number}"
        try:
            storage.save_session(session(name, seed))
        except StorageError as exc:
            tell(f"error: {exc}")
            return
        tell(name)


def deletes(tell: Tell, place: str, ids: list[str]) -> None:
    """Delete sessions and report when they are deleted."""
    storage = opened(place)
    tell("under way")
    storage.delete_sessions(ids)
    tell("done")


def saves_with_little_room(tell: Tell, path: str, room: int) -> None:
    """Save sessions until the file would exceed a size limit in bytes."""
    storage = SQLiteStorage(path)
    storage.session_ids()  # opens the connection before the limit applies
    largest = max(file.stat().st_size for file in Path(path).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))
    saves(tell, path, "full", room)
