"""Sessions as people name them: by ID, the beginning of one, `last`, `last~1`."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.filters import Selection
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
    ids = storage.session_ids()  # once: a long history takes a while to look through
    known = set(ids)
    return [
        name
        if _WILDCARD.search(name) and name not in known  # a SUT's name may hold any sign
        else glob.escape(_meant(storage, name, ids, selection))
        for name in names
    ]


def find_session(storage: BaseStorage, name: str) -> TestSession:
    """The session that a person means.

    Raises:
        StorageError: none, or more than one; it names those that are near.
    """
    meant = _meant(storage, name, storage.session_ids(), None)
    found = storage.get_session_by_id(meant)
    if found is None:  # deleted since
        raise _none_of_that_name(storage, name, [])
    return found


def _meant(storage: BaseStorage, name: str, ids: Sequence[str], selection: Selection | None) -> str:
    """The ID, of all that there are, that a person means; of `last` by those selected."""
    if name in ids:
        return name
    last = _LAST.fullmatch(name)
    if last:
        selected = ids if selection is None else storage.session_ids(selection)
        return _from_the_end(storage, int(last[1] or 0), selected, ids)
    matching = [known for known in ids if known.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise StorageError(
            f"{name!r} is the beginning of {len(matching)} sessions in {storage.location}: say "
            f"more of it, as in {matching[-1]}",
            storage.location,
        )
    raise _none_of_that_name(storage, name, ids)


def _from_the_end(
    storage: BaseStorage, back: int, selected: Sequence[str], ids: Sequence[str]
) -> str:
    where = storage.location
    if back < len(selected):
        return selected[-1 - back]
    if selected:
        there = f"{len(selected)} that match" if len(selected) > 1 else "one that matches"
        raise StorageError(
            f"there is no session last~{back} in {where}, which has only {there}", where
        )
    if ids:
        raise StorageError(f"no session in {where} matches, so there is no last one", where)
    raise StorageError(f"{where} has no sessions yet: record a run with pytest --insight", where)


def _none_of_that_name(storage: BaseStorage, name: str, ids: Sequence[str]) -> StorageError:
    import difflib  # only for an error

    near = difflib.get_close_matches(name, ("last", *ids) if ids else (), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
    return StorageError(f"{storage.location} has no session {name!r}: {hint}", storage.location)
