"""Parse JSON that other programs wrote, with limits on its size and numbers."""

from __future__ import annotations

import json
from typing import Any

from pytest_insight.limits import MAX_DIGITS, MAX_FREE_VALUES


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
