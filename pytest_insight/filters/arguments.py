"""Checks of arguments: each function returns the value or raises `InvalidArgumentError`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import get_args

from pytest_insight._util.printable import quoted
from pytest_insight._util.storable import storable_text
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters.keywords import parse
from pytest_insight.filters.results import TextField
from pytest_insight.models import Phase, TestOutcome

TEXT_FIELDS: tuple[str, ...] = get_args(TextField)
PHASES: tuple[str, ...] = get_args(Phase)


def text(what: str, value: object) -> str:
    """Return a string that is not blank, with the escapes that stores keep it with."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentError(f"the {what} must be a string that is not blank, not {value!r}")
    return storable_text(value)  # for instance the name of a folder that is not valid UTF-8


def number(what: str, value: object) -> float:
    """Return a finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgumentError(f"{what} must be a number, not {value!r}")
    try:
        found = float(value)
    except OverflowError:
        raise InvalidArgumentError(f"{what} must be less than 1e308") from None
    if not math.isfinite(found) or found < 0:
        raise InvalidArgumentError(f"{what} must be zero or more, not {value!r}")
    return value


def whole(what: str, value: object, *, at_least: int) -> int:
    """Return an integer that is not less than `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise InvalidArgumentError(
            f"{what} must be a whole number of {at_least} or more, not {value!r}"
        )
    return value


def instances(what: str, kind: type, values: Iterable[object]) -> None:
    """Raise InvalidArgumentError if a value is not an instance of the type."""
    for value in values:
        if not isinstance(value, kind):
            raise InvalidArgumentError(f"a {what} must be a {kind.__name__}, not {value!r}")


_SPAN = re.compile(r"\s*(\d+(?:\.\d{1,9})?)\s*([smhdw])\s*")
MAX_DIGITS = 9
"""Of a period; it is longer than the calendar in any unit but seconds."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def span(what: str, value: str) -> float:
    """Return the seconds of a period: "90d", "12h", "1.5w", "30m", "10s"."""
    found = _SPAN.fullmatch(value)
    if found is None:
        raise InvalidArgumentError(
            f"{what} must be a number followed by s, m, h, d or w, as in 90d or 12h, not {value!r}"
        )
    if len(found[1].partition(".")[0]) > MAX_DIGITS:
        raise InvalidArgumentError(
            f"{what} must have at most {MAX_DIGITS} digits, as in 90d, not {quoted(value)}"
        )
    return float(found[1]) * _SECONDS[found[2]]


def flag(what: str, value: object) -> bool:
    """Return True or False; no other value is taken for one of them."""
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{what} must be True or False, not {value!r}")
    return value


def time(what: str, value: object) -> datetime:
    """Return a time with a time zone, in UTC."""
    if not isinstance(value, datetime):
        raise InvalidArgumentError(f"the {what} must be a datetime, not {value!r}")
    if value.tzinfo is None:
        raise InvalidArgumentError(
            f"the {what} {value} has no time zone; add one, as in "
            f"datetime({value.year}, {value.month}, {value.day}, tzinfo=timezone.utc)"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidArgumentError(f"the {what} {value} is outside the calendar in UTC") from None


def commit(value: object) -> str:
    """Return the hash of a commit, or a prefix of at least 4 digits."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{4,64}", value):
        raise InvalidArgumentError(
            f"a commit must be 4 or more hexadecimal digits of its hash, not {value!r}"
        )
    return value


def outcomes(values: Iterable[object]) -> frozenset[TestOutcome]:
    """Return at least one outcome; pytest's in any case, those of other plugins as they are."""
    found: set[TestOutcome] = set()
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise InvalidArgumentError(f"an outcome must be a name like 'failed', not {value!r}")
        known = TestOutcome(value.strip().lower())
        found.add(known if known in list(TestOutcome) else TestOutcome(storable_text(value)))
    if not found:
        raise InvalidArgumentError("give at least one outcome")
    return frozenset(found)


def text_field(value: object) -> TextField:
    """Return the name of a field that `PatternMatches` can search."""
    if value not in TEXT_FIELDS:
        raise InvalidArgumentError(
            f"the field must be one of {', '.join(TEXT_FIELDS)}, not {value!r}"
        )
    return value  # type: ignore[return-value]  # one of the Literal's values, as just checked


def phase(value: object) -> Phase:
    """Return a phase of a test."""
    if value not in PHASES:
        raise InvalidArgumentError(f"the phase must be one of {', '.join(PHASES)}, not {value!r}")
    return value  # type: ignore[return-value]  # one of the Literal's values, as just checked


def regex(value: str) -> str:
    """Return a regular expression that compiles."""
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as exc:
        raise InvalidArgumentError(f"{quoted(value)} is not a regular expression: {exc}") from exc
    return value


def keywords(value: object) -> str:
    """Return an expression of names, as for `pytest -k`."""
    expression = text("keyword expression", value)
    parse(expression)
    return expression


def places(values: Iterable[object]) -> tuple[str, ...]:
    """Return nodeids, classes, files and folders, without a slash at the end."""
    found = tuple(text("nodeid", value).removeprefix("./").rstrip("/") for value in values)
    if not found or not all(found):
        raise InvalidArgumentError("give at least one nodeid, file or folder")
    return found
