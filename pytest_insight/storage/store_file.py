"""A file that several processes write, one at a time: where it is, its lock, who may write it.

A recorded run imports this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from pytest_insight._util.files import not_writable, os_error_text
from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.storage.lock import Lock


class GuardedFile:
    """The file of a store and its lock.

    Attributes:
        path: as it was named.
    """

    def __init__(self, path: Path, lock_seconds: float) -> None:
        """Nothing is created or read before it is needed.

        Args:
            path: absolute.
            lock_seconds: how long to wait for another writer.
        """
        self.path = path
        self._lock_seconds = lock_seconds

    @cached_property
    def real_path(self) -> Path:
        """Where the file really is: a link to it must stay a link when the file is replaced."""
        return Path(os.path.realpath(self.path))

    @cached_property
    def lock(self) -> Lock:
        """What keeps other writers out."""
        from pytest_insight.storage.lock import Lock  # readers do without

        return Lock(self.real_path, self._lock_seconds)

    @contextmanager
    def being_written(self) -> Iterator[None]:
        """Hold the lock for a block that writes; what the system says leaves it as StorageError.

        Raises:
            StoreLockedError: another process has held the lock for too long.
            StorageError: the lock file cannot be made, or the block could not write.
        """
        with self.lock.held():
            try:
                yield
            except OSError as exc:
                raise StorageError(
                    f"cannot write the store {self.path}: {os_error_text(exc)}; "
                    "what was saved before is intact",
                    self.path,
                ) from exc

    def check_writable(self) -> None:
        """Look at the permissions of the file and its folder, without touching them.

        Raises:
            StorageError: they say no.
        """
        refused = not_writable(self.real_path)
        if refused is not None:
            raise StorageError(
                f"cannot write the store {self.path}: {refused} is write-protected", self.path
            )


def is_there(path: Path) -> bool:
    """Whether there is a store's file at a path, or behind the link there.

    Raises:
        StorageError: something else is there, or nobody can look.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise StorageError(f"{path} is a link to nowhere: mend or remove it", path) from None
        return False
    except OSError as exc:
        raise StorageError(f"cannot read the store {path}: {os_error_text(exc)}", path) from exc
    if not S_ISREG(mode):  # opening a pipe would wait
        raise StorageError(f"{path} is not a regular file, so it cannot be a store", path)
    return True
