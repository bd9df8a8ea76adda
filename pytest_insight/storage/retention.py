"""Which sessions pruning deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import ANY_TIME, HasTest, IsPinned, Selection, StartedWithin, arguments

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def find_old(storage: BaseStorage, older_than: float | None, keep: int | None) -> list[str]:
    """Return the IDs of the sessions that `BaseStorage.prune_sessions` deletes, the oldest first.

    The age of a session that is dated in the future is unknown: it counts as the oldest one, but
    not as older than a number of seconds. Among the newest that are kept, sessions with results
    come first: runs of nothing (`-k typo`) must not push out the others.

    Raises:
        InvalidArgumentError: neither rule is given, or one is negative.
    """
    if older_than is None and keep is None:
        raise InvalidArgumentError("nothing to prune by: give older_than or keep")
    unpinned = storage.session_ids(Selection((IsPinned(wanted=False),)))
    dated = set(storage.session_ids(Selection((ANY_TIME,))))
    unpinned.sort(key=lambda session_id: session_id in dated)  # else their order is kept
    old: set[str] = set()
    if keep is not None:
        keep = arguments.whole("keep", keep, at_least=0)
        useful = Selection((IsPinned(wanted=False), HasTest(())), limit=keep)
        first = set(storage.session_ids(useful)) if len(unpinned) > keep else ()
        ranked = sorted(unpinned, key=lambda session_id: session_id in first)
        old.update(ranked[: max(len(ranked) - keep, 0)])
    if older_than is not None:
        newer = StartedWithin(arguments.number("older_than", older_than))
        old.update(dated.difference(storage.session_ids(Selection((newer,)))))
    return [session_id for session_id in unpinned if session_id in old]
