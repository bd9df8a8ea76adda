"""Values as text for people: outcomes, durations, times and counts."""

from __future__ import annotations

import re
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


_UNITS = (
    *(("year", 365.25 * 86_400), ("week", 7 * 86_400), ("day", 86_400), ("hour", 3_600)),
    ("minute", 60),
)
"""Units of ages with their length in seconds, the largest first."""


def age_text(time: datetime, now: datetime) -> str:
    """Return an age in the largest unit that gives at least 2: "45s", "90m", "3h", "13d"."""
    seconds = (now - time).total_seconds()
    if seconds < 0:
        return "ahead"  # of our clock
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{int(seconds / length)}{unit[0]}"
    return f"{int(seconds)}s"


def ago_text(time: datetime, now: datetime) -> str:
    """Return an age in words: "3 days ago", "1 hour ago", "just now"."""
    seconds = (now - time).total_seconds()
    if seconds < 0:
        return "in the future"
    for unit, length in _UNITS:
        if seconds >= length * (2 if unit == "week" else 1):
            return f"{plural(int(seconds / length), unit)} ago"
    return "just now"


def time_text(time: datetime) -> str:
    """Return a time in the local time zone, to the minute."""
    return in_local_zone(time).replace(tzinfo=None).isoformat(" ", "minutes")


_SOURCE = re.compile(r"@|(async )?def |class ")


def failure_lines(text: str) -> list[str]:
    """Return the lines of a failure's text as pytest prints them.

    pytest removes the indentation of the first line from `longreprtext`; source code is indented by
    four spaces (`FormattedExcinfo` in its `_code`).
    """
    lines = text.expandtabs().splitlines()
    if lines and _SOURCE.match(lines[0]):
        lines[0] = f"    {lines[0]}"
    return lines


def plural(count: int, word: str) -> str:
    """Return a count with its noun: "1 session", "2 sessions"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
