"""Decode text and JSON values from files of other programs."""

from __future__ import annotations

import codecs
import json
from typing import Any

from pytest_insight.errors import ExchangeError
from pytest_insight.limits import MAX_DIGITS, MAX_FREE_VALUES

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_utf8(data: bytes, source: str) -> bytes:
    """Return the bytes as UTF-8 without a byte order mark; unchanged if they have no mark.

    Raises:
        ExchangeError: the mark says UTF-16 or UTF-32, but the bytes are not.
    """
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as exc:
                raise ExchangeError(
                    f"{source} has a byte order mark of {encoding.upper()}, but is not: {exc}",
                    source,
                ) from exc
    return data


def load_json(text: str) -> Any:
    """Parse JSON as the standard library does: unlike msgspec it accepts NaN and lone surrogates.

    If an object has a key twice, the last one counts, as in most parsers. Two lists of sessions or
    of results in one object are refused: the sessions or results of the first would be lost.

    Raises:
        json.JSONDecodeError: not JSON.
        RecursionError: nested too deeply.
        ValueError: JSON, but with two such lists, too many values, or a number of too many digits.
    """
    # Every value except the first of its level follows a comma. Commas in strings count too.
    if text.count(",") > MAX_FREE_VALUES:
        raise ValueError(f"it has more than {MAX_FREE_VALUES:,} values; split it into sessions")
    return _DECODER.decode(text)


def second_list_error(name: str) -> ValueError:
    """Return the error for an object that has a list of this name twice."""
    return ValueError(f'one object has "{name}" twice; merge the two lists')


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        for name in ("sessions", "test_results"):
            if sum(key == name for key, _ in pairs) > 1:
                raise second_list_error(name)
    return value


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it has a whole number of more than {MAX_DIGITS} digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole_number)
