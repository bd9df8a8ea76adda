"""Detect SQLite files by their magic number, so that a JSON store never opens one.

Imported by recorded runs: keep its imports few.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from pytest_insight._util.files import read_range
from pytest_insight.errors import StorageError

MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html#magic_header_string


class ConnectionOwner(Protocol):
    """An object that may hold open SQLite connections."""

    def has_connection_to(self, real_path: str) -> bool:
        """Return whether this process has an open connection to the file.

        Args:
            real_path: the path with symbolic links resolved.
        """


# On POSIX, closing any descriptor of a file drops all fcntl locks that the process holds on it,
# including SQLite's: another process could then delete the write-ahead log that a connection of
# this process still uses (https://www.sqlite.org/howtocorrupt.html, section 2.2). So a database
# that is open in this process is never opened to look at its magic number.
_owners: WeakSet[ConnectionOwner] = WeakSet()
_lock = Lock()  # iterating over a set that another thread adds to raises RuntimeError


def register_owner(owner: ConnectionOwner) -> None:
    """Remember an object that may open connections, until it is garbage collected."""
    with _lock:
        _owners.add(owner)


def is_in_use(path: Path) -> bool:
    """Return whether this process has a connection to the database at `path` (links followed)."""
    with _lock:
        owners = list(_owners)
    if not owners:
        return False
    real_path = os.path.realpath(path)
    return any(owner.has_connection_to(real_path) for owner in owners)


def has_magic(first_bytes: bytes) -> bool:
    """Return whether a file that starts with these bytes is an SQLite database."""
    return first_bytes.startswith(MAGIC)


def is_database(path: Path) -> bool:
    """Return whether `path` is an SQLite database; False if it cannot be read."""
    if is_in_use(path):
        return True
    try:
        if not path.is_file():  # opening a named pipe would block
            return False
        with path.open("rb", buffering=0) as file:
            return has_magic(read_range(file, 0, len(MAGIC)))
    except OSError:
        return False


def wrong_type_error(path: Path) -> StorageError:
    """Return the error for a database that was opened as a JSON store."""
    return StorageError(
        f"{path} is an SQLite database, not a JSON store; nothing was changed; to use it, create a "
        "profile with --type sqlite or set PYTEST_INSIGHT_STORAGE_TYPE=sqlite",
        path,
    )
