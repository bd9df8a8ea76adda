"""Outcomes for people: in their colours, counted, sorted, as text and as a bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_insight.cli.render.fit import bar
from pytest_insight.cli.terminal.output import is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, joined, styled
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.models.text import counted, outcome_rank
from pytest_insight.summaries import ended_badly

BAR_WIDTH = 12

OUTCOME_STYLES = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
    "xfailed": "yellow",
    "xpassed": "magenta",
    "rerun": "cyan",
}

_MARKS = {
    **{"passed": "✓", "failed": "✗", "error": "E", "skipped": "s"},
    **{"xfailed": "x", "xpassed": "X", "rerun": "R"},
}
_LETTERS = _MARKS | {"passed": "P", "failed": "F"}
"""Those of pytest's option `-r`, if the terminal does not show the marks."""


def outcome_text(outcome: str, text: str | None = None) -> Styled:
    """Return an outcome, or a text about it, in its colour."""
    return styled(text or outcome, style=OUTCOME_STYLES.get(outcome, ""))


def outcomes_text(*sessions: TestSession) -> Styled:
    """Return the counts by outcome: "2 failed, 198 passed".

    If no test failed, and the run did not pass, it begins with why: "crashed", "exit status 1".
    """
    counts = counts_text(total_counts(sessions))
    why = "crashed" if any(session.crashed for session in sessions) else _exit_text(sessions)
    return joined([outcome_text(TestOutcome.ERROR, why), counts]) if why else counts


def _exit_text(sessions: Sequence[TestSession]) -> str:
    """Return the first exit status that is bad though no test failed."""
    if any(map(bad_count, sessions)):
        return ""
    return next((f"exit status {s.exit_status}" for s in sessions if is_red(s)), "")


def status_text(sessions: Sequence[TestSession]) -> Styled:
    """Return whether a run passed, as a mark in its colour: a word without UTF-8."""
    if any(session.crashed for session in sessions):
        word, mark, style = "crashed", "✗", "red"
    elif any(map(is_red, sessions)):
        word, mark, style = "failed", "✗", "red"
    elif any(session.test_results for session in sessions):
        word, mark, style = "passed", "✓", "green"
    else:
        word, mark, style = "no tests", "-", "dim"
    return styled(mark if is_fancy() and shows_unicode() else word, style=style)


def status_mark(session: TestSession) -> Styled:
    """Return `status_text` of a session in one character."""
    if is_red(session):
        return styled(_marks()["failed"], style="red")
    return styled(_marks()["passed"], style="green") if session.test_results else styled("-")


def _marks() -> dict[str, str]:
    return _MARKS if is_fancy() and shows_unicode() else _LETTERS


def brief_outcomes(session: TestSession) -> Styled:
    """Return `outcomes_text` of a session, with a mark for each outcome: "✗2 E1 ✓198"."""
    marks = _marks()
    why = "crashed" if session.crashed else _exit_text([session])
    parts = [outcome_text(TestOutcome.ERROR, why)] if why else []
    for outcome, count in sorted_counts(session.outcome_counts):
        mark = marks.get(outcome, f"{outcome} ")
        parts.append(outcome_text(outcome, f"{mark}{count:,}"))
    return joined(parts, " ") if parts else styled("no results", style="dim")


def counts_text(counts: Mapping[TestOutcome, int]) -> Styled:
    """Return counts by outcome, failures first: "2 failed, 1 error, 198 passed"."""
    parts = [outcome_text(outcome, counted(outcome, n)) for outcome, n in sorted_counts(counts)]
    return joined(parts) if parts else styled("no results", style="dim")


def sorted_counts(counts: Mapping[TestOutcome, int]) -> list[tuple[TestOutcome, int]]:
    """Return counts sorted by `outcome_rank`."""
    return sorted(counts.items(), key=lambda item: outcome_rank(item[0]))


def total_counts(sessions: Iterable[TestSession]) -> Counter[TestOutcome]:
    """Return the counts of several sessions together."""
    total: Counter[TestOutcome] = Counter()
    for session in sessions:
        total.update(session.outcome_counts)
    return total


def test_count(session: TestSession) -> int:
    """Return how many tests have results: a test that is run again has several."""
    return len({result.nodeid for result in session.test_results})


def is_red(session: TestSession) -> bool:
    """Return whether a result failed or had an error, a session crashed, or it ended badly."""
    ended = bool(session.test_results) and ended_badly(session)
    return session.crashed or bad_count(session) > 0 or ended


def green_text(sessions: Iterable[TestSession]) -> str:
    """Return how many sessions passed: "9 of 12 green (75%)"; those without results do not count.

    Empty if none counts.
    """
    return green_share(
        [is_red(session) for session in sessions if session.test_results or session.crashed]
    )


def green_share(red: Sequence[bool]) -> str:
    """Return how many of some sessions are not red; empty without sessions."""
    green = len(red) - sum(red)
    return f"{green:,} of {len(red):,} green ({green / len(red):.0%})" if red else ""


def bad_count(session: TestSession) -> int:
    """Return how many results failed or had an error."""
    counts = session.outcome_counts
    return counts.get(TestOutcome.FAILED, 0) + counts.get(TestOutcome.ERROR, 0)


def outcome_bar(session: TestSession) -> Styled:
    """Return the counts as a bar in their colours."""
    counts = [
        (OUTCOME_STYLES.get(outcome, ""), count)
        for outcome, count in sorted_counts(session.outcome_counts)
    ]
    return bar(counts, BAR_WIDTH)
