"""Values as text for people: outcomes, durations, ages, times and counts."""

from __future__ import annotations

from datetime import datetime

from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models.text import plural

OUTCOME_STYLES = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
    "xfailed": "yellow",
    "xpassed": "magenta",
    "rerun": "cyan",
}


def outcome_text(outcome: str, text: str | None = None) -> Styled:
    """Return an outcome, or a text about it, in its colour."""
    return styled(text or outcome, style=OUTCOME_STYLES.get(outcome, ""))


_DAY = 86_400
_UNITS = (
    *(("year", 365.25 * _DAY), ("month", 30.44 * _DAY), ("week", 7 * _DAY), ("day", _DAY)),
    *(("hour", 3_600), ("minute", 60)),
)
"""Units of ages with their length in seconds, the largest first."""


def ago_text(time: datetime, now: datetime) -> str:
    """Return an age in words: "3 days ago", "1 hour ago", "just now".

    Weeks, months and years are counted from 2 on: "13 days ago" says more than "1 week ago".
    """
    seconds = (now - time).total_seconds()
    if seconds < 0:
        return "in the future"
    for unit, length in _UNITS:
        if seconds >= length * (2 if length > _DAY else 1):
            return f"{plural(int(seconds / length), unit)} ago"
    return "just now"
