"""Warn of a damaged JSON store, once a copy of it is kept, and say what is lost."""

from __future__ import annotations

from pathlib import Path

from pytest_insight._util.files import os_error_text
from pytest_insight._util.user_warnings import warn_user
from pytest_insight.errors import StoreDamageWarning, list_first
from pytest_insight.storage.backup import keep_backup
from pytest_insight.storage.json.index import Index

MOST_LOSSES = 20
"""Unreadable parts that a warning lists; `verify` lists all."""


def keep_copy(path: Path, index: Index) -> Path:
    """Copy a damaged file, unless there is a copy with the same damage; return the copy.

    Raises:
        OSError: the copy cannot be made.
    """
    lost = [] if index.ignored else [(loss.start, loss.end) for loss in index.lost]
    return keep_backup(path, lost)


def warn_of_damage(path: Path, real_path: Path, index: Index) -> None:
    """Copy a damaged file, and warn with the path of the copy or why it cannot be copied."""
    try:
        kept = f"the damaged file was kept as {keep_copy(real_path, index)}"
    except OSError as exc:
        kept = f"it could not be copied ({os_error_text(exc)}), so copy it before you write"
    lost = "; ".join(list_first([loss.text for loss in index.lost], most=MOST_LOSSES))
    if index.entries:
        what = f"part of the store {path} cannot be read: {lost}"
        rest = f"The other sessions, {len(index.entries)}, can; {kept}"
    else:
        what = f"nothing in the store {path} can be read: {lost}"
        rest = f"Saving goes on; {kept}"
    warn_user(StoreDamageWarning(f"{what}. {rest}."))


def warn_of_torn_end(path: Path) -> None:
    """Warn that the last write of a store was interrupted."""
    warn_user(
        StoreDamageWarning(
            f"the last write of the store {path} was interrupted; every session that was saved "
            "before it can be read. The next save cuts off what it left."
        )
    )
