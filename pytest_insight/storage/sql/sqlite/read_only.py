"""Reading an SQLite file that we may not write, or whose folder we may not.

SQLite wants to make its log beside a file (`-wal`, `-shm`) also to read it. Where it may not, or
where what it makes would be in its owner's way afterwards, the file is read as it lies there: all
is in it when no log is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_insight._util.files import may_read, write_protected
from pytest_insight.errors import StorageError
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.sqlite.storage import SQLiteConnection
from pytest_insight.storage.store_file import StoreFile


def opened(file: StoreFile) -> SQLiteConnection:
    """A connection for reading; the file is there.

    Raises:
        StorageError: it cannot be read.
    """
    log, index = _beside(file, "-wal"), _beside(file, "-shm")
    for each in (file.real_path, log, index):
        if each.exists() and not may_read(each):
            raise StorageError(
                f"cannot read the store {file.path}: we have no permission to read {each}",
                file.path,
            )
    if not _has_log(file):
        # Both are there: somebody is at it just now, and may write.
        at_work = log.exists() and index.exists()
        return SQLiteConnection(file, "mode=ro") if at_work else _AsItLies(file)
    refused = write_protected(index)
    if refused is not None and not index.exists():
        raise StorageError(
            f"cannot read the store {file.path}: what was written last is in {log.name} still, "
            f"which cannot be read because {refused} is write-protected; have its owner run any "
            "insight command on it, or copy the two files to a folder of your own",
            file.path,
        )
    return SQLiteConnection(file, "mode=ro")


class _AsItLies(SQLiteConnection):
    """Reads without any lock or log; it is found out where somebody writes all the same."""

    def __init__(self, file: StoreFile) -> None:
        self._before = _state(file.real_path)
        super().__init__(file, "immutable=1")

    @property
    def usable(self) -> bool:
        """Until it is closed, or there is something new."""
        return super().usable and not _has_log(self._file) and not self._has_changed()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows.

        Raises:
            StorageError: also where somebody has written meanwhile.
        """
        try:
            return super().rows(sql, parameters)
        finally:
            if self._has_changed():
                raise StorageError(
                    f"cannot read the store {self._location}: it was changed while it was read; "
                    "try again",
                    self._location,
                )

    def _has_changed(self) -> bool:
        return _state(self._file.real_path) != self._before


def _beside(file: StoreFile, suffix: str) -> Path:
    return file.real_path.with_name(file.real_path.name + suffix)


def _has_log(file: StoreFile) -> bool:
    """Whether something is in the log that may not be in the file yet."""
    try:
        return _beside(file, "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
