"""The evidence of a verdict in full: sessions, commits, causes, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pytest_insight.analysis.output.description import rate_text, ratio_text
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.values import CauseCount, Verdict
from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.outcomes import outcome_text
from pytest_insight.cli.render.verdicts.names import evidence_text, verdict_text
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import console, is_fancy, mark
from pytest_insight.cli.terminal.styled import Styled, styled, text_width
from pytest_insight.models.text import ago_text, plural

MOST_SESSIONS = 12
"""The sessions of the evidence that are listed, the newest ones."""


def evidence_lines(verdict: Verdict, runs: Sequence[Run], picture: Styled) -> Iterator[Styled]:
    """Yield the lines.

    Args:
        verdict: the verdict.
        runs: of the test.
        picture: the row of its runs.
    """
    yield nodeid_lines(verdict.nodeid, prefix=styled(verdict_text(verdict), "  "), style="bold")
    rate = f"; rate {rate_text(verdict)}" if verdict.bad or verdict.recovered else ""
    yield styled("  ", evidence_text(verdict), styled(rate, style="dim"))
    if str(picture):
        yield styled("  ", picture)
    if (timing := verdict.timing) is not None:
        began = f"in {plural(timing.runs, 'run')} since {timing.since.session_id}"
        yield styled(styled(f"  {ratio_text(timing.ratio)} {began}", style="dim"))
    since = verdict.since
    if since is not None and since.low and since.high and since.low != since.high:
        yield styled(
            styled(f"  between {since.low[:7]} and {since.high[:7]}", style="dim"),
        )
    yield from cause_lines(verdict.causes, verdict.sut)
    by_id = {run.session.session_id: run for run in runs}
    shown = [by_id[name] for name in verdict.evidence if name in by_id][-MOST_SESSIONS:]
    now = datetime.now(UTC)
    for run in shown:
        yield styled("  ", run_line(run, now))
    if len(shown) < len(verdict.evidence):
        yield styled(styled(f"  and {len(verdict.evidence) - len(shown):,} before", style="dim"))
    yield from left_out_lines(verdict)


def left_out_lines(verdict: Verdict) -> Iterator[Styled]:
    """Yield a line for each run that does not count, with the reason."""
    for each in verdict.excluded:
        yield styled(styled(f"  left out: {each.session_id}  {each.why}", style="dim"))


def run_line(run: Run, now: datetime) -> Styled:
    """Return the outcome of a run, its branch and commit, its age, and the ID of its session."""
    session = run.session
    changed = " + local changes" if session.digest else ""
    where = f"{session.branch or 'no branch'} {session.commit[:7]}".rstrip() + changed
    what = f"{run.outcome} when run again" if run.is_recovered else run.outcome
    return styled(
        outcome_text("rerun" if run.is_recovered else run.outcome, f"{what:<7}"),
        f"  {where}  ",
        styled(f"{ago_text(session.start, now)}  {session.session_id}", style="dim"),
    )


def cause_lines(causes: Sequence[CauseCount], sut_name: str) -> Iterator[Styled]:
    """Yield a line or two for each cause: how often, the message, its place, when last."""
    width = console().width if is_fancy() else 0
    now = datetime.now(UTC)
    for cause in causes:
        place = linked_place(cause.crash, sut_name, "dim") if cause.crash else styled("")
        last = styled(f"  last {ago_text(cause.last, now)}", style="dim")
        tail = styled("  " if cause.crash else "", place, last)
        head = str(styled(f"  {cause.count:>3}x  ", cause.message or "no message"))
        if width and text_width(head) + text_width(str(tail)) > width:
            yield styled(cut_end(head, width, mark()))
            yield styled(" " * 6, tail)
        else:
            yield styled(head, tail)
