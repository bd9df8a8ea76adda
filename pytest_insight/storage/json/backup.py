"""Copies of damaged stores: made once for each accident, never overwritten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import CHUNK_BYTES, replacing


def keep_backup(path: Path, lost: Collection[tuple[int, int]] = ()) -> Path:
    """Copy a file to `<name>.<time>.bak` beside it, where no such copy is there already.

    Args:
        path: the file.
        lost: the ranges of bytes that cannot be read. An earlier copy that has the same bytes there
            will do: reading a damaged store makes one copy, however much is saved behind the damage
            meanwhile. Without (or where a range is empty) only an equal copy will do.

    Raises:
        OSError: the copy cannot be made.
    """
    for backup in sorted(path.parent.iterdir()):
        if not (backup.name.startswith(f"{path.name}.") and backup.suffix == ".bak"):
            continue
        if backup.is_file() and (_same_ranges(path, backup, lost) or _same(path, backup)):
            return backup
    backup = _free_name(path, _changed(path), ".bak")
    import shutil  # seldom needed

    with path.open("rb") as source, replacing(backup) as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
    return backup


def _changed(path: Path) -> datetime:
    """When it was written last; now where that is a time that no calendar has."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _free_name(path: Path, time: datetime, suffix: str) -> Path:
    """A name beside the file that nothing has: clocks are set back, and times of files as well."""
    stem = f"{path.name}.{time:%Y%m%dT%H%M%S.%fZ}"
    name = path.with_name(stem + suffix)
    number = 1
    while name.exists():
        number += 1
        name = path.with_name(f"{stem}-{number}{suffix}")
    return name


def _same(path: Path, backup: Path) -> bool:
    import filecmp  # seldom needed

    filecmp.clear_cache()  # which takes files of one size and time for the same ones
    return filecmp.cmp(path, backup, shallow=False)


def _same_ranges(path: Path, backup: Path, ranges: Collection[tuple[int, int]]) -> bool:
    if not ranges or any(start >= end for start, end in ranges):
        return False
    with path.open("rb") as one, backup.open("rb") as other:
        return all(_bytes(one, start, end) == _bytes(other, start, end) for start, end in ranges)


def _bytes(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def keep_torn_bytes(path: Path, torn: bytes) -> Path:
    """Keep what a write that was cut off left behind, in `<name>.<time>.torn` beside the file.

    Raises:
        OSError: it cannot be kept.
    """
    kept = _free_name(path, datetime.now(UTC), ".torn")
    with replacing(kept) as file:
        file.write(torn)
    return kept
