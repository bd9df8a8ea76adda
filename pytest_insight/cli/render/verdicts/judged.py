"""The line of each SUT above its verdicts: branch, number of sessions, what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_insight.analysis.output.description import judged_text, last_incident_text
from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.terminal.output import console, is_fancy, mark
from pytest_insight.cli.terminal.styled import Styled, styled, text_width

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts


def judged_lines(found: Verdicts, *, several: bool) -> Iterator[Styled]:
    """Yield a line for each SUT that has runs: "shop  main  16 runs in 18 days, 1 left out (...)".

    Args:
        found: the verdicts.
        several: whether to yield more than the first line.
    """
    judged = [each for each in found.judged if each.sessions]
    for each in judged if several else judged[:1]:
        branch = each.line.branch or each.branches
        head = styled(styled(each.sut, style="bold"), f"  {branch}" if branch else "", "  ")
        text = judged_text(each)
        if is_fancy():
            text = cut_end(text, console().width - text_width(str(head)), mark())
        yield styled(head, styled(text, style="dim"))


def incident_lines(found: Verdicts) -> Iterator[Styled]:
    """Yield a line for each SUT whose last run was left out: its failures make no verdicts."""
    for each in found.judged:
        if each.last_incident is not None:
            yield styled(styled(last_incident_text(each.last_incident), style="yellow"))
