"""Choose the last session without failures as the base if git knows no merge base."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from itertools import islice

from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.incidents import USUAL_SHARE
from pytest_insight.analysis.runs import Tests
from pytest_insight.compare.chosen_sessions import (
    MAX_SESSIONS,
    Chosen,
    newest_headers,
    selection_of,
)
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import BranchIs, SessionFilter
from pytest_insight.models import TestSession
from pytest_insight.storage.base import BaseStorage


def last_green(
    storage: BaseStorage,
    filters: tuple[SessionFilter, ...],
    heads: Sequence[TestSession],
    default: str = "",
) -> Chosen:
    """Return the last session without failures before the head's, else the last one.

    It has at least half as many tests as the head: a green run of one test (`-k`) is no baseline.
    Sessions of the head's branch are looked at first, if there are any.

    Args:
        storage: that has the sessions.
        filters: which of them count.
        heads: the sessions of the head, newest first.
        default: the default branch, which has no session; empty if none is known.

    Raises:
        InvalidArgumentError: there is no session before the head's.
    """
    ids = {session.session_id for session in heads}
    head = heads[0]
    branch = head.code_state.branch if head.code_state else None
    why = (
        f"{default} has no session of another commit before the head"
        if default
        else "no default branch is known"
    )
    for more in ((BranchIs(escape(branch)),), ()) if branch else ((),):
        headers = newest_headers(storage, (*filters, *more), head.session_start_time)
        before = [each for each in islice(headers, MAX_SESSIONS * 2) if each.session_id not in ids]
        if before:
            break
    else:
        raise InvalidArgumentError(
            f"there is no session before {head.session_id} to compare it with: {why}; name a base"
        )
    usual = sum(len(Tests(s).names) for s in storage.iter_sessions(selection_of(heads)))
    last = None
    for session in storage.iter_sessions(selection_of(before), newest_first=True):
        tests = Tests(session)
        if tests.names:
            last = last or session
            if not tests.facts.bad and tests.facts.decided >= USUAL_SHARE * usual:
                note = f"{why}: the last session without failures"
                return Chosen("", SideKind.SESSION, storage, [session.with_results(())], note)
    note = f"{why}, and no session before is without failures: the last one"
    chosen = before[0] if last is None else last.with_results(())
    return Chosen("", SideKind.SESSION, storage, [chosen], note)
