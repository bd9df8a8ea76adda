"""Arithmetic with times that may be at the ends of the calendar: the years 1 and 9999."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
_OUTSIDE = (OverflowError, ValueError, OSError)
"""What Python raises for a time outside the calendar, or outside the system's time functions."""


def in_utc(time: datetime) -> datetime:
    """Return a time in UTC; one outside the calendar there becomes its first or last moment.

    A naive time is in the local time zone.
    """
    try:
        return time.astimezone(UTC)
    except _OUTSIDE:
        return FIRST if time.year == FIRST.year else LAST


def in_local_zone(time: datetime) -> datetime:
    """Return a time in the local time zone, or in UTC if it is outside the calendar there."""
    try:
        return time.astimezone()
    except _OUTSIDE:
        return in_utc(time)


def later(time: datetime, seconds: float) -> datetime:
    """Return the time some seconds after another one, in UTC; at most the calendar's last moment.

    Args:
        time: aware.
        seconds: not negative.
    """
    try:
        return in_utc(time) + timedelta(seconds=seconds)
    except OverflowError:
        return LAST


def earlier(time: datetime, seconds: float) -> datetime:
    """Return the time some seconds before another one; at least the calendar's first moment.

    Args:
        time: in UTC.
        seconds: not negative.
    """
    try:
        return time - timedelta(seconds=seconds)
    except OverflowError:
        return FIRST
