"""What every store can hold: texts without NUL and lone surrogates, values not nested too deep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MAX_NESTING = 100
"""Levels of lists and objects in `testing_system` and `properties`.

More could be written and then not be read from code that itself stands deep in the stack.
"""


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates written as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def cleaned(value: Any) -> Any:
    """A JSON value with all texts in it, keys too, as `clean_text` has them."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than `MAX_NESTING`."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
