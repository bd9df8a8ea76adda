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
        StorageError: as `session_id`, for a name without wildcards.
    """
    known = set(storage.session_ids()) if any(map(_WILDCARD.search, names)) else set()
    return [
        name
        if _WILDCARD.search(name) and name not in known  # a SUT's name may hold any sign
        else glob.escape(session_id(storage, name, selection))
        for name in names
    ]


def find_session(storage: BaseStorage, name: str) -> TestSession:
    """The session that a person means.

    Raises:
        StorageError: as `session_id`.
    """
    found = storage.get_session_by_id(name) or storage.get_session_by_id(session_id(storage, name))
    if found is None:
        raise _none_of_that_name(storage, name, [])
    return found


def session_id(storage: BaseStorage, name: str, selection: Selection | None = None) -> str:
    """The ID of the session that a person means.

    Raises:
        StorageError: none, or more than one; it names those that are near.
    """
    ids = storage.session_ids()
    if name in ids:
        return name
    last = _LAST.fullmatch(name)
    if last:
        return _from_the_end(storage, int(last[1] or 0), selection)
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


def _from_the_end(storage: BaseStorage, back: int, selection: Selection | None) -> str:
    where = storage.location
    ids = storage.session_ids(selection)
    if back < len(ids):
        return ids[-1 - back]
    if ids:
        there = f"{len(ids)} that match" if len(ids) > 1 else "one that matches"
        raise StorageError(
            f"there is no session last~{back} in {where}, which has only {there}", where
        )
    if storage.session_ids():
        raise StorageError(f"no session in {where} matches, so there is no last one", where)
    raise StorageError(f"{where} has no sessions yet: record a run with pytest --insight", where)


def _none_of_that_name(storage: BaseStorage, name: str, ids: Sequence[str]) -> StorageError:
    import difflib  # only for an error

    near = difflib.get_close_matches(name, ("last", *ids) if ids else (), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
    return StorageError(f"{storage.location} has no session {name!r}: {hint}", storage.location)
