"""What is checked of a store: the result of reading every byte of it, and that sessions exist."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


class Verification(msgspec.Struct, frozen=True):
    """The state of a store.

    Attributes:
        sessions: the number of sessions that can be read, each ID once.
        results: the number of their results.
        damage: a description of each part that cannot be read.
        ignored: fields of another writer that the next rewrite does not keep.
        superseded: older copies of sessions that were saved again; they only take space.
        unfinished: whether an interrupted write left bytes after the last session. It was never
            reported as saved, and the next save cuts it off.
        future: the IDs of sessions that are dated in the future (`filters.MAX_AHEAD`).
        backup: the path of the file as it was before `repair`; None if nothing was lost.
        repairable: whether `repair` mends all of the damage.
    """

    sessions: int
    results: int
    damage: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    superseded: int = 0
    unfinished: bool = False
    future: tuple[str, ...] = ()
    backup: str | None = None
    repairable: bool = True

    @property
    def sound(self) -> bool:
        """Whether everything in the store can be read."""
        return not self.damage

    @property
    def remedy(self) -> str:
        """What to do about damage."""
        if self.repairable:
            return "save what can be read with: insight sessions repair"
        if not self.sessions:
            return "restore a backup"
        return (
            f"restore a backup, or export what can be read ({self.sessions:,} "
            f"session{'' if self.sessions == 1 else 's'}) with: insight export FILE"
        )

    @property
    def tidy(self) -> bool:
        """Whether a rewrite of the store would change nothing."""
        return not (self.damage or self.ignored or self.superseded or self.unfinished)


def require_sessions(storage: BaseStorage, session_ids: Collection[str]) -> None:
    """Raise StorageError if a store does not have all of these sessions."""
    missing = sorted(set(session_ids) - set(storage.session_ids()))
    if missing:
        raise StorageError(
            f"{storage.location} has no session {missing[0]!r}; "
            "see which there are with: insight sessions list",
            storage.location,
        )
