"""What a report says of a comparison, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.analysis.comparison.description import (
    counts,
    environment_text,
    notes,
    pace_text,
    rates_text,
    runs_text,
)

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import Side, TestChange


class Words(NamedTuple):
    """A comparison in words.

    Attributes:
        base: what was compared with.
        head: what was compared.
        counts: how many tests have each change.
        notes: what was left out of it, and how machines and installations differ.
    """

    base: str
    head: str
    counts: tuple[str, ...]
    notes: tuple[str, ...]


def words_of(comparison: Comparison) -> Words:
    """Return a comparison in words."""
    said = [f"incident: {each.why}" for each in comparison.incidents]
    said += [f"unfinished: {each}" for each in comparison.unfinished]
    said += notes(comparison)
    if comparison.environment:
        said.append(f"environment: {environment_text(comparison)}")
    return Words(
        f"{_side(comparison.base)} ({runs_text(comparison.base)})",
        _side(comparison.head),
        tuple(text for _, text in counts(comparison)),
        tuple(said),
    )


def detail_of(change: TestChange) -> str:
    """Return why a test changed, in a few words; empty if there is nothing more to say."""
    parts = [change.detail]
    if change.rates is not None:
        parts.append(rates_text(change.rates))
    if change.pace is not None:
        parts.append(pace_text(change.pace))
    return ", ".join(dict.fromkeys(filter(None, parts)))


def _side(side: Side) -> str:
    return f"{side.title}{' + local changes' if side.has_changes else ''}"
