"""The history of tests: a row of runs for each branch, durations, and why they failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from pytest_insight._util.markdown import code_cell, code_span
from pytest_insight.analysis.history import History
from pytest_insight.analysis.output.description import day_text
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.values import FLAKY
from pytest_insight.analyze.histories import JudgedHistory
from pytest_insight.cli.render.fit import shortened
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.pictures import run_row, sparkline
from pytest_insight.cli.render.records import ChosenFields, print_csv
from pytest_insight.cli.render.verdicts.evidence import cause_lines, left_out_lines
from pytest_insight.cli.render.verdicts.names import evidence_text, verdict_text
from pytest_insight.cli.terminal.output import (
    console,
    is_fancy,
    print_json,
    print_styled,
    say,
)
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled, text_width
from pytest_insight.models.text import duration_text, plural

RUN_FIELDS = (
    *("session_id", "time", "commit", "branch", "outcome", "attempts", "duration"),
    *("phase", "message", "crash", "cause"),
)
"""The keys of a run in JSON."""
ALL_FIELDS = ("sut", "nodeid", *RUN_FIELDS)
"""The columns of CSV."""

PIPE_WIDTH = 80
"""How many runs a row has if stdout is not a terminal."""
MAX_CAUSES = 5
BRANCH_WIDTH = 20
SHORTEST_SHOWN = 0.01
"""Seconds. Shorter durations differ by chance, and have no picture unless they changed."""


@stdout_errors_reported()
def print_histories(
    found: Sequence[JudgedHistory],
    format_: FailureFormat,
    limit: int | None,
    note: str,
    fields: Sequence[str] | None = None,
) -> None:
    """Print histories.

    Args:
        found: the histories.
        format_: the format.
        limit: the most tests; 0 for all, None for 10 in a table and all otherwise.
        note: which SUT was looked at, for the last line on a terminal.
        fields: those of `ALL_FIELDS` that are printed, one row per run; None for the usual output.
    """
    if limit is None:
        limit = 10 if format_ in (FailureFormat.TABLE, FailureFormat.MARKDOWN) else 0
    shown = found[:limit] if limit else found
    if format_ is FailureFormat.NODEIDS and fields is None:
        from pytest_insight.cli.render.tests import print_nodeids  # imports a lot

        print_nodeids(each.history for each in shown)
        return
    with paged():
        several = len({each.history.sut_name for each in found}) > 1
        _print(shown, format_, note, fields, several=several)
    if len(shown) < len(found):
        say(f"{len(shown)} of {len(found)} tests (--limit 0 for all)")


def _print(
    shown: Sequence[JudgedHistory],
    format_: FailureFormat,
    note: str,
    fields: Sequence[str] | None,
    *,
    several: bool,
) -> None:
    rows = [(each.history, run) for each in shown for run in each.history.runs]
    if fields is not None:
        ChosenFields(fields, lambda row, name: _row(*row)[name]).print(rows, format_, str)
    elif format_ is FailureFormat.JSON:
        print_json([_fields(each) for each in shown])
    elif format_ is FailureFormat.CSV:
        print_csv(ALL_FIELDS, (_row(*row) for row in rows))
    elif format_ is FailureFormat.MARKDOWN:
        print("\n".join(line for each in shown for line in _markdown(each, with_sut=several)))
    else:
        for number, each in enumerate(shown):
            if number:
                print_styled(styled(""))
            print_styled(*_lines(each, with_sut=several))
        if is_fancy() and note:
            print_styled(styled(""), styled(note, style="dim"))


def _fields(judged: JudgedHistory) -> dict[str, Any]:
    history, decided = judged.history, judged.decided
    return {
        "nodeid": history.nodeid,
        "sut": history.sut_name,
        "verdict": judged.verdict and judged.verdict.verdict,
        "runs": [_run_fields(run) for run in history.runs],
        "segments": [
            {
                "first": decided[each.first].session.session_id,
                "last": decided[each.last].session.session_id,
                "rate": each.bad / each.runs,
            }
            for each in judged.segments
        ],
        "causes": [
            {name: getattr(each, name) for name in ("cause", "message", "crash", "count", "last")}
            for each in history.causes
        ],
    }


def _row(history: History, run: Run) -> dict[str, Any]:
    return {"sut": history.sut_name, "nodeid": history.nodeid, **_run_fields(run)}


def _run_fields(run: Run) -> dict[str, Any]:
    session = run.session
    of_session = {
        "session_id": session.session_id,
        "time": session.start,
        "commit": session.commit,
        "branch": session.branch,
        "outcome": str(run.outcome),
    }
    names = (name for name in RUN_FIELDS if name not in of_session)
    return of_session | {name: getattr(run, name) for name in names}


def _lines(judged: JudgedHistory, *, with_sut: bool) -> Iterator[Styled]:
    history = judged.history
    width = console().width if is_fancy() else 0
    sut = f"{history.sut_name}  " if with_sut else ""
    yield nodeid_lines(history.nodeid, prefix=sut, style="bold")
    yield from _verdict(judged)
    yield styled(
        f"  {_failed_text(history)}",
        styled(f"; median {duration_text(history.median_duration)}", style="dim"),
    )
    changed = judged.verdict is not None and judged.verdict.timing is not None
    branches = history.branches
    indent = max(text_width(str(styled(branch or "no branch"))) for branch in branches)
    if width:  # in a pipe, names are whole
        indent = min(indent, BRANCH_WIDTH)
    room = max((width or PIPE_WIDTH) - min(indent, BRANCH_WIDTH) - 4, 8)
    for branch, runs in branches.items():
        label = str(shortened(styled(branch or "no branch"), indent)).ljust(indent)
        yield styled("  ", styled(label, style="dim"), "  ", run_row(runs, room))
        durations = [run.duration for run in runs]
        line = sparkline(durations, room) if changed or median(durations) >= SHORTEST_SHOWN else ""
        if line and len(runs) > 1:
            yield styled(" " * (indent + 4), styled(line, style="dim"))
    yield from _causes(history)


def _verdict(judged: JudgedHistory) -> Iterator[Styled]:
    """Yield the verdict with its evidence by commit; nothing if no run was judged."""
    verdict = judged.verdict
    if verdict is None:
        return
    yield styled("  ", verdict_text(verdict), f": {evidence_text(verdict)}")
    segments = _segments_text(judged)
    if segments:
        yield styled(styled(f"  {segments}", style="dim"))
    counts: dict[str, Counter[str]] = {}
    for run in judged.history.runs:
        if verdict.verdict == FLAKY and run.session.session_id in verdict.evidence:
            outcome = "passed when run again" if run.is_recovered else run.outcome
            changes = " + local changes" if run.session.digest else ""
            where = f"{run.session.commit[:7] or 'no commit'}{changes}"
            counts.setdefault(where, Counter())[outcome] += 1
    for where, outcomes in list(counts.items())[-MAX_CAUSES:]:
        shown = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        yield styled(styled(f"  evidence: {where}: {shown}", style="dim"))
    yield from left_out_lines(verdict)


def _segments_text(judged: JudgedHistory) -> str:
    """Return how the rate of failures changed; empty if it did not."""
    runs, segments = judged.decided, judged.segments
    if len(segments) < 2:
        return ""
    parts = []
    for each in segments:
        session = runs[each.first].session
        since = f" since {session.commit[:7] or day_text(session.start)}" if each.first else ""
        parts.append(f"{each.bad:,} of {plural(each.runs, 'run')}{since}")
    return f"failed in {', then in '.join(parts)}"


def _failed_text(history: History) -> str:
    bad = sum(run.is_bad for run in history.runs)
    recovered = sum(run.is_recovered for run in history.runs)
    runs = len(history.runs)
    of_runs = f"of {plural(runs, 'run')}"
    if bad:
        again = f", passed only when run again in {recovered:,}" if recovered else ""
        return f"failed in {bad:,} {of_runs}{again}"
    if recovered:
        return f"passed only when run again in {recovered:,} {of_runs}"
    return f"never failed in {plural(runs, 'run')}"


def _causes(history: History) -> Iterator[Styled]:
    causes = history.causes
    yield from cause_lines(causes[:MAX_CAUSES], history.sut_name)
    if len(causes) > MAX_CAUSES:
        more = plural(len(causes) - MAX_CAUSES, "other message")
        yield styled(f"        and {more}", style="dim")


def _markdown(judged: JudgedHistory, *, with_sut: bool) -> Iterator[str]:
    """Yield lines for the summary of a CI job, or a comment."""
    history, verdict = judged.history, judged.verdict
    sut = f"{history.sut_name}  " if with_sut else ""
    yield f"### {code_span(sut + history.nodeid)}"
    yield ""
    if verdict is not None:
        yield f"**{verdict.verdict}**: {evidence_text(verdict)}"
        yield ""
    yield "; ".join(filter(None, (_failed_text(history), _segments_text(judged))))
    yield ""
    for line in left_out_lines(verdict) if verdict else ():
        yield f"{code_span(str(line).strip())}\n"
    yield "| Branch | Runs |"
    yield "| --- | --- |"
    for branch, runs in history.branches.items():
        row = str(run_row(runs, PIPE_WIDTH))
        yield f"| {code_cell(branch or 'no branch')} | {code_cell(row)} |"
    yield ""
    for cause in history.causes[:MAX_CAUSES]:
        crash = f" at {code_span(cause.crash)}" if cause.crash else ""
        yield f"- {cause.count}x {code_span(cause.message or 'no message')}{crash}"
    if history.causes:
        yield ""
