"""Which sessions are old enough to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import IsPinned, Selection, StartedWithin, arguments

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def prunable(storage: BaseStorage, *, older_than: float | None, keep: int | None) -> list[str]:
    """The IDs that `BaseStorage.prune_sessions` deletes by these rules, the oldest first.

    Raises:
        InvalidArgumentError: neither rule is given, or one is negative.
    """
    if older_than is None and keep is None:
        raise InvalidArgumentError("say what to prune: how old, or how many to keep")
    loose = storage.session_ids(Selection((IsPinned(wanted=False),)))
    old: set[str] = set()
    if keep is not None:
        old.update(loose[: max(len(loose) - arguments.whole("keep", keep, at_least=0), 0)])
    if older_than is not None:
        within = StartedWithin(arguments.number("older_than", older_than))
        old.update(set(loose).difference(storage.session_ids(Selection((within,)))))
    return [session_id for session_id in loose if session_id in old]
