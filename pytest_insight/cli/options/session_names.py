"""Sessions as people name them: by ID, the beginning of one, `last`, `last~1`."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.errors import StorageError
from pytest_insight.filters import Selection

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

_LAST = re.compile(r"last(?:~(\d{1,9}))?")
_WILDCARD = re.compile(r"[*?[]")


def session_patterns(
    storage: BaseStorage, names: Sequence[str], selection: Selection | None = None
) -> list[str]:
    """For each name a pattern: its wildcards as they are, or the ID that is meant and no other.

    Args:
        storage: where the sessions are.
        names: as people name them.
        selection: which of them `last` counts; None for all.

    Raises:
        StorageError: as `find_session`, for a name without wildcards.
    """
    known = _Known(storage, selection or Selection())
    return [
        name
        if _WILDCARD.search(name) and name not in known.ids  # a SUT's name may hold any sign
        else glob.escape(known.meant(name))
        for name in names
    ]


def find_session(storage: BaseStorage, name: str) -> TestSession:
    """The session that a person means.

    Raises:
        StorageError: none, or more than one; it names those that are near.
    """
    known = _Known(storage, Selection())
    last = storage.get_last_session() if name == "last" else None  # what people name most
    found = last or storage.get_session_by_id(known.meant(name))
    if found is None:  # deleted since
        raise known.none_of_that_name(name)
    return found


class _Known:
    """The IDs of a storage, looked through once at most: a long history takes a while.

    `last` and `last~1` always count from the end, whatever a session may be called.
    """

    def __init__(self, storage: BaseStorage, selection: Selection) -> None:
        self._storage = storage
        self._selection = selection
        self._where = storage.location

    @cached_property
    def ids(self) -> list[str]:
        """All of them, by start time."""
        return self._storage.session_ids()

    def meant(self, name: str) -> str:
        """The ID that a person means; of `last` by those that the selection keeps."""
        last = _LAST.fullmatch(name)
        if last:
            return self._from_the_end(int(last[1] or 0))
        if name in self.ids:
            return name
        matching = [known for known in self.ids if known.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise StorageError(
                f"{name!r} is the beginning of {len(matching)} sessions in {self._where}: say "
                f"more of it, as in {matching[-1]}",
                self._where,
            )
        raise self.none_of_that_name(name)

    def _from_the_end(self, back: int) -> str:
        limit = self._selection.limit
        few = back + 1 if limit is None else min(back + 1, limit)
        selected = self._storage.session_ids(replace(self._selection, limit=few))
        if back < len(selected):
            return selected[-1 - back]
        where = self._where
        if selected:
            there = f"{len(selected)} that match" if len(selected) > 1 else "one that matches"
            raise StorageError(
                f"there is no session last~{back} in {where}, which has only {there}", where
            )
        if self.ids:
            raise StorageError(f"no session in {where} matches, so there is no last one", where)
        raise StorageError(
            f"{where} has no sessions yet: record a run with pytest --insight", where
        )

    def none_of_that_name(self, name: str) -> StorageError:
        """What to say of a name that no session has."""
        import difflib  # only for an error

        near = difflib.get_close_matches(
            name, ("last", *self.ids) if self.ids else (), n=3, cutoff=0.6
        )
        hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
        return StorageError(f"{self._where} has no session {name!r}: {hint}", self._where)
