"""The file of a store: its path, its lock, its permissions, and whether SQLite has it open.

Imported by recorded runs: keep its imports few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet, WeakValueDictionary

from pytest_insight._util.files import os_error_text, write_protected
from pytest_insight._util.rights import resolve
from pytest_insight.errors import StorageError

LOCK_SECONDS = 60.0
"""How long a writer waits for another one before it gives up."""

if TYPE_CHECKING:
    from pytest_insight._util.locks import FileLock


class StoreFile:
    """A file that several processes use, of which one at a time writes it.

    Attributes:
        path: the path as it was given; absolute.
    """

    def __init__(self, path: Path, lock_seconds: float) -> None:
        """Create and read nothing yet.

        Args:
            path: absolute.
            lock_seconds: how long to wait for another writer.
        """
        self.path = path
        self._lock_seconds = lock_seconds

    @cached_property
    def real_path(self) -> Path:
        """The path with links resolved: a link must stay a link when the file is replaced.

        Raises:
            StorageError: a link is a stranger's.
        """
        try:
            return resolve(self.path)
        except OSError as exc:
            raise StorageError(
                f"cannot use the store {self.path}: {os_error_text(exc)}", self.path
            ) from exc

    @cached_property
    def lock(self) -> FileLock:
        """The exclusive lock of writers: the same for all objects of this file in this process.

        So a thread that holds it through one object may acquire it through another.
        """
        from pytest_insight._util.locks import FileLock  # readers do not need it

        with _lock:
            found = _file_locks.get(self.real_path)
            if found is None:
                found = _file_locks[self.real_path] = FileLock(self.real_path, self._lock_seconds)
            return found

    @contextmanager
    def exclusive(self, seconds: float | None = None) -> Iterator[None]:
        """Hold the lock during a block.

        Args:
            seconds: how long to wait for another writer; None for what `__init__` got.

        Raises:
            StoreLockedError: another process has held the lock for too long.
            StorageError: the lock file cannot be made.
        """
        with self.lock.held(self._lock_seconds if seconds is None else seconds):
            yield

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the lock during a block that writes.

        Raises:
            StoreLockedError: another process has held the lock for too long.
            StorageError: the lock file cannot be made, or the block raised OSError.
        """
        with self.exclusive():
            try:
                yield
            except OSError as exc:
                raise StorageError(
                    f"cannot write the store {self.path}: {os_error_text(exc)}; "
                    "what was saved before is intact",
                    self.path,
                ) from exc

    def check_writable(self) -> None:
        """Check the permissions of the file and its folder; change nothing.

        Raises:
            StorageError: one of them is write-protected.
        """
        refused = write_protected(self.real_path)
        if refused is not None:
            raise StorageError(
                f"cannot write the store {self.path}: {refused} is write-protected", self.path
            )


def store_exists(path: Path) -> bool:
    """Return whether there is a regular file at `path` (links followed).

    Raises:
        StorageError: there is something else, or the path cannot be read.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise StorageError(
                f"{path} is a link to a file that does not exist; correct or delete the link", path
            ) from None
        return False
    except OSError as exc:
        raise StorageError(f"cannot read the store {path}: {os_error_text(exc)}", path) from exc
    if not S_ISREG(mode):  # opening a named pipe would block
        raise StorageError(f"{path} is not a regular file, so it cannot be a store", path)
    return True


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
_file_locks: WeakValueDictionary[Path, FileLock] = WeakValueDictionary()
_lock = Lock()  # iterating over a set that another thread adds to raises RuntimeError


def register_owner(owner: ConnectionOwner) -> None:
    """Remember an object that may open connections, until it is garbage collected."""
    with _lock:
        _owners.add(owner)


def is_in_use(path: Path) -> bool:
    """Return whether this process has a connection to an SQLite database at `path`.

    Symbolic links are followed.
    """
    with _lock:
        owners = list(_owners)
    if not owners:
        return False
    real_path = os.path.realpath(path)
    return any(owner.has_connection_to(real_path) for owner in owners)
