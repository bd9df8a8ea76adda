"""Names of sessions on the command line: an ID, an ID prefix, `last`, `last~1`."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.errors import NEAR, StorageError
from pytest_insight.filters import HasTest, Selection

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

_LAST = re.compile(r"last(?:~(\d{1,9}))?")
_WILDCARD = re.compile(r"[*?[]")


def session_patterns(
    storage: BaseStorage, names: Sequence[str], selection: Selection | None = None
) -> list[str]:
    """Return a pattern for each name: wildcards as they are, else one that matches one ID only.

    Args:
        storage: the storage that has the sessions.
        names: as given on the command line.
        selection: the sessions among which `last` is the newest; None for all.

    Raises:
        StorageError: a name without wildcards means no session, or more than one.
    """
    return _Finder(storage, selection or Selection()).patterns(names)


def find_ids(storage: BaseStorage, names: Sequence[str]) -> list[str]:
    """Return the IDs of the sessions that the names mean, by start time.

    Raises:
        StorageError: a name without wildcards means no session, or more than one; or all names
            have wildcards and nothing matches.
    """
    from pytest_insight.filters import SessionIdMatches

    finder = _Finder(storage, Selection())
    if not any(_WILDCARD.search(name) for name in names):
        return list(dict.fromkeys(finder.find_id(name) for name in names))
    patterns = SessionIdMatches(tuple(finder.patterns(names)))
    ids = storage.session_ids(Selection((patterns,)))
    if not ids:
        raise StorageError(
            f"no session in {storage.location} matches {', '.join(names)}; "
            "list them with: insight sessions list",
            storage.location,
        )
    return ids


def find_session(storage: BaseStorage, name: str) -> TestSession:
    """Return the session that a name means.

    Raises:
        StorageError: no session or several have that name; the message suggests near ones.
    """
    finder = _Finder(storage, Selection())
    last = storage.get_last_session() if name == "last" else None  # the usual name: needs no scan
    found = last or storage.get_session_by_id(finder.find_id(name))
    if found is None:  # deleted since
        raise finder.unknown(name)
    return found


class _Finder:
    """Finds IDs in a storage; lists its sessions at most once, which takes a while if many.

    `last` and `last~1` always count from the end, even if a session has that ID. Sessions without
    results do not count: a run of nothing (`-k typo`) must not hide the failures before it.
    """

    def __init__(self, storage: BaseStorage, selection: Selection) -> None:
        self._storage = storage
        self._selection = selection
        self._where = storage.location

    @cached_property
    def ids(self) -> list[str]:
        """All IDs, by start time."""
        return self._storage.session_ids()

    def patterns(self, names: Sequence[str]) -> list[str]:
        """Return a pattern for each name; see `session_patterns`."""
        return [
            name
            if _WILDCARD.search(name) and name not in self.ids  # an ID may contain any character
            else glob.escape(self.find_id(name))
            for name in names
        ]

    def find_id(self, name: str) -> str:
        """Return the ID that a name means; `last` counts in the selection only."""
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
                f"{name!r} is ambiguous ({len(matching)} sessions in {self._where}); give more "
                f"characters, as in {matching[-1]}",
                self._where,
            )
        raise self.unknown(name)

    def _from_the_end(self, back: int) -> str:
        limit = self._selection.limit
        few = back + 1 if limit is None else min(back + 1, limit)
        filters = (*self._selection.session_filters, HasTest(()))  # with a result at all
        selection = replace(self._selection, session_filters=filters, limit=few)
        selected = self._storage.session_ids(selection)
        if back < len(selected):
            return selected[-1 - back]
        where = self._where
        if selected:
            there = f"{len(selected)} sessions match" if len(selected) > 1 else "1 session matches"
            raise StorageError(f"there is no last~{back} in {where}: only {there}", where)
        if self.ids:
            raise StorageError(
                f"no session with results in {where} matches, so there is no last one", where
            )
        raise StorageError(f"no sessions yet in {where}: record a run with pytest --insight", where)

    def unknown(self, name: str) -> StorageError:
        """Return the error for a name that no session has."""
        import difflib  # only needed for an error

        near = difflib.get_close_matches(
            name, ("last", *self.ids) if self.ids else (), n=3, cutoff=NEAR
        )
        hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
        return StorageError(f"no session {name!r} in {self._where}; {hint}", self._where)
