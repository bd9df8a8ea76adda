"""Find the sessions of a branch at the commit where the head's branch left it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from glob import escape
from typing import NamedTuple

from pytest_insight._util.git import (
    DEFAULT_BRANCHES,
    find_default_branch,
    find_merge_base,
    first_parents,
    is_shallow,
    references_of,
    why_no_repository,
)
from pytest_insight._util.times import earlier
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.compare.chosen_sessions import MAX_AGE, MAX_SESSIONS, Chosen, newest_headers
from pytest_insight.filters import BranchIs, Selection, SessionFilter
from pytest_insight.models import CodeState, TestSession
from pytest_insight.models.text import plural
from pytest_insight.storage.base import BaseStorage

MAX_LOOKED_AT = 1_000
"""Sessions among which those at or before the merge base are searched."""


class Branch(NamedTuple):
    """A branch that others grow from.

    Attributes:
        name: as sessions have it.
        references: its full names in git, those that exist.
    """

    name: str
    references: tuple[str, ...]


class Point(NamedTuple):
    """Where the head left a branch.

    Attributes:
        commits: the merge base and its first-parent ancestors, newest first; empty if git does not
            know them.
        is_on_branch: whether the head itself is a commit of the branch.
        why_unknown: why git does not know them, for people.
    """

    commits: list[str]
    is_on_branch: bool
    why_unknown: str = ""


def default_branch(storage: BaseStorage, filters: tuple[SessionFilter, ...]) -> Branch | None:
    """Return the default branch: what git says, else the first of the usual names.

    It has sessions, unless no such branch has any. None if git says nothing either.
    """

    def has_sessions(name: str) -> bool:
        selection = Selection((*filters, BranchIs(escape(name))), limit=1)
        return bool(storage.session_ids(selection))

    known = find_default_branch(None)
    if known is not None and has_sessions(known.name):
        return Branch(known.name, known.references)
    for name in DEFAULT_BRANCHES:
        if (known is None or name != known.name) and has_sessions(name):
            return named_branch(name)
    return None if known is None else Branch(known.name, known.references)


def named_branch(name: str) -> Branch:
    """Return the branch with a name, whether or not git knows it."""
    return Branch(name, references_of(name))


def find_point(head: TestSession, branch: Branch) -> Point:
    """Return where the commit of a session left a branch."""
    code = head.code_state or CodeState()
    commit = (code.commit or "").lower()
    is_same = code.branch == branch.name
    if not commit:
        return Point([], is_same, "the commit of the head is unknown")
    own = first_parents(commit)
    if not own:
        lost = f"git does not know {commit[:7]} here; it was rewritten, or is not fetched"
        return Point([], is_same, why_no_repository() or lost)
    if is_same:
        return Point(own, is_on_branch=True)
    base = find_merge_base(commit, branch.references)
    if base:
        is_on_branch = base == commit and code.branch is None
        return Point(first_parents(base), is_on_branch)
    why = f"git knows no merge base of {commit[:7]} and {branch.name} here"
    if is_shallow():
        why = "the clone is shallow, so that git knows no merge base (fetch-depth: 0 fetches it)"
    return Point(own, is_on_branch=False, why_unknown=why)


def on_branch(
    storage: BaseStorage,
    filters: tuple[SessionFilter, ...],
    heads: Sequence[TestSession],
    branch: Branch,
    name: str = "",
) -> Chosen | None:
    """Return the newest sessions of a branch at or before the point where the head left it.

    None if the branch has no session before the head's.

    Args:
        storage: that has the sessions.
        filters: which of them count.
        heads: the sessions of the head, newest first.
        branch: the branch.
        name: as it was asked for; empty if it is the default.
    """
    head = heads[0]
    point = find_point(head, branch)
    kind = SideKind.BRANCH if name else SideKind.MERGE_BASE
    ids = {session.session_id for session in heads}
    own = _code_of(head) if point.is_on_branch else None
    of_branch = (*filters, BranchIs(escape(branch.name)))
    candidates = (
        session
        for session in newest_headers(storage, of_branch, head.session_start_time)
        if session.session_id not in ids and (own is None or _code_of(session) != own)
    )
    positions = {commit: number for number, commit in enumerate(point.commits)}
    found, before = _at_or_before(candidates, positions)
    if found:
        sessions, note = _nearest(found, positions, point)
        return Chosen(name, kind, storage, sessions, note)
    if not before:
        return None
    note = point.why_unknown or f"no session of {branch.name} at or before the merge base"
    return Chosen(
        name,
        SideKind.BRANCH,
        storage,
        _clean(before),
        f"{note}: the newest sessions of {branch.name} before the head",
    )


def _code_of(session: TestSession) -> tuple[str, str | None] | None:
    code = session.code_state
    return None if code is None or not code.commit else (code.commit.lower(), code.digest)


def _at_or_before(
    candidates: Iterable[TestSession], positions: dict[str, int]
) -> tuple[list[TestSession], list[TestSession]]:
    """Return the sessions of known commits, and the newest sessions whatever their commit."""
    found: list[TestSession] = []
    newest: list[TestSession] = []
    oldest = None
    for number, session in enumerate(candidates):
        start = session.session_start_time
        if number >= MAX_LOOKED_AT or (oldest is not None and start < oldest):
            break
        if len(newest) < MAX_SESSIONS * 2:
            newest.append(session)
        elif not positions:
            break
        code = _code_of(session)
        if code is not None and code[0] in positions:
            found.append(session)
            if oldest is None:
                oldest = earlier(start, MAX_AGE.total_seconds())
    return found, newest


def _nearest(
    found: list[TestSession], positions: dict[str, int], point: Point
) -> tuple[list[TestSession], str]:
    """Return the sessions at the nearest commit and before it, and what is to be said of them."""

    def position(session: TestSession) -> int:
        code = _code_of(session)
        return positions[code[0]] if code else 0

    found = _clean(found)
    nearest = min(map(position, found))
    # A later run of an older commit is not the state at the nearest one.
    newest = max(each.session_start_time for each in found if position(each) == nearest)
    sessions = [each for each in found if each.session_start_time <= newest]
    first = 1 if point.is_on_branch and _is_clean(found[0]) else 0
    if point.why_unknown:
        return sessions, point.why_unknown
    if nearest <= first:
        return sessions, ""
    commits, base = plural(nearest - first, "commit"), point.commits[first][:7]
    where = "the commit before" if point.is_on_branch else "the merge base"
    return sessions, f"no session at {where}, {base}: the nearest is {commits} before it"


def _clean(sessions: list[TestSession]) -> list[TestSession]:
    """Return the sessions without uncommitted changes; all if each has some."""
    return [each for each in sessions if _is_clean(each)] or sessions


def _is_clean(session: TestSession) -> bool:
    return session.code_state is None or session.code_state.digest is None
