"""Open SQLite files that are write-protected, or whose folder is.

SQLite creates a write-ahead log and its index (`-wal`, `-shm`) beside a file even to read it. If it
must not, or if files created by this user would block the owner later, the file is opened as
immutable: if there is no log, it is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_insight._util.files import may_read, write_protected
from pytest_insight._util.override import override
from pytest_insight.errors import StorageError
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.sqlite.connection import SQLiteConnection
from pytest_insight.storage.store_file import StoreFile


def open_read_only(file: StoreFile) -> SQLiteConnection:
    """Return a connection for reading; the file must exist.

    Raises:
        StorageError: the file cannot be read.
    """
    log, index = _sibling(file, "-wal"), _sibling(file, "-shm")
    for path in (file.real_path, log, index):
        if path.exists() and not may_read(path):
            raise StorageError(
                f"cannot read the store {file.path}: no permission to read {path}", file.path
            )
    if not _has_log(file):
        # An empty log with an index: another process has the file open, and may write.
        in_use = log.exists() and index.exists()
        return SQLiteConnection(file, "mode=ro") if in_use else _ImmutableConnection(file)
    protected = write_protected(index)
    if protected is not None and not index.exists():
        raise StorageError(
            f"cannot read the store {file.path}: its latest sessions are still in {log.name}, "
            f"which cannot be read because {protected} is write-protected; have its owner run any "
            "insight command on it, or copy both files to a folder of your own",
            file.path,
        )
    return SQLiteConnection(file, "mode=ro")


class _ImmutableConnection(SQLiteConnection):
    """Reads without locks and log, and detects whether the file was changed in the meantime."""

    def __init__(self, file: StoreFile) -> None:
        self._state = _file_state(file.real_path)
        super().__init__(file, "immutable=1")

    @property
    @override
    def is_open(self) -> bool:
        """Whether the connection is open and the file has not changed since."""
        return super().is_open and not _has_log(self._file) and not self._has_changed()

    @override
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return all rows.

        Raises:
            StorageError: the query failed, or the file was changed.
        """
        try:
            return super().fetch(sql, parameters)
        finally:
            if self._has_changed():
                raise StorageError(
                    f"cannot read the store {self._location}: it was changed while it was read; "
                    "try again",
                    self._location,
                )

    def _has_changed(self) -> bool:
        return _file_state(self._file.real_path) != self._state


def _sibling(file: StoreFile, suffix: str) -> Path:
    return file.real_path.with_name(file.real_path.name + suffix)


def _has_log(file: StoreFile) -> bool:
    """Return whether the write-ahead log has content, which the file may lack."""
    try:
        return _sibling(file, "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _file_state(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
