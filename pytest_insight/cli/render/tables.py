"""Sessions and tests as tables for people and as JSON for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_insight.cli.options.common import FindFormat, ListFormat
from pytest_insight.cli.options.sorting import (
    SESSION_ORDERS,
    TEST_ORDERS,
    SessionSort,
    TestSort,
    branch_of,
)
from pytest_insight.cli.render.listing import Column, Listed, listed, print_listing
from pytest_insight.cli.render.outcomes import (
    added_up,
    counts_text,
    outcome_bar,
    outcomes_text,
    sorted_counts,
)
from pytest_insight.cli.render.text import (
    age_text,
    duration_text,
    outcome_text,
    plural,
    printable,
    time_text,
)
from pytest_insight.cli.terminal.output import say, write_bytes
from pytest_insight.cli.terminal.streams import stdout_errors_told
from pytest_insight.models import TestResult, TestSession

if TYPE_CHECKING:
    from pytest_insight.query.query import Query
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.summaries import TestSummary

AnyFormat = ListFormat | FindFormat

SESSION_FIELDS = (*(f for f in TestSession.__struct_fields__ if f != "test_results"), "outcomes")
TEST_FIELDS = ("session_id", "sut_name", *TestResult.__struct_fields__)
"""What CSV listings have, in the models' order."""

ROOMY, WIDE = 110, 120
"""Columns of a terminal: enough for a bar of the outcomes, enough for what is nice to know."""

NO_SESSIONS = "no sessions yet in {}: record a run with pytest --insight"
NOTHING_MATCHES = "nothing matches in {}"


def list_sessions(
    query: Query, storage: BaseStorage, limit: int | None, format_: AnyFormat, sort: SessionSort
) -> bool:
    """Print one line per session, the newest first where nothing else is said.

    Returns:
        Whether there are any.
    """
    sessions = storage.iter_sessions(query.selection, newest_first=True)
    found = listed(sessions, limit, format_, SESSION_ORDERS.get(sort))
    if format_ == FindFormat.NODEIDS:
        return print_nodeids(r for session in found.records for r in session.test_results)
    print_listing(
        found,
        _session_columns(found),
        format_,
        fields=SESSION_FIELDS,
        as_json=session_summary,
        caption=f"{plural(len(found.records), 'session')} of {_origin(storage)}",
        nothing=lambda: _why_nothing(storage),
    )
    return bool(found.records)


def _session_columns(found: Listed) -> list[Column]:
    now = datetime.now(UTC)
    sessions: list[TestSession] = found.records
    return [
        Column(
            "Session",
            lambda s: s.session_id,
            fit="copy",
            total=lambda: "total of these" if found.more else "total",
        ),
        Column("SUT", _sut_if_not_in_id, fit="fold", room=WIDE, spare=True),
        Column("Age", lambda s: age_text(s.session_start_time, now), "right", only="terminal"),
        Column(
            "Started",
            lambda s: time_text(s.session_start_time),
            room=WIDE,
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
            "Tests",
            lambda s: f"{len(s.test_results):,}",
            "right",
            total=lambda: f"{sum(len(s.test_results) for s in sessions):,}",
        ),
        Column("", outcome_bar, room=ROOMY, only="colour"),
        Column(
            "Outcomes", outcomes_text, fit="fold", total=lambda: counts_text(added_up(sessions))
        ),
        Column("Branch", branch_of, room=WIDE, spare=True),
        Column("Pinned", lambda s: "pinned" if s.pinned else "", room=WIDE, spare=True),
    ]


def list_tests(
    query: Query, storage: BaseStorage, limit: int | None, format_: FindFormat, sort: TestSort
) -> bool:
    """Print one line per test result, those of the newest session first; returns as above."""
    sessions = storage.iter_sessions(query.selection, newest_first=True)
    pairs = ((session, result) for session in sessions for result in session.test_results)
    found = listed(pairs, limit, format_, TEST_ORDERS.get(sort), usual=100)
    if format_ == FindFormat.NODEIDS:
        return print_nodeids(result for _, result in found.records)
    print_listing(
        found,
        _test_columns(found),
        format_,
        fields=TEST_FIELDS,
        as_json=lambda row: {
            "session_id": row[0].session_id,
            "sut_name": row[0].sut_name,
            **msgspec.to_builtins(row[1]),
        },
        caption=f"{plural(len(found.records), 'result')} of {_origin(storage)}",
        nothing=lambda: _why_nothing(storage),
    )
    return bool(found.records)


def _test_columns(found: Listed) -> list[Column]:
    now = datetime.now(UTC)
    results: list[TestResult] = [result for _, result in found.records]
    return [
        Column(
            "Test",
            lambda row: row[1].nodeid,
            fit="shorten",
            total=lambda: counts_text(Counter(result.outcome for result in results)),
        ),
        Column("Outcome", lambda row: outcome_text(row[1].outcome)),
        Column(
            "Took",
            lambda row: duration_text(row[1].duration),
            "right",
            total=lambda: duration_text(sum(result.duration for result in results)),
        ),
        Column("Age", lambda row: age_text(row[1].start_time, now), "right", only="terminal"),
        Column("Started", lambda row: time_text(row[1].start_time), only="pipe"),
        Column("Session", lambda row: row[0].session_id, fit="copy", room=WIDE, spare=True),
    ]


def print_nodeids(results: Iterable[TestResult | TestSummary]) -> bool:
    """Each nodeid once, a line each, in the order of its first result; returns as above."""
    nodeids = dict.fromkeys(result.nodeid for result in results)
    broken = [nodeid for nodeid in nodeids if "\n" in nodeid or "\r" in nodeid]
    for nodeid in broken:
        say(f"warning: left out, for it would be no single line: {nodeid}")
        del nodeids[nodeid]
    text = "".join(f"{nodeid}\n" for nodeid in nodeids)
    with stdout_errors_told():
        if sys.stdout.isatty():
            print(printable(text, keep="\n"), end="")
        else:
            write_bytes(text.encode())
    return bool(nodeids or broken)


def _sut_if_not_in_id(session: TestSession) -> str:
    return "" if session.session_id.startswith(f"{session.sut_name}-") else session.sut_name


def session_summary(session: TestSession) -> dict[str, Any]:
    """A session's own fields and how many results it has of each outcome, without the results."""
    fields: dict[str, Any] = msgspec.to_builtins(session)
    fields.pop("test_results", None)
    return fields | {"outcomes": {str(o): n for o, n in sorted_counts(session.outcome_counts)}}


def _origin(storage: BaseStorage) -> str:
    """Where records are from, for a caption: the profile, where one was used, and the store."""
    if storage.profile_name:
        return f"profile {storage.profile_name} ({storage.location})"
    return storage.location


def _why_nothing(storage: BaseStorage) -> str:
    sentence = NOTHING_MATCHES if storage.session_ids() else NO_SESSIONS
    return sentence.format(storage.location)
