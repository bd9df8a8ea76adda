"""Styled text, and foreign text with its control characters escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Styled(NamedTuple):
    """A text in pieces, each with its Rich style ("" for none)."""

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.pieces)


def styled(*parts: str | Styled, style: str = "") -> Styled:
    """Concatenate parts; a plain string is made printable and gets the style."""
    pieces: list[tuple[str, str]] = []
    for part in parts:
        pieces += part.pieces if isinstance(part, Styled) else [(printable(part), style)]
    return Styled(tuple(pieces))


def joined(parts: Iterable[Styled], separator: str = ", ") -> Styled:
    """Join styled texts with an unstyled separator."""
    pieces: list[str | Styled] = []
    for part in parts:
        pieces += [separator, part] if pieces else [part]
    return styled(*pieces)


# Characters that a terminal interprets instead of showing them: C0 and C1 controls, DEL, and
# Unicode's bidirectional controls, which can make a text look like another one. And surrogates,
# which cannot be encoded.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, keep: str = "") -> str:
    """Return the text with control characters as escapes, except those in `keep`."""
    if text.isprintable():  # nearly always, and ten times as fast
        return text
    return _CONTROLS.sub(
        lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text
    )


def escape_json(text: str) -> str:
    """Return the same JSON with control characters as JSON escapes."""
    return _CONTROLS.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)
