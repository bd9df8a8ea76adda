"""Values as text for people: outcomes, durations, ages, times and counts."""

from __future__ import annotations

from datetime import datetime

from pytest_insight._util.times import in_local_zone
from pytest_insight.cli.terminal.styled import Styled, styled

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


def duration_text(seconds: float) -> str:
    """Return a duration for people: "<1 ms", "12 ms", "0.25 s", "12.3 s", "2m05s", "1h02m"."""
    if seconds < 0.0005:
        return "<1 ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds >= 3.6e9:
        return f"{seconds / 3600:.0e}h"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


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


def time_text(time: datetime) -> str:
    """Return a time in the local time zone, to the minute."""
    return in_local_zone(time).replace(tzinfo=None).isoformat(" ", "minutes")


def plural(count: int, word: str) -> str:
    """Return a count with its noun: "1 session", "2 sessions"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
