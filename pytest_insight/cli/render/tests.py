"""Test results for people and programs: a list of them, and their nodeids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pytest_insight.cli.render.formats import FindFormat
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.render.outcomes import counts_text, outcome_text
from pytest_insight.cli.render.records import (
    ListOptions,
    Order,
    Records,
    first_records,
    print_records,
)
from pytest_insight.cli.render.store import origin
from pytest_insight.cli.render.table import Column
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import data_output, say
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.text import ago_text, duration_text, time_text

if TYPE_CHECKING:
    from pytest_insight.query import Query

TEST_FIELDS = ("session_id", "sut_name", *TestResult.__struct_fields__)
"""The columns of CSV, in the order of the models."""

EXPECTED = (TestOutcome.SKIPPED, TestOutcome.XFAILED)
"""Outcomes whose message is a reason that the test gives, not an error."""

SESSION_ROOM = 120
"""Columns of a terminal from which there is room for the session."""


def list_tests(
    query: Query, options: ListOptions, order: Order | None, *, by_duration: bool
) -> bool:
    """Print one row per result, those of the newest session first unless there is an order.

    Args:
        query: the tests.
        options: how they are printed.
        order: the order; None for the newest session first.
        by_duration: whether the order is that of the durations.

    Returns:
        Whether there are any.
    """
    storage = query.open_storage()
    sessions = storage.iter_sessions(query.selection, newest_first=True)
    pairs = ((session, result) for session in sessions for result in session.test_results)
    most = options.most(usual=100)
    found = first_records(pairs, most, order, lambda: storage.count_results(query.selection))
    if options.format_ == FindFormat.NODEIDS:
        return print_nodeids(result for _, result in found.shown)
    print_records(
        found,
        _test_columns(found, by_duration=by_duration),
        options.format_,
        fields=TEST_FIELDS,
        as_json=lambda row: {
            "session_id": row[0].session_id,
            "sut_name": row[0].sut_name,
            **msgspec.to_builtins(row[1]),
        },
        noun="result",
        notes=(origin(storage), options.note),
        nothing=lambda: nothing_found(query, options.note),
        chosen=options.chosen(_field),
    )
    return bool(found.shown)


def _field(row: tuple[TestSession, TestResult], name: str) -> Any:
    session, result = row
    return getattr(session if name in ("session_id", "sut_name") else result, name)


def _test_columns(found: Records, *, by_duration: bool) -> list[Column]:
    now = datetime.now(UTC)
    results: list[TestResult] = [result for _, result in found.shown]
    suts = {session.sut_name for session, _ in found.shown}
    columns = [
        Column(
            "Test",
            lambda row: row[1].nodeid,
            fit="nodeid",
            total=lambda: counts_text(Counter(result.outcome for result in results)),
        ),
        Column("SUT", lambda row: row[0].sut_name),
        Column("Outcome", lambda row: outcome_text(row[1].outcome)),
        Column(_reason_header(results), lambda row: _reason(*row), fit="message"),
        Column(
            "Took",
            lambda row: duration_text(row[1].duration),
            "right",
            spare=0 if by_duration else 2,
            total=lambda: duration_text(sum(result.duration for result in results)),
        ),
        Column(
            "Age", lambda row: ago_text(row[1].start_time, now), "right", spare=1, only="terminal"
        ),
        Column("Started", lambda row: time_text(row[1].start_time), only="pipe"),
        Column("Session", lambda row: row[0].session_id, fit="copy", room=SESSION_ROOM, spare=3),
    ]
    return columns if len(suts) > 1 else [each for each in columns if each.header != "SUT"]


def _reason(session: TestSession, result: TestResult) -> Styled:
    """Return the first line of why a test did not pass, and the place of a failure."""
    message = styled(result.message.partition("\n")[0])
    if result.outcome in EXPECTED or not result.crash:
        return message
    return styled(message, "  ", linked_place(result.crash, session.sut_name, "dim"))


def _reason_header(results: Iterable[TestResult]) -> str:
    """Return "Error" for failures, "Reason" for skips and expected failures."""
    expected = {result.outcome in EXPECTED for result in results if result.message}
    return "Error or reason" if len(expected) > 1 else "Reason" if True in expected else "Error"


class _HasNodeid(Protocol):
    """A result, a summary or a verdict."""

    @property
    def nodeid(self) -> str: ...


def print_nodeids(results: Iterable[_HasNodeid]) -> bool:
    """Print each nodeid once, one per line, in the order of its first result.

    Those that pytest would not take as one nodeid are left out, and named on stderr.

    Returns:
        Whether there are any.
    """
    nodeids = dict.fromkeys(result.nodeid for result in results)
    for nodeid in nodeids:
        reason = _unfit_as_argument(nodeid)
        if reason:
            say(f"warning: left out a nodeid {reason}: {nodeid}")
    text = "".join(f"{nodeid}\n" for nodeid in nodeids if not _unfit_as_argument(nodeid))
    with stdout_errors_reported(), paged():
        data_output().write(text.encode())
    return bool(nodeids)


def _unfit_as_argument(nodeid: str) -> str:
    """Return why pytest would not take a nodeid as one; "" if it would.

    A nodeid may come from another machine: `-p NAME` would import a module, `@FILE` would read
    arguments from a file (https://docs.pytest.org/en/stable/how-to/usage.html).
    """
    if "\n" in nodeid or "\r" in nodeid:
        return "with a line break"
    if nodeid.startswith("-"):
        return "that pytest would take for an option"
    return "that pytest would take for a file of arguments" if nodeid.startswith("@") else ""
