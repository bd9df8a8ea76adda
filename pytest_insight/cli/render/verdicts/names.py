"""Verdicts for a terminal: their names in colour, and arrows that it can show."""

from __future__ import annotations

from pytest_insight.analysis import values as v
from pytest_insight.analysis.output import description
from pytest_insight.analysis.values import Verdict
from pytest_insight.cli.terminal.output import is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, styled

_STYLES = {
    v.BROKEN: "red",
    v.NEW_FAILURE: "bold red",
    v.FLAKY: "magenta",
    v.SUSPECT: "yellow",
    v.UNSTABLE_XFAIL: "yellow",
    v.FIXED: "green",
    v.SLOWER: "yellow",
    v.FASTER: "green",
}


def verdict_text(verdict: Verdict) -> Styled:
    """Return the name of a verdict in its colour."""
    style = _STYLES.get(verdict.verdict, "")
    if verdict.verdict == v.NEW_TEST and verdict.bad:
        style = _STYLES[v.NEW_FAILURE]
    return styled(verdict.verdict, style=style)


def evidence_text(verdict: Verdict) -> str:
    """Return the evidence in a few words; see `description.evidence_text`."""
    return description.evidence_text(verdict, arrow())


def arrow() -> str:
    """Return an arrow to the right."""
    return "→" if is_fancy() and shows_unicode() else "->"
