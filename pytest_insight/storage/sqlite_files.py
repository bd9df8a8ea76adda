"""Detect SQLite files by their magic number, so that a JSON store never opens one."""

from __future__ import annotations

from pathlib import Path

from pytest_insight._util.files import read_range
from pytest_insight.errors import StorageError
from pytest_insight.storage.store_file import is_in_use

MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html#magic_header_string


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
