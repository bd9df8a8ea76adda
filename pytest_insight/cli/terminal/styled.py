"""Styled text; foreign text in it has its control characters escaped."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight._util.printable import printable


class Styled(NamedTuple):
    """A text in pieces, each with its Rich style ("" for none)."""

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.pieces)


LINE_BREAK = Styled((("\n", ""),))
"""A line break, which `styled` would escape."""


def styled(*parts: str | Styled, style: str = "") -> Styled:
    """Concatenate parts; a plain string is made printable and gets the style."""
    pieces: list[tuple[str, str]] = []
    for part in parts:
        pieces += part.pieces if isinstance(part, Styled) else [(shown(part), style)]
    return Styled(tuple(pieces))


def shown(text: str) -> str:
    """Return a text as stdout shows it: what it cannot encode is escaped, as are controls.

    stdout would escape it itself (`streams`), but only after columns were aligned.
    """
    text = printable(text)
    if text.isascii():
        return text
    encoding = sys.stdout.encoding
    return text.encode(encoding, "backslashreplace").decode(encoding)


def joined(parts: Iterable[Styled], separator: str | Styled = ", ") -> Styled:
    """Join styled texts with a separator; a plain string gets no style."""
    pieces: list[str | Styled] = []
    for part in parts:
        pieces += [separator, part] if pieces else [part]
    return styled(*pieces)


def text_width(text: str) -> int:
    """Return the columns that a text takes: two for a character of East Asian scripts."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
