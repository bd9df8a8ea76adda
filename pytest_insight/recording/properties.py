"""What `record_property` was given, as JSON; imported for a test that was given something."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import msgspec

from pytest_insight._util.text import is_too_deep
from pytest_insight.document.plain_json import plain_json
from pytest_insight.recording.redaction import Texts, text_of

_PLAIN = (str, bool, int, type(None))


def encoded(pairs: Iterable[Any], texts: Texts) -> bytes:
    """JSON of the pairs of name and value, without secrets, no text longer than allowed."""
    kept = []
    for pair in pairs:
        try:
            name, value = pair
        except (TypeError, ValueError):
            name, value = "", pair  # a plugin that keeps something else there
        kept.append((texts.hide(text_of(name)), texts.redacted(jsonable(value), texts.clean)))
    return plain_json(kept)


def jsonable(value: object) -> Any:
    """The value where JSON can hold it, else its repr: `record_property` takes anything."""
    if type(value) in _PLAIN or (type(value) is float and isfinite(value)):
        return value
    # Imported for what only few tests give. Not our records: they could not be made while a test
    # has put something else in the place of datetime.

    try:
        plain = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return text_of(value)
    return text_of(value) if is_too_deep(plain) else plain
