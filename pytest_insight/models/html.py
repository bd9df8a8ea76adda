"""Records as HTML tables, for notebooks; nothing else imports this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from pytest_insight._util.html_table import html_table, html_text
from pytest_insight.models.text import counts_text, duration_text, plural, time_text

if TYPE_CHECKING:
    from pytest_insight.models.results import TestResult
    from pytest_insight.models.sessions import TestSession

MAX_ROWS = 100
"""Rows of a table; a notebook keeps all of them in its file."""


def sessions_html(sessions: Sequence[TestSession]) -> str:
    """Return a row for each session, the newest first.

    Args:
        sessions: in time order.
    """
    rows = [
        (
            session.session_id,
            time_text(session.session_start_time),
            duration_text(session.session_duration),
            len({result.nodeid for result in session.test_results}),
            counts_text(session.outcome_counts),
            (session.code_state and session.code_state.branch) or "",
            ((session.code_state and session.code_state.commit) or "")[:7],
        )
        for session in islice(reversed(sessions), MAX_ROWS)
    ]
    headings = ("Session", "Started", "Took ", "Tests ", "Outcomes", "Branch", "Commit")
    return html_table(headings, rows, rows_text(len(rows), len(sessions), "session"))


def results_html(pairs: Iterable[tuple[TestSession, TestResult]], total: int) -> str:
    """Return a row for each result, with its session.

    Args:
        pairs: in the order in which they are shown.
        total: how many there are.
    """
    rows = [
        (*_result_cells(result), session.session_id) for session, result in islice(pairs, MAX_ROWS)
    ]
    return html_table((*_RESULT, "Session"), rows, rows_text(len(rows), total, "result"))


def session_html(session: TestSession) -> str:
    """Return the facts of a session and a row for each result that did not pass."""
    code = session.code_state
    facts = (
        ("SUT", session.sut_name),
        ("Started", time_text(session.session_start_time)),
        ("Took", duration_text(session.session_duration)),
        ("Outcomes", counts_text(session.outcome_counts) or "no tests"),
        ("Branch", code and code.branch),
        ("Commit", code and code.commit),
        ("Tags", ", ".join(f"{key}={value}" for key, value in session.session_tags.items())),
    )
    shown = html_table(("Session", session.session_id), [fact for fact in facts if fact[1]])
    others = [result for result in session.test_results if result.outcome != "passed"]
    return f"{shown}\n{list_html(others)}" if others else shown


def list_html(results: Sequence[TestResult]) -> str:
    """Return a row for each result."""
    rows = [_result_cells(result) for result in results[:MAX_ROWS]]
    return html_table(_RESULT, rows, rows_text(len(rows), len(results), "result"))


def result_html(result: TestResult) -> str:
    """Return a result and its failure as pytest shows it."""
    table = list_html([result]).partition("\n<p>")[0]
    text = result.longreprtext
    return f"{table}\n<pre>{html_text(text)}</pre>" if text else table


_RESULT = ("Test", "Outcome", "Took ", "Started", "Message")


def _result_cells(result: TestResult) -> tuple[object, ...]:
    return (
        result.nodeid,
        result.outcome,
        duration_text(result.duration),
        time_text(result.start_time),
        result.message.partition("\n")[0],
    )


def rows_text(shown: int, total: int, noun: str) -> str:
    """Return how many rows there are: "12 results", "100 of 2,000 results"."""
    return f"{f'{shown:,} of ' if shown < total else ''}{plural(total, noun)}"
