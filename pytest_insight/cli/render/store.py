"""Sentences about a store: the origin of its records, and which of its sessions are pinned."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pytest_insight.cli.render.undo import listed
from pytest_insight.filters import IsPinned, Selection, SessionIdIn
from pytest_insight.locations import display_path

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def origin(storage: BaseStorage) -> str:
    """Return the origin of records: the profile, if one is used, and the store."""
    where = display_path(storage.location)
    return f"profile {storage.profile_name} ({where})" if storage.profile_name else where


def has_sessions(storage: BaseStorage) -> bool:
    """Return whether there is any session, also one without results or dated in the future."""
    return bool(storage.session_ids(Selection(limit=1)) or storage.session_ids())


def pinned_text(storage: BaseStorage, ids: Collection[str]) -> str:
    """Return which of the sessions are pinned, to be put after their number; "" if none is."""
    chosen = Selection((SessionIdIn(frozenset(ids)), IsPinned()))
    pinned = storage.session_ids(chosen) if ids else []
    return f", {len(pinned):,} of them pinned ({listed(pinned)})" if pinned else ""
