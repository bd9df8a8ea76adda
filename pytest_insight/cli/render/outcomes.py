"""Outcomes of a session for people: counted, in order, as text and as a bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pytest_insight.cli.render.fit import bar
from pytest_insight.cli.render.text import (
    OUTCOME_STYLES,
    Styled,
    joined,
    outcome_text,
    plural,
    styled,
)
from pytest_insight.models import TestOutcome, TestSession

BAR_WIDTH = 12


def outcomes_text(session: TestSession) -> Styled:
    """The counts by outcome, the bad ones first: "2 failed, 198 passed"; and whether it crashed."""
    counts = counts_text(session.outcome_counts)
    if session.crashed:
        return joined([outcome_text(TestOutcome.ERROR, "crashed"), counts])
    return counts


def counts_text(counts: Mapping[TestOutcome, int]) -> Styled:
    """Counts by outcome, the bad ones first: "2 failed, 1 error, 198 passed"."""
    parts = [
        outcome_text(outcome, _counted(outcome, count)) for outcome, count in sorted_counts(counts)
    ]
    return joined(parts) if parts else styled("no tests", style="dim")


def _counted(outcome: str, count: int) -> str:
    """As pytest's closing line says it: "2 failed", "2 errors"."""
    return plural(count, "error") if outcome == TestOutcome.ERROR else f"{count:,} {outcome}"


_ORDER = ["failed", "error", "xpassed", "rerun", "passed", "skipped", "xfailed"]


def outcome_place(outcome: TestOutcome) -> tuple[int, str]:
    """Sorts outcomes: the bad ones first, those of other plugins last, by name."""
    return (_ORDER.index(outcome) if outcome in _ORDER else len(_ORDER), outcome)


def sorted_counts(counts: Mapping[TestOutcome, int]) -> list[tuple[TestOutcome, int]]:
    """Counts in that order."""
    return sorted(counts.items(), key=lambda item: outcome_place(item[0]))


def added_up(sessions: Iterable[TestSession]) -> Counter[TestOutcome]:
    """The counts of several sessions together."""
    total: Counter[TestOutcome] = Counter()
    for session in sessions:
        total.update(session.outcome_counts)
    return total


def bad_count(session: TestSession) -> int:
    """How many results failed, in the test or around it."""
    counts = session.outcome_counts
    return counts.get(TestOutcome.FAILED, 0) + counts.get(TestOutcome.ERROR, 0)


def outcome_bar(session: TestSession) -> Styled:
    """The counts as a bar in their colours."""
    counts = [
        (OUTCOME_STYLES.get(outcome, ""), count)
        for outcome, count in sorted_counts(session.outcome_counts)
    ]
    return bar(counts, BAR_WIDTH)
