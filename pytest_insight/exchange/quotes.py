"""Text from outside: its encoding on the way in, and how problems quote what they found."""

from __future__ import annotations

import codecs
import json
import reprlib
from typing import Any

from pytest_insight._util.text import clean_text
from pytest_insight.document.codec import MOST_VALUES
from pytest_insight.errors import ExchangeError

_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

TWICE = 'one object has "{}" twice: make one list of them'
"""Of two lists of sessions or results, taking the last would lose the first."""

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 80


class TooManyValuesError(ValueError):
    """A JSON text would take too much memory; see `MOST_VALUES`."""


def as_utf8(data: bytes, source: str) -> bytes:
    """The bytes in UTF-8 without a byte order mark, where they begin with one; else as they are.

    Raises:
        ExchangeError: the mark promises UTF-16 or UTF-32, and the rest is not.
    """
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as exc:
                raise ExchangeError(
                    f"{source} begins as {encoding.upper()}, but is not: {exc}", source
                ) from exc
    return data


def shown(value: object) -> str:
    """A value of a file, short and on one line, for a message."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return _REPR.repr(value)


def shown_name(name: str) -> str:
    """A field's name as it stands, quoted where it is long or would disturb the line."""
    return name if name.isprintable() and 0 < len(name) <= 80 else shown(clean_text(name))


def json_mistake(exc: Exception) -> str:
    """Why the standard library could not read a JSON text, for people."""
    if isinstance(exc, RecursionError):
        return "it is nested too deeply"
    if isinstance(exc, json.JSONDecodeError):
        cut = exc.msg.startswith("Unterminated") or exc.pos >= len(exc.doc.rstrip())
        return f"{exc}{'; it seems to be cut short' if cut and exc.doc.strip() else ''}"
    if "integer string conversion" in str(exc):
        return "it holds a whole number of more than 4300 digits"
    return str(exc)


def load_json(data: bytes | str) -> Any:
    """A JSON text, read by the standard library: NaN and lone surrogates too, unlike msgspec.

    Where an object has a key twice the last one counts, as with every reader. Only two lists of
    sessions or of results in one object are refused: taking the last would lose the first.

    Raises:
        ValueError: not JSON; `json_mistake` says why.
        TooManyValuesError: it was not looked at.
        RecursionError: nested too deeply.
    """
    # Each value but the first of each level has a comma before it. Those in texts count too.
    if (data.count(b",") if isinstance(data, bytes) else data.count(",")) > MOST_VALUES:
        raise TooManyValuesError(
            f"it holds more than {MOST_VALUES:,} values, which only sessions may that are written "
            "as pytest-insight writes them"
        )
    return json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        for name in ("sessions", "test_results"):
            if sum(key == name for key, _ in pairs) > 1:
                raise ValueError(TWICE.format(name))
    return value
