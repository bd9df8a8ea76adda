"""One writer at a time: a lock file beside the file it protects, never deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_insight._util.files import PRIVATE_FILE, lock_path, make_private_folder, os_error_text
from pytest_insight._util.locks import AnyLock, lock_on
from pytest_insight.errors import StorageError, StoreLockedError


class Lock:
    """The lock of one file. May be taken again by the thread that holds it.

    The lock file is not deleted: a process that waits for a deleted one, and one that makes a new
    one, would both believe to hold "the" lock.
    """

    def __init__(self, protected: Path, seconds: float) -> None:
        self.path = lock_path(protected)
        self._protected = protected
        self._seconds = seconds
        self._locks: dict[int, AnyLock] = {}

    @property
    def _lock(self) -> AnyLock:
        """This process's: a forked child must not use its parent's."""
        lock = self._locks.get(os.getpid())
        if lock is None:
            lock = lock_on(self.path, self._seconds, PRIVATE_FILE)
            self._locks = {os.getpid(): lock}
        return lock

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a block; the folder is created where it is missing.

        Raises:
            StoreLockedError: another process has held it for longer than we wait.
            StorageError: the lock file or its folder cannot be made.
        """
        try:
            make_private_folder(self.path.parent)
            lock = self._lock
            lock.acquire()
        except TimeoutError as exc:
            raise StoreLockedError(self._protected, self.path, self._seconds) from exc
        except (OSError, NotImplementedError) as exc:
            why = os_error_text(exc) if isinstance(exc, OSError) else str(exc)
            raise StorageError(
                f"cannot write {self._protected}: its lock {self.path} cannot be made: {why}",
                self._protected,
            ) from exc
        with lock:
            yield
