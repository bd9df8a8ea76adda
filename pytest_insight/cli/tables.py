"""Sessions and tests as tables for people and as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_insight.cli.listing import Column, Newest, print_listing, print_table
from pytest_insight.cli.options import ListFormat
from pytest_insight.cli.output import print_styled, say
from pytest_insight.cli.text import (
    Styled,
    duration_text,
    joined,
    outcome_text,
    plural,
    printable,
    styled,
    time_text,
)
from pytest_insight.models import TestOutcome, TestResult, TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

NO_SESSIONS = "no sessions yet in {}: record a run with pytest --insight"
NOTHING_MATCHES = "nothing matches in {}"
LAST_LINES = 12
"""How many lines of a failure `sessions show` prints: the end says what went wrong."""

GOOD = frozenset({"passed", "xfailed", "skipped"})


def print_sessions(
    found: Newest, storage: BaseStorage, format_: ListFormat
) -> Sequence[TestSession]:
    """One line per session; returns the sessions."""
    sessions = found.records
    columns = [
        Column("Session", lambda s: s.session_id, unbroken=True),
        Column("SUT", _sut_if_not_in_id, whole=True, spare=True),
        Column("Started", lambda s: time_text(s.session_start_time)),
        Column("Took", lambda s: duration_text(s.session_duration), "right"),
        Column("Tests", lambda s: str(len(s.test_results)), "right"),
        Column("Outcomes", outcomes_text, whole=True),
        Column("Branch", lambda s: (s.code_state and s.code_state.branch) or "", spare=True),
        Column("Pinned", lambda s: "pinned" if s.pinned else "", spare=True),
    ]
    print_listing(
        sessions,
        columns,
        format_,
        as_json=session_summary,
        caption=f"{plural(len(sessions), 'session')} of {storage.location}{found}",
        nothing=_why_nothing(storage) if not sessions else "",
    )
    _tell_of_more(found)
    return sessions


def print_tests(
    found: Newest, storage: BaseStorage, format_: ListFormat
) -> Sequence[tuple[TestSession, TestResult]]:
    """One line per test result; returns the results with their sessions."""
    tests = found.records
    columns = [
        Column("Test", lambda row: row[1].nodeid, whole=True),
        Column("Outcome", lambda row: outcome_text(row[1].outcome)),
        Column("Took", lambda row: duration_text(row[1].duration), "right"),
        Column("Started", lambda row: time_text(row[1].start_time)),
        Column("Session", lambda row: row[0].session_id, unbroken=True, spare=True),
    ]
    print_listing(
        tests,
        columns,
        format_,
        as_json=lambda row: {
            "session_id": row[0].session_id,
            "sut_name": row[0].sut_name,
            **msgspec.to_builtins(row[1]),
        },
        caption=f"{plural(len(tests), 'result')} of {storage.location}{found}",
        nothing=_why_nothing(storage) if not tests else "",
    )
    _tell_of_more(found)
    return tests


def _tell_of_more(found: Newest) -> None:
    if found.more and not sys.stdout.isatty():  # where there is no caption
        say(f"these are the newest {len(found.records)}{found}")


def print_session(session: TestSession, storage: BaseStorage) -> None:
    """One session with its facts and everything that did not pass."""
    print_table(
        [
            Column("Session", lambda row: row[0]),
            Column(printable(session.session_id), lambda row: row[1], whole=True),
        ],
        _facts(session, storage),
    )
    for result in session.test_results:
        if result.outcome not in GOOD:
            _print_failure(result)


def _print_failure(result: TestResult) -> None:
    print_styled(styled(""))
    print_styled(styled(outcome_text(result.outcome), " ", result.nodeid))
    lines = result.longreprtext.expandtabs().splitlines()
    if len(lines) > LAST_LINES:
        before = plural(len(lines) - LAST_LINES, "line")
        print_styled(styled(f"    ... {before} before", style="dim"))
    for line in lines[-LAST_LINES:]:
        print_styled(styled("    ", line))


def _sut_if_not_in_id(session: TestSession) -> str:
    return "" if session.session_id.startswith(f"{session.sut_name}-") else session.sut_name


def session_summary(session: TestSession) -> dict[str, Any]:
    """A session's own fields and how many results it has of each outcome, without the results."""
    fields: dict[str, Any] = msgspec.to_builtins(session)
    fields.pop("test_results", None)
    return fields | {"outcomes": {str(o): n for o, n in _counts(session)}}


def outcomes_text(session: TestSession) -> Styled:
    """The counts by outcome, the bad ones first: "2 failed, 198 passed"; and whether it crashed."""
    parts = [outcome_text(outcome, _counted(outcome, count)) for outcome, count in _counts(session)]
    if session.crashed:
        parts.insert(0, outcome_text(TestOutcome.ERROR, "crashed"))
    return joined(parts) if parts else styled("no tests", style="dim")


def _counted(outcome: str, count: int) -> str:
    """As pytest's closing line says it: "2 failed", "2 errors"."""
    return plural(count, "error") if outcome == TestOutcome.ERROR else f"{count:,} {outcome}"


_ORDER = ["failed", "error", "xpassed", "rerun", "passed", "skipped", "xfailed"]


def _counts(session: TestSession) -> list[tuple[TestOutcome, int]]:
    def place(item: tuple[TestOutcome, int]) -> tuple[int, str]:
        known = str(item[0]) in _ORDER
        return (_ORDER.index(item[0]) if known else len(_ORDER), item[0])

    return sorted(session.outcome_counts.items(), key=place)


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


def _why_nothing(storage: BaseStorage) -> str:
    sentence = NOTHING_MATCHES if storage.session_ids() else NO_SESSIONS
    return sentence.format(storage.location)
