"""The runs of one project at a glance: last run, row of runs, durations, slowest test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pytest_insight.analysis.output.description import day_text, fine_duration, since_text
from pytest_insight.analysis.results import Verdicts
from pytest_insight.analysis.values import Verdict
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.outcomes import (
    green_share,
    outcomes_text,
    status_text,
)
from pytest_insight.cli.render.pictures import outcome_mark, sparkline
from pytest_insight.cli.render.wrap import flow, line_width
from pytest_insight.cli.terminal.output import is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, joined, styled
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.models.text import ago_text, duration_text, plural
from pytest_insight.summaries import SessionSummary

ENOUGH_RUNS = 5
"""Below this number of runs, that no test is flaky says nothing."""
LABEL_WIDTH = 10


def overview_lines(
    last: TestSession, runs: Sequence[SessionSummary], found: Verdicts, count: int
) -> Iterator[Styled]:
    """Yield the lines.

    Args:
        last: the newest run.
        runs: the newest runs of the same SUT and branch, in time order, `last` among them; those
            without results are left out.
        found: at least which tests are flaky or broken.
        count: by how many runs, if there are more; else 0.
    """
    runs = [run for run in runs if run.outcomes]
    code = last.code_state
    branch = (code and code.branch) or ""
    yield styled(
        styled(last.sut_name, style="bold"),
        f"  {branch}" if branch else "",
        styled(f"  {_period(runs)}", style="dim"),
    )
    width = line_width()
    lines = flow(_last_run(last), None if width is None else width - LABEL_WIDTH, "  ")
    for number, line in enumerate(lines):
        yield _line("" if number else "last run", line)
    yield _line("runs", _row(runs))
    if len(runs) > 1:
        yield _line("duration", _durations(runs))
    by = f" by the last {count} runs" if count else ""
    enough = any(each.sessions for each in found.judged) and len(runs) >= ENOUGH_RUNS
    if enough or found.flaky:
        yield _tests("flaky", found.flaky, by, "insight flaky")
    if enough or found.broken:
        yield _tests("broken", found.broken, by, "insight verdicts --only broken")
    slowest = max(last.test_results, key=lambda result: result.duration, default=None)
    if slowest is not None:
        took = f"  {duration_text(slowest.duration)}"
        timing = next((each.timing for each in found if each.nodeid == slowest.nodeid), None)
        if timing is not None:
            took += f", was {fine_duration(timing.was)} until {day_text(timing.since.time)}"
        yield nodeid_lines(slowest.nodeid, prefix=_line("slowest"), suffix=took)


def _tests(label: str, verdicts: Sequence[Verdict], by: str, command: str) -> Styled:
    """Return how many tests have a verdict, by which runs, and the command that shows them."""
    if not verdicts:
        return _line(label, styled(f"none{by}", style="dim"))
    if len(verdicts) == 1:
        hint = f" {by}  {command}" if by else f"  {command}"
        return nodeid_lines(verdicts[0].nodeid, prefix=_line(label), suffix=hint)
    since = {since_text(each.since) for each in verdicts if each.since}
    text = by + (f" since {since.pop()}" if len(since) == 1 else "")
    return _line(
        label, styled(f"{len(verdicts):,} tests{text}"), styled(f"  {command}", style="dim")
    )


def _line(label: str, *text: Styled) -> Styled:
    return styled(styled(f"{label:<{LABEL_WIDTH}}", style="dim"), *text)


def _period(runs: Sequence[SessionSummary]) -> str:
    days = (runs[-1].session.session_start_time - runs[0].session.session_start_time).days
    return f"{plural(len(runs), 'run')} in {plural(days + 1, 'day')}"


def _last_run(last: TestSession) -> Iterator[Styled]:
    """Yield the outcomes of a run, and its facts."""
    # Without a mark, the counts say it.
    status = styled(status_text([last]), " ") if is_fancy() and shows_unicode() else ""
    yield styled(status, outcomes_text(last))
    commit = (last.code_state and last.code_state.commit) or ""
    age = ago_text(last.session_start_time, datetime.now(UTC))
    tags = (f"{key}={value}" for key, value in last.session_tags.items())
    for fact in filter(None, (duration_text(last.session_duration), age, commit[:7], *tags)):
        yield styled(fact, style="dim")


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
