"""What was judged, in one line: the SUT, the branch, how many runs, what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.terminal.output import console, is_fancy, mark
from pytest_insight.cli.terminal.styled import Styled, styled, text_width
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Judged, Verdicts

NOTABLE_SPEED = 1.1
"""A machine that is slower or faster than usual by this factor is mentioned."""


def judged_lines(found: Verdicts, *, several: bool) -> Iterator[Styled]:
    """Yield a line for each SUT that has runs: "shop  main  16 runs in 18 days, 1 left out (...)".

    Args:
        found: the verdicts.
        several: whether to yield more than the first line.
    """
    judged = [each for each in found.judged if each.sessions]
    for each in judged if several else judged[:1]:
        branch = each.line.branch or ""
        head = styled(styled(each.sut, style="bold"), f"  {branch}" if branch else "", "  ")
        text = _text(each)
        if is_fancy():
            text = cut_end(text, console().width - text_width(str(head)), mark())
        yield styled(head, styled(text, style="dim"))


def _text(judged: Judged) -> str:
    sessions = judged.sessions
    days = (sessions[-1].start - sessions[0].start).days + 1
    parts = [f"{plural(len(sessions), 'run')} in {plural(days, 'day')}"]
    if judged.line.branch_point is not None:
        own = sum(session.branch == judged.line.branch for session in sessions)
        if own < len(sessions):
            parts[0] += f", {len(sessions) - own:,} of {judged.line.default_branch} before it"
    incidents = judged.incidents
    if incidents:
        why = f" ({incidents[0].why})" if len(incidents) == 1 else ""
        parts.append(f"{len(incidents):,} left out{why}")
    speed = judged.speed
    if speed is not None and not 1 / NOTABLE_SPEED < speed < NOTABLE_SPEED:
        kind = f"{speed:.2f}x slower" if speed > 1 else f"{1 / speed:.2f}x faster"
        parts.append(f"the last one on a machine {kind} than usual (removed)")
    return ", ".join(parts)
