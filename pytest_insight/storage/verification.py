"""What a look at every byte of a store found."""

from __future__ import annotations

import msgspec


class Verification(msgspec.Struct, frozen=True):
    """The state of a store.

    Attributes:
        sessions: how many can be read, each ID once.
        results: how many results they have.
        damage: each part that cannot be read, in words.
        ignored: fields of another writer that the next rewrite leaves out.
        superseded: older copies of sessions that were saved again; they only take space.
        unfinished: whether an interrupted write left something behind the last session: nobody was
            told that it is saved, and the next save cuts it off.
        backup: where `repair` has kept the file as it was; None where it lost nothing.
    """

    sessions: int
    results: int
    damage: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    superseded: int = 0
    unfinished: bool = False
    backup: str | None = None

    @property
    def sound(self) -> bool:
        """Whether everything in the store can be read."""
        return not self.damage

    @property
    def tidy(self) -> bool:
        """Whether writing the store anew would change nothing."""
        return not (self.damage or self.ignored or self.superseded or self.unfinished)
