"""Refuse sides that cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_insight.analysis.comparison.newest_runs import Newest
from pytest_insight.analysis.comparison.values import Change, SideKind, TestChange
from pytest_insight.compare.chosen_sessions import Chosen
from pytest_insight.compare.head_runs import why_unfinished
from pytest_insight.compare.question import Question
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import SutIs
from pytest_insight.models.text import plural, time_text

_OF_ONE_TIME = (SideKind.SESSION, SideKind.RUN, SideKind.COMMIT)


def check_sides(question: Question, base: Chosen, head: Chosen) -> Chosen:
    """Return the base without the sessions of the head.

    Raises:
        InvalidArgumentError: no session is left, the base is newer than the head, or they are of
            different SUTs.
    """
    left = [each for each in base.sessions if each.session_id not in head.ids]
    same_store = base.storage.location == head.storage.location or base.storage is head.storage
    files = [Path(each.name) for each in (base, head) if each.kind is SideKind.FILE]
    is_same = files[0].samefile(files[1]) if len(files) == 2 else same_store and not files
    if not left and is_same:
        raise InvalidArgumentError(
            f"both sides are {_called(head)}: compare it with another, as in last~1"
        )
    # An export of everything has the head, too; a copy of it alone is compared.
    base = base._replace(sessions=left or base.sessions)
    _check_suts(question, base, head)
    first = base.newest if base.kind in _OF_ONE_TIME else base.sessions[-1]
    is_newer = first.session_start_time > head.newest.session_start_time
    if base.is_dated and head.is_dated and is_newer:
        raise InvalidArgumentError(
            f"the base {_called(base)} is newer than the head {_called(head)}; the base comes "
            "first: swap them"
        )
    return base


def _check_suts(question: Question, base: Chosen, head: Chosen) -> None:
    old = {each.sut_name for each in base.sessions if each.source is None}
    new = {each.sut_name for each in head.sessions if each.source is None}
    if not old or not new or old == new:
        return
    patterns = [each for each in question.selection.session_filters if isinstance(each, SutIs)]
    if patterns and all(each.names(sut) for each in patterns for sut in old | new):
        return
    raise InvalidArgumentError(
        f"the base is of {', '.join(sorted(old))} and the head of {', '.join(sorted(new))}; to "
        "compare different SUTs, name them with --sut (for_sut()), as in '*'"
    )


def check_tests(side: Chosen, newest: Newest) -> None:
    """Raise InvalidArgumentError if a side has no test."""
    if not newest.runs:
        why = why_unfinished(side.newest)
        reason = f" ({why})" if why else ""
        raise InvalidArgumentError(
            f"{_called(side)} has no tests to compare{reason}; name another, as in last"
        )


def check_common(old: Newest, new: Newest, changes: Sequence[TestChange]) -> None:
    """Raise InvalidArgumentError if no test is on both sides, under whatever name."""
    if old.runs.keys().isdisjoint(new.runs) and not any(map(_is_common, changes)):
        raise InvalidArgumentError(
            f"no test is on both sides: the base has {plural(len(old.runs), 'test')} such as "
            f"{min(old.runs)}, the head {plural(len(new.runs), 'test')} such as {min(new.runs)}"
        )


def _is_common(change: TestChange) -> bool:
    """Return whether a test was renamed, or lost with its file, which cannot be collected."""
    return bool(change.renamed_from) or (change.change is Change.GONE and bool(change.detail))


def _called(side: Chosen) -> str:
    newest = side.newest
    if side.name and side.name != newest.session_id:
        return f"{side.name!r} ({newest.session_id}, {time_text(newest.session_start_time)})"
    return f"{newest.session_id} ({time_text(newest.session_start_time)})"
