"""Exclusive locks between processes and threads, on a lock file beside the file they protect."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from pytest_insight._util.files import PRIVATE_FILE, lock_path, make_private_folder, os_error_text
from pytest_insight._util.rights import adopt_owner, rights_of, set_most_rights
from pytest_insight.errors import StorageError, StoreLockedError

if TYPE_CHECKING:
    from filelock import BaseFileLock

POLL_SECONDS = 0.05
"""The mean time between two attempts to acquire a lock."""


class FileLock:
    """An exclusive lock; the thread that holds it may acquire it again.

    The lock file is never deleted: a process that waits for a deleted one and a process that makes
    a new one would both believe to hold the lock. It gets the rights of the protected file, so that
    everybody who may write that can lock it. A forked child does not hold what its parent holds.

    Attributes:
        path: the lock file.
    """

    def __init__(self, protected: Path, seconds: float) -> None:
        """Create nothing yet.

        Args:
            protected: the file; its lock file is `<file>.lock`.
            seconds: how long to wait for another holder.
        """
        self.path = lock_path(protected)
        self._protected = protected
        self._seconds = seconds
        # By process. Those of parents stay: some releases of filelock unlock when they are deleted.
        self._locks: dict[int, BaseFileLock] = {}

    def acquire(self, seconds: float | None = None) -> None:
        """Wait for the lock and hold it; the folder must exist.

        The time is counted in sleeps: tests may have stopped the clocks.

        Args:
            seconds: how long to wait; None for what `__init__` got.

        Raises:
            TimeoutError: another process or thread has held it for too long.
            OSError: the lock file cannot be made, or the file system has no locks.
        """
        lock = self._locks.get(os.getpid())
        if lock is None:
            from filelock import FileLock as AnyFileLock  # 10 to 60 ms, which readers do not need

            # Never the soft locks that some releases fall back to: a crash leaves those locked.
            lock = AnyFileLock(
                self.path, timeout=self._seconds, mode=PRIVATE_FILE, preserve_lock_file=True
            )
            self._locks[os.getpid()] = lock
        waited = self._seconds if seconds is None else seconds
        for attempt in range(round(waited / POLL_SECONDS), -1, -1):
            try:
                lock.acquire(blocking=False)  # with a timeout of 0, some releases ask the clock
            except TimeoutError:
                if not attempt:
                    raise
                # Jitter, so that two processes that wait do not always look at the same moment.
                sleep(POLL_SECONDS * (0.5 + os.urandom(1)[0] / 255))
            except NotImplementedError as exc:
                raise OSError(str(exc)) from exc
            else:
                break
        if lock.lock_counter == 1:
            with suppress(OSError):  # the lock is held; another user's attempt says what is wrong
                self._match_rights()

    def release(self) -> None:
        """Give the lock up, once for each time it was acquired; do nothing in a forked child."""
        lock = self._locks.get(os.getpid())
        if lock is not None:
            lock.release()

    def _match_rights(self) -> None:
        """Give a lock file the rights of the protected file, or the owner of its folder."""
        rights, own = rights_of(self._protected), rights_of(self.path)
        if own is None or own.owner != os.geteuid() != 0:
            return
        if rights is not None:
            rights = rights._replace(mode=rights.mode & 0o666 | PRIVATE_FILE)
        if own == rights:
            return
        descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if rights is None:
                adopt_owner(descriptor, self.path.parent)
            elif os.fstat(descriptor).st_nlink == 1:  # see `adopt_owner`
                set_most_rights(descriptor, rights)
        finally:
            os.close(descriptor)

    @contextmanager
    def held(self, seconds: float | None = None) -> Iterator[None]:
        """Hold the lock during a block; the folder is created if it is missing.

        Args:
            seconds: as in `acquire`.

        Raises:
            StoreLockedError: another process or thread has held it for too long.
            StorageError: the lock file or its folder cannot be made.
        """
        try:
            make_private_folder(self.path.parent)
            self.acquire(seconds)
        except TimeoutError as exc:
            waited = self._seconds if seconds is None else seconds
            raise StoreLockedError(self._protected, self.path, waited) from exc
        except OSError as exc:
            raise StorageError(
                f"cannot write {self._protected}: its lock file {self.path} {self._problem(exc)}",
                self._protected,
            ) from exc
        try:
            yield
        finally:
            self.release()

    def _problem(self, exc: OSError) -> str:
        """Return why the lock file cannot be opened or created, and what to do."""
        text = os_error_text(exc)
        if not os.path.lexists(self.path):
            folder = next(filter(os.path.isdir, self.path.parents))
            needed = f"; you need write access to {folder}" if exc.errno == errno.EACCES else ""
            return f"cannot be created: {text}{needed}"
        advice = {
            errno.EACCES: "; write to the store once as the owner of the lock file, "
            "or give it the store's mode",
            errno.ELOOP: "; if it is a symbolic link, delete the link",
        }
        return f"cannot be opened: {text}{advice.get(exc.errno or 0, '')}"
