"""JSON of plain values by Python's own encoder.

For what must not cost importing msgspec, which takes a recorded run longer than encoding thousands
of its lines. What comes out is what `document.encode_clean` makes of the same values.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

from pytest_insight._util.text import clean_text, cleaned

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def text_json(text: str) -> bytes:
    """JSON of a text, cleaned."""
    if not text.isascii() or "\0" in text:
        text = clean_text(text)
    return encode_basestring(text).encode()


def plain_json(value: Any) -> bytes:
    """JSON of texts, finite numbers, booleans, None, lists and dictionaries; texts are cleaned.

    Raises:
        TypeError, ValueError: something else is in it.
    """
    return _encode(cleaned(value)).encode()
