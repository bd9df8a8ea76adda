"""Rows of runs and sparklines: pictures of one line."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_insight.analysis.matrix import LETTERS, OTHER, RECOVERED
from pytest_insight.analysis.runs import Run
from pytest_insight.cli.render.outcomes import OUTCOME_STYLES
from pytest_insight.cli.terminal.output import is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, joined, styled
from pytest_insight.models import TestOutcome

_MARKS = LETTERS | {"passed": "●", "failed": "✗"}
_BARS = "▁▂▃▄▅▆▇█"


def pictures_shown() -> bool:
    """Return whether stdout is a terminal that shows the characters of pictures."""
    return is_fancy() and shows_unicode()


def outcome_mark(outcome: TestOutcome, *, recovered: bool = False) -> Styled:
    """Return one character for an outcome, in its colour; a letter if there are no pictures."""
    if recovered:
        return styled(RECOVERED, style=OUTCOME_STYLES["rerun"])
    marks = _MARKS if pictures_shown() else LETTERS
    return styled(marks.get(outcome, OTHER), style=OUTCOME_STYLES.get(outcome, ""))


def run_row(runs: Sequence[Run], width: int) -> Styled:
    """Return a mark for each run, the newest last; the oldest are left out if there is no room."""
    shown = runs if len(runs) <= width else runs[len(runs) - width + 1 :]
    marks = [outcome_mark(run.outcome, recovered=run.is_recovered) for run in shown]
    if len(shown) < len(runs):
        marks.insert(0, styled("…" if pictures_shown() else "<", style="dim"))
    return joined(marks, "")


def sparkline(numbers: Sequence[float], width: int) -> str:
    """Return a bar for each number, from 0 to the greatest; empty if there are no pictures.

    Args:
        numbers: 0 or more each; the last ones if there is no room for all.
        width: the most characters.
    """
    if not pictures_shown() or not numbers:
        return ""
    shown = numbers[-width:]
    top = max(shown) or 1.0
    return "".join(_BARS[min(int(n / top * len(_BARS)), len(_BARS) - 1)] for n in shown)
