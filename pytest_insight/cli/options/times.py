"""Times on the command line, as git takes them: an age, a day, a date, a time, or a commit."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, time, timedelta, tzinfo

from pytest_insight._util.git import find_revision
from pytest_insight._util.times import earlier, in_utc
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import arguments

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = ("today", "yesterday", *WEEKDAYS)

_AGE = re.compile(
    r"(?P<count>\d{1,6}|an?|last)[ .]+(?P<unit>second|minute|hour|day|week|month|year)s?"
    r"(?:[ .]+ago)?"
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "year": 12}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment(what: str, value: str, *, end: bool = False, zone: tzinfo | None = None) -> datetime:
    """Return the time that an option means, in UTC.

    Args:
        what: the name of the option, for messages.
        value: an age ("90d", "3 hours ago"), a day ("yesterday", "monday": the last one before
            today), an ISO 8601 date or time, or what git calls a commit, which is the time of the
            commit.
        end: a day or date means its end, not its beginning.
        zone: the time zone of days, and of times without an offset; None for the local one.

    Raises:
        InvalidArgumentError: it is no time, and git knows no such commit.
    """
    found = parse_time(value, datetime.now().astimezone(zone), end=end, zone=zone)
    if found is not None:
        return found
    revision = find_revision(value)
    if revision is not None:
        return revision.time
    raise InvalidArgumentError(
        f"{what} must be an age like 90d or '3 hours ago', a day like yesterday or monday, a time "
        f"like 2026-11-01 or 2026-11-01T08:30, or a commit or tag that git knows in this folder, "
        f"not {value!r}"
    )


def parse_time(
    value: str, now: datetime, *, end: bool = False, zone: tzinfo | None = None
) -> datetime | None:
    """Return the time that a text means; None if it is not one, but perhaps a commit.

    Args:
        value: as for `moment`.
        now: the current time, in that zone.
        end: as for `moment`.
        zone: as for `moment`.
    """
    text = " ".join(value.lower().split())
    if text == "now":
        return now.astimezone(UTC)
    day = _day(text, now)
    if day is not None:
        return in_utc(datetime.combine(day, time.max if end else time.min, zone))
    age = _AGE.fullmatch(text)
    if age is not None:
        count = int(age["count"]) if age["count"].isdigit() else 1
        return _ago(count, age["unit"], now)
    try:
        return earlier(now.astimezone(UTC), arguments.span("", text))
    except InvalidArgumentError:
        pass
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if end and _DATE.fullmatch(text):
        found = datetime.combine(found, time.max)
    return in_utc(found.replace(tzinfo=found.tzinfo or zone))


def _day(text: str, now: datetime) -> datetime | None:
    name = text.removeprefix("last ")
    back = {"today": 0, "yesterday": 1}.get(text)
    for number, weekday in enumerate(WEEKDAYS):
        if name in (weekday, weekday[:3]):
            back = (now.weekday() - number) % 7 or 7
    return None if back is None else now - timedelta(days=back)


def _ago(count: int, unit: str, now: datetime) -> datetime:
    """Return the time before now; months and years are those of the calendar."""
    if unit in _SECONDS:
        return earlier(now.astimezone(UTC), count * _SECONDS[unit])
    year, month = divmod(now.year * 12 + now.month - 1 - count * _MONTHS[unit], 12)
    if year < 1:
        return datetime.min.replace(tzinfo=UTC)
    day = min(now.day, monthrange(year, month + 1)[1])
    return in_utc(now.replace(year=year, month=month + 1, day=day, tzinfo=None))
