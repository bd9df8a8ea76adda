"""Decode the JSON of other programs into structs, and check the values in it.

Fields that a struct does not have are skipped without being parsed. What is wrong is reported with
its place in the file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from pytest_insight._util.times import in_utc
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.quotes import quote_value
from pytest_insight.exchange.readers.shared.json_text import load_json

T = TypeVar("T")

_WRONG = re.compile(r"(?P<what>.*?)(?: - at `\$?(?P<place>.*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<types>[^`]*)`, got `(?P<found>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_NAMES = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "an object",
    "str": "a text",
}
"""The types in the messages of msgspec."""


class InvalidValueError(ValueError):
    """A value in a file that cannot be what it is; says where."""


@contextmanager
def located(source: str, title: str) -> Iterator[None]:
    """Raise mistakes as ExchangeError with the name of the file.

    Args:
        source: the file.
        title: what it should be: "a report of pytest-json-report".
    """
    try:
        yield
    except InvalidValueError as exc:
        raise ExchangeError(f"{source} cannot be read as {title}: {exc}", source) from exc


def decoder_for(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return the decoder for a struct; it takes numbers that are written as texts, too."""
    return msgspec.json.Decoder(kind, strict=False)


def decode(data: bytes, decoder: msgspec.json.Decoder[T], place: str = "") -> T:
    """Decode JSON; NaN and lone surrogates, which Python's json module writes, are accepted.

    Args:
        data: in UTF-8.
        decoder: from `decoder_for`.
        place: of the JSON in the file, for messages.

    Raises:
        InvalidValueError: not JSON, or not what the decoder is for.
    """
    before = f"{place}: " if place else ""
    try:
        try:
            return decoder.decode(data)
        except msgspec.ValidationError:
            raise
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.convert(load_json(data.decode()), decoder.type, strict=False)
    except msgspec.ValidationError as exc:
        raise InvalidValueError(before + _text(str(exc))) from exc
    except UnicodeDecodeError as exc:
        raise InvalidValueError(f"{before}it is not in UTF-8 (byte {exc.start + 1:,})") from exc
    except json.JSONDecodeError as exc:
        at = f"column {exc.colno:,}"
        if exc.lineno > 1 or not place:
            at = f"line {exc.lineno:,} {at}"
        cut = "; it seems to be cut short" if exc.pos >= len(exc.doc.rstrip()) else ""
        raise InvalidValueError(f"{before}it is not JSON: {exc.msg} in {at}{cut}") from exc
    except RecursionError as exc:
        raise InvalidValueError(f"{before}it is nested too deeply") from exc
    except ValueError as exc:  # too many values, or too many digits
        raise InvalidValueError(f"{before}{exc}") from exc


def _text(message: str) -> str:
    """Return a message of msgspec in plain words, the place first; as it is if it is unknown."""
    found = _WRONG.fullmatch(message)
    what, place = (found["what"], (found["place"] or "").lstrip(".")) if found else (message, "")
    place = place or "it"
    if wrong := _EXPECTED.fullmatch(what):
        types = [_NAMES.get(each, each) for each in wrong["types"].split(" | ") if each != "null"]
        return f"{place} must be {' or '.join(types)}, not {_NAMES.get(wrong['found'], 'that')}"
    if missing := _MISSING.fullmatch(what):
        return f"{place} has no {missing['name']!r}"
    return f"{place}: {what}"


def seconds(value: float | None, place: str) -> float:
    """Return a duration; 0 for None.

    Raises:
        InvalidValueError: it is negative or not finite.
    """
    if value is None:
        return 0.0
    if not math.isfinite(value) or value < 0:
        raise InvalidValueError(f"{place} must be zero or more, not {value}")
    return value


def moment(value: float, place: str) -> datetime:
    """Return the time that is given in seconds since 1970, in UTC.

    Raises:
        InvalidValueError: it is before 1970 or outside the calendar.
    """
    try:
        if value >= 0:
            return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        pass
    raise InvalidValueError(f"{place} must be a time in seconds since 1970, not {value}")


def iso_time(value: str, place: str) -> datetime:
    """Return a time in ISO 8601; naive if it has no offset.

    Raises:
        InvalidValueError: it is not one.
    """
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        raise InvalidValueError(
            f"{place} must be an ISO 8601 time, not {quote_value(value)}"
        ) from None
    return time if time.tzinfo is None else in_utc(time)


def pairs(value: Any) -> tuple[tuple[str, Any], ...]:
    """Return properties as pairs of name and value: of a list of pairs or objects, or an object."""
    if isinstance(value, dict):
        return tuple(value.items())
    found: list[tuple[str, Any]] = []
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            found += item.items()
        elif isinstance(item, list | tuple) and len(item) == 2:
            found.append((str(item[0]), item[1]))
        else:
            found.append(("", item))
    return tuple(found)
