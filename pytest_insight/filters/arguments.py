"""Checks of query arguments, made when a step is taken: each returns the value or says no."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import get_args

from pytest_insight._util.text import clean_text
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import TextField
from pytest_insight.models import TestOutcome

TEXT_FIELDS: tuple[str, ...] = get_args(TextField)


def text(what: str, value: object) -> str:
    """A text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentError(f"the {what} must be a text that is not blank: {value!r}")
    return clean_text(value)  # as stores keep it: a folder's name may be no UTF-8


def number(what: str, value: object) -> float:
    """A finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgumentError(f"{what} must be a number, not {value!r}")
    try:
        found = float(value)
    except OverflowError:
        raise InvalidArgumentError(f"{what} must be a smaller number") from None
    if not math.isfinite(found) or found < 0:
        raise InvalidArgumentError(f"{what} must be zero or more, not {value!r}")
    return value


def whole(what: str, value: object, *, at_least: int) -> int:
    """A whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise InvalidArgumentError(
            f"the {what} must be a whole number of at least {at_least}, not {value!r}"
        )
    return value


_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def span(what: str, value: str) -> float:
    """Seconds of a span of time as people write it: "90d", "12h", "1.5w", "30m", "10s"."""
    found = _SPAN.fullmatch(value)
    if found is None:
        raise InvalidArgumentError(
            f"{what} is a number with s, m, h, d or w behind it, as in 90d or 12h, not {value!r}"
        )
    return float(found[1]) * _SECONDS[found[2]]


_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*")


def moment(what: str, value: str, *, end: bool = False) -> datetime:
    """A moment as people write it: "90d" (so long ago), or a date or time of ISO 8601.

    Args:
        what: its name, for messages.
        value: without an offset it is in the local time zone.
        end: whether a date alone means its end, not its beginning.
    """
    if _SPAN.fullmatch(value):
        try:
            return datetime.now(UTC) - timedelta(seconds=span(what, value))
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)  # longer ago than the calendar goes
    try:
        found = datetime.fromisoformat(value.strip())
        if end and _DATE.fullmatch(value):
            found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # also the year 1 or 9999, where the offset leads out
        raise InvalidArgumentError(
            f"{what} is a span like 90d or 12h, or a time like 2026-11-01 or 2026-11-01T08:30, "
            f"not {value!r}"
        ) from None


def flag(what: str, value: object) -> bool:
    """True or False, and nothing that merely resembles them."""
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{what} must be True or False, not {value!r}")
    return value


def time(what: str, value: object) -> datetime:
    """A time with an offset: a naive one could mean any of 26 hours."""
    if not isinstance(value, datetime):
        raise InvalidArgumentError(f"the {what} must be a datetime, not {value!r}")
    if value.tzinfo is None:
        raise InvalidArgumentError(
            f"the {what} {value} has no time zone: say which, as in "
            f"datetime({value.year}, {value.month}, {value.day}, tzinfo=timezone.utc)"
        )
    return value


def commit(value: object) -> str:
    """The beginning of a commit's hash."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{4,64}", value):
        raise InvalidArgumentError(
            f"a commit is named by 4 or more hexadecimal digits of its hash, not {value!r}"
        )
    return value


def outcomes(values: Iterable[object]) -> frozenset[TestOutcome]:
    """One or more outcomes, in any case; names of other plugins' outcomes are allowed."""
    found: set[TestOutcome] = set()
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise InvalidArgumentError(f"an outcome is a name like 'failed', not {value!r}")
        known = TestOutcome(value.strip().lower())
        found.add(known if known in list(TestOutcome) else TestOutcome(clean_text(value)))
    if not found:
        raise InvalidArgumentError("name at least one outcome")
    return frozenset(found)


def text_field(value: object) -> TextField:
    """A field that a pattern can be looked for in."""
    if value not in TEXT_FIELDS:
        raise InvalidArgumentError(
            f"the field must be one of {', '.join(TEXT_FIELDS)}, not {value!r}"
        )
    return value  # type: ignore[return-value]  # one of the Literal's values, as just checked


def regex(value: str) -> str:
    """A regular expression that compiles."""
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as exc:
        raise InvalidArgumentError(f"{value!r} is not a regular expression: {exc}") from exc
    return value
