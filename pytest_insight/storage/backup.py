"""Copies of damaged stores: made once for each damage, never overwritten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import CHUNK_BYTES, read_range, replacing


def keep_backup(path: Path, lost: Collection[tuple[int, int]] = ()) -> Path:
    """Copy a file to `<name>.<time>.bak` beside it, unless there is such a copy already.

    Args:
        path: the file.
        lost: the ranges of bytes that cannot be read. An older copy that has the same bytes there
            is enough: one damage makes one copy, even if sessions are saved after it. If there are
            none, or one is empty, only an equal copy is enough.

    Returns:
        The path of the copy.

    Raises:
        OSError: the copy cannot be made.
    """
    for backup in sorted(path.parent.iterdir()):
        if not (backup.name.startswith(f"{path.name}.") and backup.suffix == ".bak"):
            continue
        if backup.is_file() and (_same_ranges(path, backup, lost) or _same(path, backup)):
            return backup
    backup = _free_name(path, _modified(path), ".bak")
    import shutil  # only for damaged files

    with path.open("rb") as source, replacing(backup, beside=path) as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
    return backup


def keep_torn_bytes(path: Path, torn: bytes) -> Path:
    """Keep what an interrupted write left in `<name>.<time>.torn` beside the file; return its path.

    Raises:
        OSError: it cannot be written.
    """
    kept = _free_name(path, datetime.now(UTC), ".torn")
    with replacing(kept, beside=path) as file:
        file.write(torn)
    return kept


def _modified(path: Path) -> datetime:
    """Return the time of the last change; now if it is outside the calendar."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _free_name(path: Path, time: datetime, suffix: str) -> Path:
    """Return a name beside the file that does not exist; clocks and file times may be set back."""
    stem = f"{path.name}.{time:%Y%m%dT%H%M%S.%fZ}"
    name = path.with_name(stem + suffix)
    number = 1
    while name.exists():
        number += 1
        name = path.with_name(f"{stem}-{number}{suffix}")
    return name


def _same(path: Path, backup: Path) -> bool:
    import filecmp  # only for damaged files

    filecmp.clear_cache()  # it takes files of equal size and time for equal
    return filecmp.cmp(path, backup, shallow=False)


def _same_ranges(path: Path, backup: Path, ranges: Collection[tuple[int, int]]) -> bool:
    if not ranges or any(start >= end for start, end in ranges):
        return False
    with path.open("rb", buffering=0) as one, backup.open("rb", buffering=0) as other:
        files: tuple[BinaryIO, BinaryIO] = one, other
        return all(len({read_range(file, *each) for file in files}) == 1 for each in ranges)
