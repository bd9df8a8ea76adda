"""What failed in a session or CI run: a summary, and the failures grouped by their message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pytest_insight.analysis.failures import FailureGroup, failure_groups
from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.outcomes import outcomes_text, status_text
from pytest_insight.cli.render.records import Chosen, print_csv
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.values import (
    ago_text,
    duration_text,
    failure_lines,
    outcome_text,
    plural,
)
from pytest_insight.cli.terminal.output import (
    UNLIMITED,
    console,
    is_fancy,
    mark,
    print_json,
    print_styled,
)
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestResult, TestSession
from pytest_insight.summaries import BAD

FIELDS = ("nodeid", "sut", "outcome", "phase", "message", "crash")
"""The columns of CSV, and the keys of JSON."""

ALL_FIELDS = (
    *(*FIELDS, "session_id", "start_time", "duration"),
    *("longreprtext", "capstdout", "capstderr", "caplog"),
)
"""The fields that can be chosen."""

MAX_LISTED = 50
"""The nodeids of a group that Markdown lists."""

_OUTPUT = (("captured stdout", "capstdout"), ("captured stderr", "capstderr"), ("log", "caplog"))


@stdout_errors_reported()
@paged()
def print_failures(
    sessions: Sequence[TestSession],
    format_: FailureFormat,
    note: str,
    *,
    verbose: bool,
    fields: Sequence[str] | None = None,
) -> bool:
    """Print the failures of a session, or of all sessions of a CI run.

    Args:
        sessions: in time order; at least one.
        format_: the format.
        note: which SUT was looked at, for the last line on a terminal; it begins with "; ".
        verbose: whether to print every test of a group, with its text and output.
        fields: those of `ALL_FIELDS` that are printed, one row per failure; None for the usual
            output.

    Returns:
        Whether anything failed.
    """
    bad = [(s, result) for s in sessions for result in s.test_results if result.outcome in BAD]
    if fields is not None:
        Chosen(fields, _field).print(bad, format_, lambda: "nothing failed")
    elif format_ is FailureFormat.JSON:
        print_json([_fields(*each) for each in bad])
    elif format_ is FailureFormat.CSV:
        print_csv(FIELDS, (_fields(*each) for each in bad))
    elif format_ is FailureFormat.NODEIDS:
        print_nodeids(result for _, result in bad)
    else:
        groups = failure_groups(result for _, result in bad)
        if format_ is FailureFormat.MARKDOWN:
            print("\n".join(_markdown(sessions, groups)))
        else:
            print_styled(*_lines(sessions, groups, verbose=verbose))
            if is_fancy():
                hint = "tracebacks: insight failures -v" if bad and not verbose else ""
                _print_dim("; ".join(filter(None, (hint, note.removeprefix("; ")))))
    return bool(bad)


def _field(row: tuple[TestSession, TestResult], name: str) -> Any:
    session, result = row
    if name == "sut":
        return session.sut_name
    return session.session_id if name == "session_id" else getattr(result, name)


def _fields(session: TestSession, result: TestResult) -> dict[str, Any]:
    return {
        **{"nodeid": result.nodeid, "sut": session.sut_name, "outcome": str(result.outcome)},
        **{"phase": result.phase, "message": result.message, "crash": result.crash},
    }


def _print_dim(text: str) -> None:
    if text:
        print_styled(styled(""), styled(text, style="dim"))


def _run_line(sessions: Sequence[TestSession]) -> Styled:
    """Return what identifies a run: its status, SUT, branch, commit, age and duration."""
    last = sessions[-1]
    code = last.code_state
    where = " ".join(filter(None, (code.branch, (code.commit or "")[:7]))) if code else ""
    changes = " + local changes" if code and code.digest else ""
    age = ago_text(last.session_start_time, datetime.now(UTC))
    return styled(
        *(status_text(sessions), " ", styled(_suts(sessions), style="bold")),
        *(f"  {where}{changes}" if where else "",),
        styled(f"  {age}, {_duration(sessions)}", style="dim"),
    )


def _suts(sessions: Sequence[TestSession]) -> str:
    return ", ".join(dict.fromkeys(session.sut_name for session in sessions))


def _duration(sessions: Sequence[TestSession]) -> str:
    return duration_text(sum(session.session_duration for session in sessions))


def _lines(
    sessions: Sequence[TestSession], groups: Sequence[FailureGroup], *, verbose: bool
) -> Iterator[Styled]:
    yield _run_line(sessions)
    several = f"{plural(len(sessions), 'session')}, the last one "
    name = f"{several if len(sessions) > 1 else ''}{sessions[-1].session_id}"
    yield styled("  ", outcomes_text(*sessions), styled(f"  {name}", style="dim"))
    if not groups:
        yield styled("")
        any_test = any(session.test_results for session in sessions)
        yield styled("nothing failed" if any_test else "no test was run")
    for group in groups:
        yield styled("")
        yield from _group_lines(group, verbose=verbose)


def _group_lines(group: FailureGroup, *, verbose: bool) -> Iterator[Styled]:
    first = group.results[0]
    count = plural(len(group.results), "test")
    kind = outcome_text(first.outcome, f"{first.outcome} at {first.phase}" if first.phase else None)
    crash = f"  {_places(group)}" if group.crashes else ""
    message = str(styled(group.message or "no message"))
    width = console().width if is_fancy() else UNLIMITED
    yield styled(cut_end(message, width, mark()), style="bold")
    yield styled(
        "  ", kind, styled(crash, style="dim"), f"  {count}" if len(group.results) > 1 else ""
    )
    if verbose:
        for result in group.results:
            yield from _result_lines(result)
        return
    rest = len(group.results) - 1
    suffix = f" and {rest:,} more" if rest else ""
    yield nodeid_lines(first.nodeid, prefix="  ", suffix=suffix)


def _places(group: FailureGroup) -> str:
    return group.crashes[0] + _more_places(group)


def _more_places(group: FailureGroup) -> str:
    more = len(group.crashes) - 1
    return f" and {plural(more, 'other place')}" if more > 0 else ""


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


def _markdown(sessions: Sequence[TestSession], groups: Sequence[FailureGroup]) -> Iterator[str]:
    """Yield lines for the summary of a CI job, or a comment."""
    code = sessions[-1].code_state
    where = ", ".join(filter(None, (code.branch, (code.commit or "")[:7]))) if code else ""
    yield f"### {_suts(sessions)}: {outcomes_text(*sessions)}"
    yield ""
    yield f"{where}{', ' if where else ''}{_duration(sessions)}"
    for group in groups:
        yield ""
        crash = f" at {_code(group.crashes[0])}" if group.crashes else ""
        crash += _more_places(group)
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
