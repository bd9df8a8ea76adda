"""The sessions that a side of a comparison means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pytest_insight.analysis.comparison.newest import Newest
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.compare.question import RunName
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import ANY_TIME, Selection, SessionIdIn

if TYPE_CHECKING:
    from pytest_insight.analysis.causes import CauseRules
    from pytest_insight.analyze.scope import Asked
    from pytest_insight.compare.question import Question
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

MAX_SESSIONS = 20
"""Sessions of which a composite baseline consists."""

_LAST = re.compile(r"last(?:~(\d{1,9}))?")


class Chosen(NamedTuple):
    """The sessions of a side.

    Attributes:
        name: as it was asked for; empty for the default.
        kind: what it is.
        storage: that has them.
        sessions: without results, newest first; at least one.
        note: how they were chosen, for people.
    """

    name: str
    kind: SideKind
    storage: BaseStorage
    sessions: list[TestSession]
    note: str = ""

    def newest(self, usual: int, rules: CauseRules) -> Newest:
        """Return the newest run of each test; see `SessionReader.newest_runs`."""
        ids = frozenset(session.session_id for session in self.sessions)
        return self.storage.newest_runs(Selection((SessionIdIn(ids),)), usual=usual, rules=rules)


def choose_head(asked: Question) -> Chosen:
    """Return the sessions of the head."""
    return _choose(asked, asked.head, "last")


def choose_base(asked: Question) -> Chosen:
    """Return the sessions of the base."""
    return _choose(asked, asked.base, "last~1")


def _choose(asked: Question, side: str | RunName | Asked | None, default: str) -> Chosen:
    storage = asked.open_storage()
    side = side.name if isinstance(side, RunName) else side
    if side is not None and not isinstance(side, str):
        found = list(side.open_storage().iter_headers(side.selection, newest_first=True))
        if not found:
            raise InvalidArgumentError(f"{side!r} selects no session")
        return Chosen("", SideKind.QUERY, side.open_storage(), found[:MAX_SESSIONS])
    name = side or default
    last = _LAST.fullmatch(name)
    filters = (*asked.selection.session_filters, ANY_TIME)
    selection = Selection(filters)
    if last is None:
        selection = Selection((SessionIdIn(frozenset((name,))),))
    back = int(last[1] or 0) if last else 0
    found = list(storage.iter_headers(replace(selection, limit=back + 1), newest_first=True))
    if len(found) <= back:
        raise InvalidArgumentError(f"there is no session {name!r}")
    return Chosen(side or "", SideKind.SESSION, storage, found[back : back + 1])
