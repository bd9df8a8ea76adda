"""What sessions of a store hold, as digests: enough to know equal ones, little enough to keep."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pytest_insight.document.codec import content_digest
from pytest_insight.filters import Selection, SessionIdIn

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def digests(storage: BaseStorage, ids: Collection[str] | None = None) -> dict[str, str]:
    """The digest of each of these sessions, or of all; those that are not there have none.

    Memory is bounded by the largest session.
    """
    if ids is not None and not ids:
        return {}
    wanted = None if ids is None else Selection((SessionIdIn(frozenset(ids)),))
    return {each.session_id: content_digest(each) for each in storage.iter_sessions(wanted)}
