"""The lock of a journal, held while its process lives: if it is free, the process died.

The lock file is `<journal>.lock`, of mode 0600. Unlike that of a store, it is deleted with its
journal.
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_insight._util.files import NO_LINKS, PRIVATE_FILE, Descriptor, file_key, lock_path
from pytest_insight._util.rights import adopt_owner


class JournalLock:
    """An exclusive lock that is held for a whole run.

    Tests may close its descriptor, which gives the lock up: `is_held` tells.

    Attributes:
        path: the lock file.
    """

    def __init__(self, journal: Path) -> None:
        """Acquire the lock without waiting.

        Raises:
            TimeoutError: another process holds it, or has just deleted the lock file.
            OSError: the lock file cannot be made, or the file system has no locks.
        """
        self.path = lock_path(journal)
        self._descriptor = self._acquired()

    def is_held(self) -> bool:
        """Return whether the lock was not lost."""
        return self._descriptor.has_mark()

    def acquire_again(self) -> None:
        """Acquire a lock that was lost.

        Raises:
            OSError: as when it is made.
        """
        self._descriptor = self._acquired()

    def release(self) -> None:
        """Give the lock up."""
        from filelock import unlock_descriptor

        if self._descriptor.is_open():
            # Closing would not be enough: a process that a test has forked has the descriptor, too.
            unlock_descriptor(self._descriptor.number)
            self._descriptor.close()

    def _acquired(self) -> Descriptor:
        from filelock import lock_descriptor  # 10 to 60 ms, which readers do not need

        number = os.open(self.path, os.O_RDWR | os.O_CREAT | NO_LINKS, PRIVATE_FILE)
        try:
            if not lock_descriptor(number, blocking=False) or not self._is_at_path(number):
                raise TimeoutError(f"another process has locked {self.path}")  # noqa: TRY301
            adopt_owner(number, self.path.parent)
            descriptor = Descriptor(number)
            descriptor.set_mark()
            return descriptor
        except BaseException:
            os.close(number)
            raise

    def _is_at_path(self, number: int) -> bool:
        """Return whether the file was not deleted by another process, which had the lock."""
        try:
            return file_key(os.fstat(number)) == file_key(self.path.stat())
        except FileNotFoundError:
            return False
