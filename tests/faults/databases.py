"""Functions for processes that write databases and may be killed."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path

from pytest_insight.errors import StorageError
from pytest_insight.storage import BaseStorage, PostgreSQLStorage, SQLiteStorage
from pytest_insight.storage.sql.sqlite.connection import SQLiteConnection
from pytest_insight.storage.store_file import StoreFile
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


def first_saves(tell: Tell, places: Sequence[str], together: Barrier, prefix: str) -> None:
    """Save one session to each store, none of which exists, at the same moment as other processes.

    Report each error.
    """
    tell("under way")
    for place in places:
        together.wait()
        try:
            with opened(place) as storage:
                storage.save_session(session(prefix, 1))
        except StorageError as exc:
            tell(f"error: {exc}")


def deletes(tell: Tell, place: str, ids: list[str]) -> None:
    """Delete sessions and report when they are deleted."""
    storage = opened(place)
    tell("under way")
    storage.delete_sessions(ids)
    tell("done")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def asks_without_end(tell: Tell, path: str, condition: str) -> None:
    """Run a query that never ends, and report that Ctrl-C has ended it."""
    SQLiteStorage(path).save_session(session("first", 1))
    connection = SQLiteConnection(StoreFile(Path(path), 1), "mode=rw")
    tell("under way")
    try:
        connection.fetch(f"{ENDLESS} WHERE {condition}")
    except KeyboardInterrupt:
        tell("interrupted")


def reads_with_little_memory(tell: Tell, path: str, room: int) -> None:
    """Read all sessions with a limit of the memory; report an error."""
    with SQLiteStorage(path) as storage:
        storage.session_ids()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + room
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        tell("under way")
        try:
            storage.load_sessions()
        except StorageError as exc:
            tell(f"error: {exc}")


def saves_with_little_room(tell: Tell, path: str, room: int) -> None:
    """Save sessions until the file would exceed a size limit in bytes."""
    storage = SQLiteStorage(path)
    storage.session_ids()  # opens the connection before the limit applies
    largest = max(file.stat().st_size for file in Path(path).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))
    saves(tell, path, "full", room)
