"""Telling an SQLite database by its first bytes, for whoever would take it for a JSON store.

A recorded run imports this.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from pytest_insight._util.files import read_range
from pytest_insight.errors import StorageError

START = b"SQLite format 3\0"
"""How every SQLite database begins that holds anything."""


class Holder(Protocol):
    """What has connections to an SQLite database."""

    def holds_open(self, real_path: str) -> bool:
        """Whether this process has one to the file at that path, which has no links in it."""


# On POSIX a process that closes any file loses all its locks on it (fcntl), SQLite's own among
# them: another process may then take the database's log away from under a connection of ours. So a
# database that is in use here is known without a look at its bytes.
_holders: WeakSet[Holder] = WeakSet()
_lock = Lock()  # a set that grows while somebody goes through it raises


def note_holder(holder: Holder) -> None:
    """Say that an object may have connections from now on."""
    with _lock:
        _holders.add(holder)


def is_in_use(path: Path) -> bool:
    """Whether this process has a connection to a database at a path, or behind the link there."""
    with _lock:
        holders = list(_holders)
    if not holders:  # nearly always
        return False
    real_path = os.path.realpath(path)
    return any(holder.holds_open(real_path) for holder in holders)


def begins_as_database(first_bytes: bytes) -> bool:
    """Whether a file that begins with these bytes is an SQLite database."""
    return first_bytes.startswith(START)


def is_database(path: Path) -> bool:
    """Whether there is an SQLite database at a path; no where nobody can look."""
    if is_in_use(path):
        return True
    try:
        if not path.is_file():  # opening a pipe would wait
            return False
        with path.open("rb", buffering=0) as file:
            return begins_as_database(read_range(file, 0, len(START)))
    except OSError:
        return False


def no_json_store(path: Path) -> StorageError:
    """What to say of a database that was named as a JSON store."""
    return StorageError(
        f"{path} is an SQLite database, not a JSON store; nothing was changed: use it as one, by "
        "a profile with --type sqlite or by PYTEST_INSIGHT_STORAGE_TYPE=sqlite",
        path,
    )
