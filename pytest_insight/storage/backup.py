"""Copies of damaged stores: made once for each accident, never overwritten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pytest_insight.files import COPY_BYTES, replacing


def keep_backup(path: Path) -> Path:
    """Copy a file to `<name>.<time>.bak` beside it, where that copy is not there already.

    The time is that of the file's last change, so that reading a damaged store many times makes one
    copy, and the next accident another.

    Raises:
        OSError: the copy cannot be made.
    """
    import filecmp
    import shutil

    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    stem = f"{path.name}.{changed:%Y%m%dT%H%M%S.%fZ}"
    number = 1
    while True:
        backup = path.with_name(f"{stem}{f'-{number}' if number > 1 else ''}.bak")
        if not backup.exists():
            break
        if filecmp.cmp(path, backup, shallow=False):
            return backup
        number += 1
    with path.open("rb") as source, replacing(backup) as copy:
        shutil.copyfileobj(source, copy, COPY_BYTES)
    return backup


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
