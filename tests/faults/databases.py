"""What runs in processes that write databases, and may be killed at it."""

from __future__ import annotations

import resource
from itertools import count
from pathlib import Path

from pytest_insight.errors import StorageError
from pytest_insight.storage import BaseStorage, PostgreSQLStorage, SQLiteStorage
from tests.faults.victims import Tell, session


def opened(place: str) -> BaseStorage:
    """The storage at a URL or a path."""
    return PostgreSQLStorage(place) if "://" in place else SQLiteStorage(place)


def saves(tell: Tell, place: str, prefix: str, seed: int, most: int | None = None) -> None:
    """Save one session after the other; tell each ID once it is saved, and what went wrong."""
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
    """Delete sessions; tell when it is done."""
    storage = opened(place)
    tell("under way")
    storage.delete_sessions(ids)
    tell("done")


def saves_with_little_room(tell: Tell, path: str, room: int) -> None:
    """Save one after the other until a file would have more than so many bytes."""
    storage = SQLiteStorage(path)
    storage.session_ids()  # what is opened first is opened
    largest = max(file.stat().st_size for file in Path(path).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))
    saves(tell, path, "full", room)
