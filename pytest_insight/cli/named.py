"""Sessions as people name them: by ID, the beginning of one, or `last`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

LAST = "last"
_WILDCARD = re.compile(r"[*?[]")


def session_patterns(storage: BaseStorage, names: Sequence[str]) -> list[str]:
    """For each name its wildcards as they are, or the ID that is meant.

    Raises:
        StorageError: as `find_session`, for a name without wildcards.
    """
    return [
        name if _WILDCARD.search(name) else find_session(storage, name).session_id for name in names
    ]


def find_session(storage: BaseStorage, name: str) -> TestSession:
    """The session that a person means.

    Raises:
        StorageError: none, or more than one; it names those that are near.
    """
    where = storage.location
    found = storage.get_session_by_id(name)
    if found is None and name == LAST:
        found = storage.get_last_session()
        if found is None:
            raise StorageError(
                f"{where} has no sessions yet: record a run with pytest --insight", where
            )
    if found is not None:
        return found
    ids = storage.session_ids()
    matching = [session_id for session_id in ids if session_id.startswith(name)]
    if len(matching) == 1:
        found = storage.get_session_by_id(matching[0])
        if found is not None:
            return found
    if matching:
        raise StorageError(
            f"{name!r} is the beginning of {len(matching)} sessions in {where}: say more of it, as "
            f"in {matching[-1]}",
            where,
        )
    import difflib  # only for an error

    near = difflib.get_close_matches(name, ids, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
    raise StorageError(f"{where} has no session {name!r}: {hint}", where)
