"""Escape the characters in foreign text that a terminal would act on."""

from __future__ import annotations

import re

from pytest_insight.limits import MAX_TEXT_SHOWN

# Characters that a terminal interprets instead of showing them: C0 and C1 controls, DEL, and
# Unicode's bidirectional controls, which can make a text look like another one. And surrogates,
# which cannot be encoded.
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str, keep: str = "") -> str:
    """Return the text with control characters as Python escapes, except those in `keep`."""
    if text.isprintable():  # nearly always, and ten times as fast
        return text
    return re.sub(
        _CONTROLS,
        lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"),
        text,
    )


def escape_json(text: str) -> str:
    """Return the same JSON with control characters as JSON escapes."""
    return re.sub(_CONTROLS, lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)


def quoted(text: str) -> str:
    """Return a text in quotes for a message; a long one without its end."""
    return repr(text if len(text) <= MAX_TEXT_SHOWN else f"{text[: MAX_TEXT_SHOWN - 3]}...")
