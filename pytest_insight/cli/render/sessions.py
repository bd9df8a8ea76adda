"""Sessions for people and programs: a list of them, and one with what did not pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_insight._util.printable import printable
from pytest_insight.cli.render.absence import nothing_found
from pytest_insight.cli.render.formats import AnyFormat, FindFormat
from pytest_insight.cli.render.outcomes import (
    counts_text,
    outcome_bar,
    outcomes_text,
    sorted_counts,
    total_counts,
)
from pytest_insight.cli.render.records import Chosen, Order, Records, first_records, print_records
from pytest_insight.cli.render.store import origin
from pytest_insight.cli.render.table import Column, print_table
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.values import (
    age_text,
    duration_text,
    failure_lines,
    outcome_text,
    plural,
    time_text,
)
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestResult, TestSession

if TYPE_CHECKING:
    from pytest_insight.query import Query

SESSION_FIELDS = (*(f for f in TestSession.__struct_fields__ if f != "test_results"), "outcomes")
"""The columns of CSV, in the order of the model."""

BAR_ROOM, ALL_ROOM = 110, 120
"""Columns of a terminal from which there is room for a bar of outcomes, and for everything."""

LAST_LINES = 12
"""The lines of a failure that are printed: the last ones say what went wrong."""

GOOD = frozenset({"passed", "xfailed", "skipped"})


def list_sessions(
    query: Query,
    limit: int | None,
    format_: AnyFormat,
    order: Order | None,
    note: str,
    fields: Sequence[str] | None = None,
) -> bool:
    """Print one line per session, the newest first unless there is an order.

    Args:
        query: the sessions.
        limit: as for `first_records`.
        format_: the format.
        order: the order; None for the newest first.
        note: which SUT was looked at, for the end of the line below a table.
        fields: those of `SESSION_FIELDS` that are printed; None for the usual ones.

    Returns:
        Whether there are any.
    """
    found = first_records(query.iter_sessions(newest_first=True), limit, format_, order)
    if format_ == FindFormat.NODEIDS:
        return print_nodeids(r for session in found.shown for r in session.test_results)
    storage = query.open_storage()
    print_records(
        found,
        _session_columns(found),
        format_,
        fields=SESSION_FIELDS,
        as_json=_session_summary,
        caption=f"{plural(len(found.shown), 'session')} of {origin(storage)}{note}",
        nothing=lambda: nothing_found(query, note),
        chosen=Chosen(fields, _field) if fields else None,
    )
    return bool(found.shown)


def _field(session: TestSession, name: str) -> Any:
    return _outcomes(session) if name == "outcomes" else getattr(session, name)


def _outcomes(session: TestSession) -> dict[str, int]:
    return {str(outcome): count for outcome, count in sorted_counts(session.outcome_counts)}


def _session_columns(found: Records) -> list[Column]:
    now = datetime.now(UTC)
    sessions: list[TestSession] = found.shown
    return [
        Column(
            "Session",
            lambda s: s.session_id,
            fit="copy",
            total=lambda: "total of these" if found.more else "total",
        ),
        Column("SUT", _sut_if_not_in_id, fit="fold", room=ALL_ROOM, spare=True),
        Column("Age", lambda s: age_text(s.session_start_time, now), "right", only="terminal"),
        Column(
            "Started",
            lambda s: time_text(s.session_start_time),
            room=ALL_ROOM,
            spare=True,
            only="terminal",
        ),
        Column("Started", lambda s: time_text(s.session_start_time), only="pipe"),
        Column(
            "Took",
            lambda s: duration_text(s.session_duration),
            "right",
            total=lambda: duration_text(sum(s.session_duration for s in sessions)),
        ),
        Column(
            "Results",
            lambda s: f"{len(s.test_results):,}",
            "right",
            total=lambda: f"{sum(len(s.test_results) for s in sessions):,}",
        ),
        Column("", outcome_bar, room=BAR_ROOM, only="colour"),
        Column(
            "Outcomes", outcomes_text, fit="fold", total=lambda: counts_text(total_counts(sessions))
        ),
        Column("Branch", branch_of, room=ALL_ROOM, spare=True),
        Column("Pinned", lambda s: "pinned" if s.pinned else "", room=ALL_ROOM, spare=True),
    ]


def branch_of(session: TestSession) -> str:
    """Return the git branch, or "" if it is unknown."""
    return (session.code_state and session.code_state.branch) or ""


def _sut_if_not_in_id(session: TestSession) -> str:
    return "" if session.session_id.startswith(f"{session.sut_name}-") else session.sut_name


def _session_summary(session: TestSession) -> dict[str, Any]:
    """Return a session's fields with the counts of its outcomes instead of its results."""
    fields: dict[str, Any] = msgspec.to_builtins(session)
    fields.pop("test_results", None)
    return fields | {"outcomes": _outcomes(session)}


def print_session(session: TestSession, location: str) -> None:
    """Print one session: its facts, then everything that did not pass."""
    print_table(
        [
            Column("Session", lambda row: row[0]),
            Column(printable(session.session_id), lambda row: row[1], fit="fold"),
        ],
        _facts(session, location),
    )
    for result in session.test_results:
        if result.outcome not in GOOD:
            print_styled(*_failure(result))


def _failure(result: TestResult) -> Iterator[Styled]:
    yield styled("")
    yield styled(outcome_text(result.outcome), " ", result.nodeid)
    lines = failure_lines(result.longreprtext)
    if len(lines) > LAST_LINES:
        hidden = plural(len(lines) - LAST_LINES, "line")
        yield styled(f"    ... {hidden} above hidden", style="dim")
    for line in lines[-LAST_LINES:]:
        yield styled("    ", line)


def _facts(session: TestSession, location: str) -> list[tuple[str, str | Styled]]:
    code = session.code_state
    facts: list[tuple[str, Any]] = [
        ("SUT", session.sut_name),
        ("Started", time_text(session.session_start_time)),
        ("Took", duration_text(session.session_duration)),
        ("Outcomes", outcomes_text(session)),
        ("Exit status", session.exit_status),
        ("Branch", code and code.branch),
        ("Commit", code and code.commit),
        ("Changes", code and code.digest),
        ("Tags", ", ".join(f"{k}={v}" for k, v in session.session_tags.items())),
    ]
    facts += [(key, _fact_text(value)) for key, value in session.testing_system.items()]
    facts.append(("Store", location))
    return [
        (name, value if not isinstance(value, int) else str(value))
        for name, value in facts
        if value is not None and value != ""
    ]


def _fact_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return msgspec.json.encode(value).decode()
