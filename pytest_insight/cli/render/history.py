"""The history of tests: a row of runs for each branch, durations, and why they failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from pytest_insight.analysis.description import day_text
from pytest_insight.analysis.history import History
from pytest_insight.analysis.results import Verdicts
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.segments import find_segments
from pytest_insight.analysis.values import FLAKY
from pytest_insight.cli.render.evidence import cause_lines, left_out_lines
from pytest_insight.cli.render.fit import shortened
from pytest_insight.cli.render.formats import ListFormat
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.pictures import run_row, sparkline
from pytest_insight.cli.render.records import Chosen, print_csv
from pytest_insight.cli.render.verdict_text import evidence_text, verdict_text
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
"""Seconds. Shorter durations differ by chance, and have no picture."""


@stdout_errors_reported()
def print_histories(
    found: Sequence[History],
    format_: ListFormat,
    limit: int | None,
    note: str,
    fields: Sequence[str] | None = None,
    verdicts: Verdicts | None = None,
) -> None:
    """Print histories.

    Args:
        found: the histories.
        format_: the format.
        limit: the most tests; 0 for all, None for 10 in a table and all otherwise.
        note: which SUT was looked at, for the last line on a terminal; it begins with "; ".
        fields: those of `ALL_FIELDS` that are printed, one row per run; None for the usual output.
        verdicts: those on the tests, for a table.
    """
    if limit is None:
        limit = 10 if format_ is ListFormat.TABLE else 0
    shown = found[:limit] if limit else found
    with paged():
        _print(shown, format_, note, fields, verdicts, several=len({h.sut_name for h in found}) > 1)
    if len(shown) < len(found):
        say(f"{len(shown)} of {len(found)} tests (--limit 0 for all)")


def _print(
    shown: Sequence[History],
    format_: ListFormat,
    note: str,
    fields: Sequence[str] | None,
    verdicts: Verdicts | None,
    *,
    several: bool,
) -> None:
    rows = [(history, run) for history in shown for run in history.runs]
    if fields is not None:
        Chosen(fields, lambda row, name: _row(*row)[name]).print(rows, format_, str)
    elif format_ is ListFormat.JSON:
        print_json([_fields(history) for history in shown])
    elif format_ is ListFormat.CSV:
        print_csv(ALL_FIELDS, (_row(*row) for row in rows))
    else:
        for number, history in enumerate(shown):
            if number:
                print_styled(styled(""))
            print_styled(*_lines(history, verdicts, with_sut=several))
        if is_fancy() and note:
            print_styled(styled(""), styled(note.removeprefix("; "), style="dim"))


def _fields(history: History) -> dict[str, Any]:
    decided = history.decided
    return {
        "nodeid": history.nodeid,
        "sut": history.sut_name,
        "runs": [_run_fields(run) for run in history.runs],
        "segments": [
            {
                "first": decided[each.first].session.session_id,
                "last": decided[each.last].session.session_id,
                "rate": each.bad / each.runs,
            }
            for each in history.segments
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


def _lines(history: History, verdicts: Verdicts | None, *, with_sut: bool) -> Iterator[Styled]:
    width = console().width if is_fancy() else 0
    sut = f"{history.sut_name}  " if with_sut else ""
    yield nodeid_lines(history.nodeid, prefix=sut, style="bold")
    if verdicts is not None:
        yield from _verdict(history, verdicts)
    bad = sum(run.is_bad for run in history.runs)
    recovered = sum(run.is_recovered for run in history.runs)
    yield styled(
        f"  {_failed_text(bad, recovered, len(history.runs))}",
        styled(f"; median {duration_text(history.median_duration)}", style="dim"),
    )
    branches = history.branches
    indent = max(text_width(str(styled(branch or "no branch"))) for branch in branches)
    if width:  # in a pipe, names are whole
        indent = min(indent, BRANCH_WIDTH)
    room = max((width or PIPE_WIDTH) - min(indent, BRANCH_WIDTH) - 4, 8)
    for branch, runs in branches.items():
        label = str(shortened(styled(branch or "no branch"), indent)).ljust(indent)
        yield styled("  ", styled(label, style="dim"), "  ", run_row(runs, room))
        durations = [run.duration for run in runs]
        line = sparkline(durations, room) if median(durations) >= SHORTEST_SHOWN else ""
        if line and len(runs) > 1:
            yield styled(" " * (indent + 4), styled(line, style="dim"))
    yield from _causes(history)


def _verdict(history: History, verdicts: Verdicts) -> Iterator[Styled]:
    """Yield the verdict with its evidence by commit; nothing if no run was judged."""
    key = (history.sut_name, history.nodeid)
    verdict = next((each for each in verdicts if (each.sut, each.nodeid) == key), None)
    if verdict is None:
        return
    yield styled("  ", verdict_text(verdict), f": {evidence_text(verdict)}")
    runs = verdicts.line_runs(verdict)
    left_out = {each.session_id for each in verdict.excluded}
    judged = [run for run in runs if run.session.session_id not in left_out]
    yield from _segments([run for run in judged if run.is_decided])
    counts: dict[str, Counter[str]] = {}
    for run in verdicts.runs(verdict):
        if verdict.verdict == FLAKY and run.session.session_id in verdict.evidence:
            outcome = "passed when run again" if run.is_recovered else run.outcome
            changes = " + local changes" if run.session.digest else ""
            where = f"{run.session.commit[:7] or 'no commit'}{changes}"
            counts.setdefault(where, Counter())[outcome] += 1
    for where, outcomes in list(counts.items())[-MAX_CAUSES:]:
        shown = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        yield styled(styled(f"  evidence: {where}: {shown}", style="dim"))
    yield from left_out_lines(verdict)


def _segments(runs: Sequence[Run]) -> Iterator[Styled]:
    """Yield how the rate of failures changed; nothing if it did not."""
    segments = find_segments([run.is_bad for run in runs])
    if len(segments) < 2:
        return
    parts = []
    for each in segments:
        session = runs[each.first].session
        since = f" since {session.commit[:7] or day_text(session.start)}" if each.first else ""
        parts.append(f"{each.bad:,} of {plural(each.runs, 'run')}{since}")
    yield styled(styled(f"  failed in {', then in '.join(parts)}", style="dim"))


def _failed_text(bad: int, recovered: int, runs: int) -> str:
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
