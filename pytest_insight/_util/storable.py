"""Text and values that every store can hold: no NUL, no lone surrogates, no deep nesting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_insight.limits import MAX_NESTING


def storable_text(text: str) -> str:
    r"""Return the text with NUL and lone surrogates as the escapes `\x00` and `\udc80`."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def storable_value(value: Any) -> Any:
    """Return a JSON value with `storable_text` applied to every text in it, keys included."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_value(key): storable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_value(item) for item in value]
    return value


def is_too_deep(value: Any) -> bool:
    """Return whether a JSON value is nested deeper than `MAX_NESTING`."""
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
