"""Verdicts for people and programs: the tests that are flaky, broken, slower."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight._util.markdown import code_cell, code_span
from pytest_insight.analysis.output.description import (
    fine_duration,
    last_incident_text,
    ratio_text,
    since_text,
)
from pytest_insight.analysis.output.records import VERDICT_FIELDS, verdict_record
from pytest_insight.analysis.values import (
    FASTER,
    SLOWER,
    STABLE,
    TOO_FEW,
    UNSTABLE_XFAIL,
    Verdict,
)
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.render.pictures import run_row, sparkline
from pytest_insight.cli.render.records import (
    ChosenFields,
    Records,
    limit_of,
    print_records,
)
from pytest_insight.cli.render.table import Column
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.verdicts.evidence import evidence_lines
from pytest_insight.cli.render.verdicts.judged import incident_lines, judged_lines
from pytest_insight.cli.render.verdicts.names import evidence_text, verdict_text
from pytest_insight.cli.terminal.damage import refuse_empty_answer
from pytest_insight.cli.terminal.output import console, is_fancy, print_styled, say
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.query import Query

WIDE = 100
MOST_RUNS, MOST_RUNS_WIDE, MOST_RUNS_PIPED = 13, 20, 40
"""The runs in the row of each test: on a terminal narrower than `WIDE`, on others, in a pipe."""


class Answer(NamedTuple):
    """The verdicts that are printed.

    Attributes:
        query: the query that was judged.
        found: all verdicts.
        rows: those that are printed, in this order.
        what: what each is, for the sentence if no test has such a verdict: "flaky test".
        note: which SUT was looked at, if the project in the current folder decided.
    """

    query: Query
    found: Verdicts
    rows: Sequence[Verdict]
    what: str
    note: str


@stdout_errors_reported()
def print_verdicts(
    answer: Answer,
    format_: FailureFormat,
    limit: int | None,
    fields: Sequence[str] | None,
    *,
    verbose: bool = False,
    durations: bool = False,
) -> None:
    """Print one row per test.

    Args:
        answer: the verdicts.
        format_: the format.
        limit: the most rows; 0 for all, None for all or, in a table, the usual number.
        fields: those of `VERDICT_FIELDS` that are printed; None for the usual ones.
        verbose: whether to print the sessions, commits and causes of each in place of a row.
        durations: whether the rows are about durations.
    """
    rows = answer.rows
    if not rows:
        refuse_empty_answer(answer.what)
    most = limit_of(limit, FailureFormat.TABLE if format_ is FailureFormat.MARKDOWN else format_)
    shown = list(rows[:most] if most else rows)
    if format_ is FailureFormat.NODEIDS:
        print_nodeids(shown)
        return
    if format_ is FailureFormat.MARKDOWN:
        print("\n".join(_markdown(answer, shown)))
        return
    is_table = format_ is FailureFormat.TABLE and fields is None
    with paged():
        if is_table and answer.found.judged and (shown or is_fancy()):
            _print_judged(answer.found)
        if is_table and verbose and shown:
            print_styled(*_blocks(answer.found, shown))
            return
        print_records(
            Records(shown, len(rows)),
            (_timing_columns if durations else _columns)(answer.found, shown),
            format_,
            fields=VERDICT_FIELDS,
            as_json=verdict_record,
            noun="test",
            notes=(_breakages_text(answer), answer.note),
            nothing=lambda: _nothing(answer),
            chosen=ChosenFields(fields, lambda row, name: verdict_record(row)[name])
            if fields
            else None,
        )


def _print_judged(found: Verdicts) -> None:
    """Print what was judged and what was left out; in a pipe, where stdout is data, on stderr."""
    lines = (*judged_lines(found, several=True), *incident_lines(found))
    if is_fancy():
        print_styled(*lines, styled(""))
    else:
        for line in lines:
            say(str(line))


def _nothing(answer: Answer) -> str:
    found = answer.found
    if not any(each.sessions for each in found.judged):
        return nothing_found(answer.query, answer.note)
    counts = Counter(each.verdict for each in found)
    parts = [f"{counts[STABLE]:,} stable"] if counts[STABLE] else []
    parts += [f"{counts[TOO_FEW]:,} with too few runs to say"] if counts[TOO_FEW] else []
    others = len(found) - counts[STABLE] - counts[TOO_FEW]
    parts += [f"{others:,} with other verdicts"] if others else []
    runs = sum(len(each.sessions) for each in found.judged)
    tests = f": {', '.join(parts)}" if parts else ""
    left_out = sum(len(each.incidents) for each in found.judged)
    but = f" ({left_out:,} left out)" if left_out else ""
    of_tests = f"of {plural(len(found), 'test')}{tests}"
    nothing = f"no {answer.what} in {plural(runs, 'run')}{but} {of_tests}"
    incidents = [each.last_incident for each in found.judged]
    return "; ".join([nothing, *(last_incident_text(each) for each in incidents if each)])


def _breakages_text(answer: Answer) -> str:
    """Return how many of the tests broke together: "3 tests broke together: TypeError ..."."""
    names = {(each.sut, each.nodeid) for each in answer.rows}
    for each in answer.found.breakages:
        count = sum((one.sut, one.nodeid) in names for one in each.verdicts)
        if count > 1:
            since = f", since {since_text(each.since)}" if each.since else ""
            return f"{count:,} tests, one cause{since}: {each.message or 'no message'}"
    return ""


def _columns(found: Verdicts, rows: Sequence[Verdict]) -> list[Column]:
    columns = [
        Column("Verdict", verdict_text),
        Column("Test", lambda row: row.nodeid, fit="nodeid"),
        Column("SUT", lambda row: row.sut),
        Column("History", lambda row: history_picture(found, row)),
        Column("Evidence", evidence_text, fit="message"),
    ]
    return _without_sut(columns, rows)


def _timing_columns(found: Verdicts, rows: Sequence[Verdict]) -> list[Column]:
    columns = [
        Column("Test", lambda row: row.nodeid, fit="nodeid"),
        Column("SUT", lambda row: row.sut),
        Column("Was", lambda row: fine_duration(row.timing.was), "right"),
        Column("Now", lambda row: fine_duration(row.timing.now), "right"),
        Column("Ratio", lambda row: ratio_text(row.timing.ratio), "right", spare=1),
        Column("History", lambda row: _durations(found, row)),
        Column("Since", lambda row: since_text(row.timing.since)),
    ]
    return _without_sut(columns, rows)


def _without_sut(columns: list[Column], rows: Sequence[Verdict]) -> list[Column]:
    several = len({row.sut for row in rows}) > 1
    return [each for each in columns if several or each.header != "SUT"]


def history_picture(found: Verdicts, row: Verdict, most: int | None = None) -> Styled:
    """Return the row of the runs that were judged; of a test that got slower, its durations.

    Args:
        found: the verdicts.
        row: one of them.
        most: the most runs; None for those that a table has room for.
    """
    if row.verdict in (SLOWER, FASTER) and (line := _durations(found, row, most)):
        return styled(line)
    # Unexpected passes are not decided, but they are what makes a marker unstable.
    also = TestOutcome.XPASSED if row.verdict == UNSTABLE_XFAIL else None
    runs = [run for run in found.line_runs(row) if run.is_decided or run.outcome == also]
    return run_row(runs, most or most_runs())


def _durations(found: Verdicts, row: Verdict, most: int | None = None) -> str:
    runs = [run for run in found.line_runs(row) if run.outcome == TestOutcome.PASSED]
    return sparkline([run.duration for run in runs], most or most_runs())


def most_runs() -> int:
    """Return how many runs a row of them has."""
    if not is_fancy():
        return MOST_RUNS_PIPED
    return MOST_RUNS_WIDE if console().width >= WIDE else MOST_RUNS


def _blocks(found: Verdicts, rows: Sequence[Verdict]) -> Iterator[Styled]:
    most = console().width - 2 if is_fancy() else None
    for number, row in enumerate(rows):
        if number:
            yield styled("")
        yield from evidence_lines(row, found.runs(row), history_picture(found, row, most))


def _markdown(answer: Answer, shown: Sequence[Verdict]) -> Iterator[str]:
    """Yield lines for the summary of a CI job, or a comment."""
    for line in judged_lines(answer.found, several=True):
        yield f"### {code_span(str(line))}"
    yield ""
    if shown:
        for line in incident_lines(answer.found):
            yield f"{line}\n"
    if not shown:
        yield _nothing(answer)
        return
    yield "| Verdict | Test | Evidence |"
    yield "| --- | --- | --- |"
    for row in shown:
        yield f"| {row.verdict} | {code_cell(row.nodeid)} | {evidence_text(row)} |"
    if len(shown) < len(answer.rows):
        yield ""
        yield f"{len(shown):,} of {plural(len(answer.rows), 'test')} (`--limit 0` for all)"
