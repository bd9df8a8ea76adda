"""What failed in one session: a summary of the run, and its failures grouped by their message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pytest_insight.analysis.failures import FailureGroup, failure_groups
from pytest_insight.cli.render.fit import shortened
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.outcomes import outcomes_text, status_text
from pytest_insight.cli.render.records import print_csv
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.values import (
    ago_text,
    duration_text,
    failure_lines,
    outcome_text,
    plural,
)
from pytest_insight.cli.terminal.output import console, is_fancy, print_json, print_styled
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestResult, TestSession
from pytest_insight.summaries import BAD

FIELDS = ("nodeid", "sut", "outcome", "phase", "message", "crash")
"""The columns of CSV, and the keys of JSON."""

MAX_LISTED = 50
"""The nodeids of a group that Markdown lists."""

_OUTPUT = (("captured stdout", "capstdout"), ("captured stderr", "capstderr"), ("log", "caplog"))


@stdout_errors_reported()
def print_failures(
    session: TestSession, format_: FailureFormat, note: str, *, verbose: bool
) -> None:
    """Print the failures of a session.

    Args:
        session: the session.
        format_: the format.
        note: which SUT was looked at, for the last line on a terminal; it begins with "; ".
        verbose: whether to print every test of a group, with its text and output.
    """
    bad = [result for result in session.test_results if result.outcome in BAD]
    if format_ is FailureFormat.JSON:
        print_json([_fields(session, result) for result in bad])
    elif format_ is FailureFormat.CSV:
        print_csv(FIELDS, (_fields(session, result) for result in bad))
    elif format_ is FailureFormat.NODEIDS:
        print_nodeids(bad)
    elif format_ is FailureFormat.MARKDOWN:
        print("\n".join(_markdown(session)))
    else:
        print_styled(*_lines(session, verbose=verbose))
        if is_fancy():
            hint = "tracebacks: insight failures -v" if bad and not verbose else ""
            _print_dim("; ".join(filter(None, (hint, note.removeprefix("; ")))))


def _fields(session: TestSession, result: TestResult) -> dict[str, Any]:
    return {
        **{"nodeid": result.nodeid, "sut": session.sut_name, "outcome": str(result.outcome)},
        **{"phase": result.phase, "message": result.message, "crash": result.crash},
    }


def _print_dim(text: str) -> None:
    if text:
        print_styled(styled(""), styled(text, style="dim"))


def run_line(session: TestSession) -> Styled:
    """Return what identifies a run: its status, SUT, branch, commit, age and duration."""
    code = session.code_state
    where = " ".join(filter(None, (code.branch, (code.commit or "")[:7]))) if code else ""
    changes = " + local changes" if code and code.digest else ""
    age = ago_text(session.session_start_time, datetime.now(UTC))
    return styled(
        *(status_text(session), " ", styled(session.sut_name, style="bold")),
        *(f"  {where}{changes}" if where else "",),
        styled(f"  {age}, {duration_text(session.session_duration)}", style="dim"),
    )


def _lines(session: TestSession, *, verbose: bool) -> Iterator[Styled]:
    yield run_line(session)
    yield styled("  ", outcomes_text(session), styled(f"  {session.session_id}", style="dim"))
    groups = failure_groups(session.test_results)
    if not groups:
        yield styled("")
        yield styled("nothing failed" if session.test_results else "no test was run")
    for group in groups:
        yield styled("")
        yield from _group_lines(group, verbose=verbose)


def _group_lines(group: FailureGroup, *, verbose: bool) -> Iterator[Styled]:
    first = group.results[0]
    count = plural(len(group.results), "test")
    kind = outcome_text(first.outcome, f"{first.outcome} at {first.phase}" if first.phase else None)
    crash = f"  {group.crash}" if group.crash else ""
    yield _fit(styled(styled(group.message or "no message", style="bold")))
    yield styled(
        "  ", kind, styled(crash, style="dim"), f"  {count}" if len(group.results) > 1 else ""
    )
    if verbose:
        for result in group.results:
            yield from _result_lines(result)
        return
    rest = len(group.results) - 1
    yield _fit(styled("  ", first.nodeid), f" and {rest:,} more" if rest else "")


def _fit(text: Styled, suffix: str = "") -> Styled:
    """Cut a text to the width of the terminal; a pipe gets it whole."""
    if not is_fancy():
        return styled(text, suffix)
    return styled(shortened(text, console().width - len(suffix)), suffix)


def _result_lines(result: TestResult) -> Iterator[Styled]:
    yield styled("")
    yield styled("  ", outcome_text(result.outcome), " ", result.nodeid)
    for line in failure_lines(result.longreprtext):
        yield styled("    ", styled(line, style="red" if line.startswith("E") else ""))
    for title, field in _OUTPUT:
        text = getattr(result, field)
        if text:
            yield styled("    ", styled(f"{title}:", style="dim"))
            for line in text.expandtabs().splitlines():
                yield styled("      ", line)


def _markdown(session: TestSession) -> Iterator[str]:
    """Yield lines for the summary of a CI job, or a comment."""
    groups = failure_groups(session.test_results)
    code = session.code_state
    where = ", ".join(filter(None, (code.branch, (code.commit or "")[:7]))) if code else ""
    yield f"### {session.sut_name}: {outcomes_text(session)}"
    yield ""
    yield f"{where}{', ' if where else ''}{duration_text(session.session_duration)}"
    for group in groups:
        yield ""
        crash = f" at {_code(group.crash)}" if group.crash else ""
        yield f"**{plural(len(group.results), 'test')}**: {_code(group.message)}{crash}"
        yield ""
        for result in group.results[:MAX_LISTED]:
            yield f"- {_code(result.nodeid)}"
        if len(group.results) > MAX_LISTED:
            yield f"- and {len(group.results) - MAX_LISTED:,} more"


def _code(text: str) -> str:
    """Return a text as a code span of Markdown, which no text in it can end.

    Source: CommonMark 0.31, section 6.1.
    """
    line = str(styled(text))  # control characters are escaped
    fence = "`"
    while fence in line:
        fence += "`"
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"
