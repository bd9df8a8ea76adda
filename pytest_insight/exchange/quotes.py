"""Quote values and names from files in messages: short, printable, on one line."""

from __future__ import annotations

import reprlib

from pytest_insight._util.storable import storable_text
from pytest_insight.limits import MAX_TEXT_SHOWN

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = MAX_TEXT_SHOWN


def quote_value(value: object) -> str:
    """Return a value for a message; of a list or an object only that it is one."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return _REPR.repr(value)


def quote_name(name: str) -> str:
    """Return a field's name for a message: quoted only if it is long or not printable."""
    is_plain = name.isprintable() and 0 < len(name) <= MAX_TEXT_SHOWN
    return name if is_plain else quote_value(storable_text(name))
