"""The runs of one project at a glance: last run, row of runs, durations, slowest test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.outcomes import (
    green_share,
    outcomes_text,
    status_text,
)
from pytest_insight.cli.render.pictures import outcome_mark, sparkline
from pytest_insight.cli.render.values import ago_text, duration_text, plural
from pytest_insight.cli.terminal.styled import Styled, joined, styled
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.summaries import SessionSummary


def overview_lines(last: TestSession, runs: Sequence[SessionSummary]) -> Iterator[Styled]:
    """Yield the lines.

    Args:
        last: the newest run.
        runs: the newest runs of the same SUT and branch, in time order, `last` among them; those
            without results are left out.
    """
    runs = [run for run in runs if run.outcomes]
    code = last.code_state
    branch = (code and code.branch) or ""
    yield styled(
        styled(last.sut_name, style="bold"),
        f"  {branch}" if branch else "",
        styled(f"  {_period(runs)}", style="dim"),
    )
    yield _line("last run", _last_run(last))
    yield _line("runs", _row(runs))
    if len(runs) > 1:
        yield _line("duration", _durations(runs))
    slowest = max(last.test_results, key=lambda result: result.duration, default=None)
    if slowest is not None:
        took = f"  {duration_text(slowest.duration)}"
        yield nodeid_lines(slowest.nodeid, prefix=_line("slowest"), suffix=took)


def _line(label: str, *text: Styled) -> Styled:
    return styled(styled(f"{label:<10}", style="dim"), *text)


def _period(runs: Sequence[SessionSummary]) -> str:
    days = (runs[-1].session.session_start_time - runs[0].session.session_start_time).days
    return f"{plural(len(runs), 'run')} in {plural(days + 1, 'day')}"


def _last_run(last: TestSession) -> Styled:
    code = last.code_state
    commit = f"  {(code.commit or '')[:7]}" if code else ""
    tags = "".join(f"  {key}={value}" for key, value in last.session_tags.items())
    age = ago_text(last.session_start_time, datetime.now(UTC))
    rest = f"  {duration_text(last.session_duration)}  {age}{commit}{tags}"
    return styled(status_text([last]), " ", outcomes_text(last), styled(rest, style="dim"))


def _row(runs: Sequence[SessionSummary]) -> Styled:
    red = [run.is_red for run in runs]
    marks = [outcome_mark(TestOutcome.FAILED if each else TestOutcome.PASSED) for each in red]
    streak = 0
    for each in reversed(red):
        if each != red[-1]:
            break
        streak += 1
    kind = "red" if red[-1] else "green"
    text = f"  {green_share(red)}"
    text += f", the last {streak} {kind}" if 1 < streak < len(runs) else ""
    return styled(joined(marks, ""), styled(text, style="dim"))


def _durations(runs: Sequence[SessionSummary]) -> Styled:
    durations = [run.session.session_duration for run in runs]
    line = sparkline(durations, len(runs))
    change = f"{duration_text(durations[0])} to {duration_text(durations[-1])}"
    return styled(line, "  " if line else "", styled(change, style="dim"))
