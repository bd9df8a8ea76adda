"""One session for people: its facts, and what did not pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_insight.cli.render.listing import Column, print_table
from pytest_insight.cli.render.outcomes import outcomes_text
from pytest_insight.cli.render.text import (
    Styled,
    duration_text,
    outcome_text,
    plural,
    printable,
    styled,
    time_text,
)
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.models import TestResult, TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

LAST_LINES = 12
"""How many lines of a failure are printed: the end says what went wrong."""

GOOD = frozenset({"passed", "xfailed", "skipped"})


def print_session(session: TestSession, storage: BaseStorage) -> None:
    """One session with its facts and everything that did not pass."""
    print_table(
        [
            Column("Session", lambda row: row[0]),
            Column(printable(session.session_id), lambda row: row[1], fit="fold"),
        ],
        _facts(session, storage),
    )
    for result in session.test_results:
        if result.outcome not in GOOD:
            print_styled(*_failure(result))


def _failure(result: TestResult) -> Iterator[Styled]:
    yield styled("")
    yield styled(outcome_text(result.outcome), " ", result.nodeid)
    lines = result.longreprtext.expandtabs().splitlines()
    if len(lines) > LAST_LINES:
        before = plural(len(lines) - LAST_LINES, "line")
        yield styled(f"    ... {before} before", style="dim")
    for line in lines[-LAST_LINES:]:
        yield styled("    ", line)


def _facts(session: TestSession, storage: BaseStorage) -> list[tuple[str, str | Styled]]:
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
    facts.append(("Store", storage.location))
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
