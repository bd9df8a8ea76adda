"""Texts about records, for people: in a `repr`, in a notebook, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pytest_insight._util.times import in_local_zone

_RANKS = {
    name: number
    for number, name in enumerate(
        ("failed", "error", "xpassed", "rerun", "passed", "skipped", "xfailed")
    )
}
"""The order of outcomes; those of other plugins come last."""

_DAY = 86_400
_UNITS = (
    *(("year", 365.25 * _DAY), ("month", 30.44 * _DAY), ("week", 7 * _DAY), ("day", _DAY)),
    *(("hour", 3_600), ("minute", 60)),
)
"""Units of ages with their length in seconds, the largest first."""


def printable(value: object) -> str:
    """Return its text, with lone surrogates escaped so that it can be printed."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def short_nodeid(nodeid: object) -> str:
    """Return the last part of a nodeid, with its parameters: "…::test_x[a::b]"."""
    head, bracket, parameters = str(nodeid).partition("[")
    _, separator, name = head.rpartition("::")
    return f"…::{name}{bracket}{parameters}" if separator else str(nodeid)


def counts_text(counts: Mapping[Any, int]) -> str:
    """Return the number of each outcome, failures first: "2 failed, 2 errors, 29 passed"."""
    return ", ".join(counted(name, counts[name]) for name in sorted(counts, key=outcome_rank))


def counted(outcome: str, count: int) -> str:
    """Return a count as in pytest's closing line: "2 failed", "2 errors"."""
    return plural(count, "error") if outcome == "error" else f"{count:,} {printable(outcome)}"


def outcome_rank(outcome: str) -> tuple[int, str]:
    """Return a sort key: failures first, outcomes of other plugins last, by name."""
    return _RANKS.get(outcome, len(_RANKS)), outcome


def duration_text(seconds: object) -> str:
    """Return a duration for people: "<1 ms", "12 ms", "0.25 s", "12.3 s", "2m05s", "1h02m"."""
    if not isinstance(seconds, int | float):  # not checked before the result is saved
        return repr(seconds)
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


def time_text(time: datetime) -> str:
    """Return a time in the local time zone, to the minute."""
    return in_local_zone(time).replace(tzinfo=None).isoformat(" ", "minutes")


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


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 session", "2,000 sessions"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def days_text(first: datetime, last: datetime) -> str:
    """Return the days from one time to another: "9-27 Nov 2026"."""
    if first.date() == last.date():
        return f"{last.day} {last:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}-{last.day} {last:%b %Y}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%b}{year} - {last.day} {last:%b %Y}"
