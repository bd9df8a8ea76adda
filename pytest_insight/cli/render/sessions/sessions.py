"""A list of sessions for people and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from pytest_insight.cli.render.fit import GAP, LEAST, cut_middle
from pytest_insight.cli.render.formats import FindFormat, ListFormat
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.render.outcomes import (
    brief_outcomes,
    green_text,
    outcome_bar,
    outcomes_text,
    sorted_counts,
    status_mark,
    status_text,
    test_count,
)
from pytest_insight.cli.render.records import (
    ListOptions,
    Order,
    Records,
    first_records,
    print_records,
)
from pytest_insight.cli.render.sessions.short_ids import short_ids
from pytest_insight.cli.render.store import origin
from pytest_insight.cli.render.table import Column
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.wrap import line_width
from pytest_insight.cli.terminal.output import mark
from pytest_insight.cli.terminal.styled import text_width
from pytest_insight.models import TestSession
from pytest_insight.models.text import ago_text, duration_text, time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pytest_insight.filters import Selection
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

COUNTS = ("tests", "outcomes")
SESSION_FIELDS = (*(f for f in TestSession.__struct_fields__ if f != "test_results"), *COUNTS)
"""The columns of CSV, in the order of the model."""

TESTS_ROOM, ROOM = 48, 72
"""Columns of a terminal from which there is room for the number of tests, and for the code."""
BAR_ROOM = 120
"""Columns of a terminal from which there is room for a bar of outcomes."""

LEFT_OUT = ("Took", "Commit", "Branch")
"""The columns that are left out on a narrow terminal, the first one first."""

LEAST_BRANCH = 16
"""Columns of a branch for which there is always room; else it has a fifth of the terminal."""


def list_sessions(
    query: Query, options: ListOptions, order: Order | None, *, wide: bool = False
) -> bool:
    """Print one line per session, the newest first unless there is an order.

    Args:
        query: the sessions.
        options: how they are printed.
        order: the order; None for the newest first.
        wide: print whole IDs and everything else, in lines wider than the terminal.

    Returns:
        Whether there are any.
    """
    storage = query.open_storage()
    found, all_ids = _find(storage, query.selection, options.most(), order)
    sessions: list[TestSession] = found.shown
    if options.format_ == FindFormat.NODEIDS:
        return print_nodeids(r for session in sessions for r in session.test_results)
    is_for_people = options.format_ == ListFormat.TABLE and line_width() is not None
    ids = None if wide or not is_for_people else _short(sessions, all_ids())
    counts_all = not query.selection.test_filters
    print_records(
        found,
        _session_columns(sessions, ids, counts_all=counts_all),
        options.format_,
        fields=SESSION_FIELDS,
        as_json=_session_summary,
        noun="session",
        notes=(
            green_text(sessions) if counts_all else "",
            f"{duration_text(sum(s.session_duration for s in sessions))} in total",
            origin(storage),
            options.note,
        ),
        nothing=lambda: nothing_found(query, options.note),
        chosen=options.chosen(_field),
        wide=wide,
    )
    return bool(sessions)


def _find(
    storage: BaseStorage, selection: Selection, limit: int, order: Order | None
) -> tuple[Records, Callable[[], list[str]]]:
    """Return the sessions that are printed, and what returns all IDs of the store."""
    if limit and order is None:
        page = storage.first_page(selection, limit)
        return Records(page.sessions, page.total), page.all_ids
    sessions = storage.iter_sessions(selection, newest_first=True)
    return first_records(sessions, limit, order), storage.session_ids


def _short(sessions: Sequence[TestSession], all_ids: Collection[str]) -> dict[str, str]:
    return short_ids([session.session_id for session in sessions], all_ids)


def _session_columns(
    sessions: Sequence[TestSession], ids: dict[str, str] | None, *, counts_all: bool
) -> list[Column]:
    """Return the columns of a table.

    Args:
        sessions: the rows.
        ids: the short ID of each session; None for whole IDs, and everything else whole.
        counts_all: whether the sessions have all their results, not only the matching ones.
    """
    now = datetime.now(UTC)
    several = len({session.sut_name for session in sessions}) > 1

    def of_counted(session: TestSession) -> TestSession:
        """Leave out the exit status of a run of which only some results count."""
        return session if counts_all else replace(session, exit_status=None)

    columns = [
        Column("", lambda s: status_mark(of_counted(s)), only="terminal"),
        Column("Session", lambda s: ids[s.session_id] if ids else s.session_id, fit="copy"),
        Column("Status", lambda s: status_text([of_counted(s)]), only="pipe"),
        Column("SUT", lambda s: s.sut_name, fit="fold", only="" if several else "pipe"),
        Column("Age", lambda s: ago_text(s.session_start_time, now), "right", only="terminal"),
        Column(
            "Started",
            lambda s: time_text(s.session_start_time),
            only="pipe" if ids is not None else "",
        ),
        Column("Branch", lambda s: _branch(s, whole=ids is None), fit="shorten", room=ROOM),
        Column("Commit", _commit, room=ROOM),
        Column(
            "Tests" if counts_all else "Matching",
            lambda s: f"{test_count(s):,}",
            "right",
            room=TESTS_ROOM,
        ),
        Column("Took", lambda s: duration_text(s.session_duration), "right", room=ROOM),
        Column("Outcomes", lambda s: outcomes_text(of_counted(s)), fit="fold"),
    ]
    columns = [each for each in columns if not each.room or any(map(each.show, sessions))]
    if ids is not None:
        in_brief = Column("Outcomes", lambda s: brief_outcomes(of_counted(s)), fit="fold")
        columns = _fitting(columns, in_brief, sessions)
    return [
        *columns,
        Column("", lambda s: "pinned" if s.pinned else "", spare=1),
        Column("", outcome_bar, room=BAR_ROOM, spare=2, only="colour"),
        Column("Tags", _tags, spare=3),
    ]


def _fitting(
    columns: Sequence[Column], in_brief: Column, sessions: Sequence[TestSession]
) -> list[Column]:
    """Return columns that need one line per session, the outcomes in words if there is room.

    Args:
        columns: the last one shows the outcomes in words.
        in_brief: shows the outcomes with marks.
        sessions: the rows.
    """
    width = line_width() or 0
    *others, in_words = [c for c in columns if c.only in ("", "terminal") and width >= c.room]
    needed = {column: _width(column, sessions) + GAP for column in others}
    if sum(needed.values()) + _width(in_words, sessions) <= width:
        return [*others, in_words]
    for column in others:
        if column.fit == "shorten":
            needed[column] = min(needed[column], LEAST + GAP)
    for name in LEFT_OUT:
        if sum(needed.values()) + _width(in_brief, sessions) > width:
            needed = {column: n for column, n in needed.items() if column.header != name}
    fits = sum(needed.values()) + _width(in_brief, sessions) <= width
    return [*needed, in_brief._replace(fit="never") if fits else in_brief]


def _width(column: Column, sessions: Sequence[TestSession]) -> int:
    cells = (str(column.show(session)) for session in sessions)
    return max(map(text_width, (column.header, *cells)))


def branch_of(session: TestSession) -> str:
    """Return the git branch, or "" if it is unknown."""
    return (session.code_state and session.code_state.branch) or ""


def _branch(session: TestSession, *, whole: bool) -> str:
    branch = branch_of(session)
    width = max((line_width() or 0) // 5, LEAST_BRANCH)
    return branch if whole else cut_middle(branch, width, mark())


def _commit(session: TestSession) -> str:
    return ((session.code_state and session.code_state.commit) or "")[:7]


def _tags(session: TestSession) -> str:
    return ", ".join(f"{key}={value}" for key, value in session.session_tags.items())


def _session_summary(session: TestSession) -> dict[str, Any]:
    """Return a session's fields with counts of its tests and outcomes instead of its results."""
    fields: dict[str, Any] = msgspec.to_builtins(session)
    fields.pop("test_results", None)
    return fields | {name: _field(session, name) for name in COUNTS}


def _field(session: TestSession, name: str) -> Any:
    if name == "tests":
        return test_count(session)
    if name == "outcomes":
        return {str(outcome): n for outcome, n in sorted_counts(session.outcome_counts)}
    return getattr(session, name)
