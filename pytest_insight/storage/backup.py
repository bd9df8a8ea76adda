"""Copies of damaged stores: made once for each accident, never overwritten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pytest_insight.files import COPY_BYTES, replacing


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
        of_this_file = backup.name.startswith(f"{path.name}.") and backup.suffix == ".bak"
        if of_this_file and (_same_ranges(path, backup, lost) or _same(path, backup)):
            return backup
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    stem = f"{path.name}.{changed:%Y%m%dT%H%M%S.%fZ}"
    backup = path.with_name(f"{stem}.bak")
    number = 1
    while backup.exists():
        number += 1
        backup = path.with_name(f"{stem}-{number}.bak")
    import shutil  # seldom needed

    with path.open("rb") as source, replacing(backup) as copy:
        shutil.copyfileobj(source, copy, COPY_BYTES)
    return backup


def _same(path: Path, backup: Path) -> bool:
    import filecmp  # seldom needed

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
    now = datetime.now(UTC)
    kept = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S.%fZ}.torn")
    with replacing(kept) as file:
        file.write(torn)
    return kept
