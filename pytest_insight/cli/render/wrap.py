"""Long lines on a terminal: folded between words, and the rest of a line indented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from pytest_insight.cli.terminal.output import console, is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, joined, shown, text_width

_START = re.compile(r"[E>]?\s*")


def line_width() -> int | None:
    """Return the width to which lines are folded; None if stdout is not a terminal."""
    return console().width if is_fancy() else None


def wrapped(line: str, width: int | None) -> list[str]:
    """Return a line in pieces that fit; later ones are indented by two more than the line.

    A word that is wider is left whole: the terminal folds it, and it can be copied.
    """
    line = shown(line)
    if width is None or text_width(line) <= width:
        return [line]
    start = _START.match(line)
    indent = min(start.end() if start else 0, width // 2) + 2
    wrapper = TextWrapper(
        width,
        subsequent_indent=" " * indent,
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(line)


def flow(
    parts: Iterable[Styled], width: int | None, separator: str | None = None
) -> Iterator[Styled]:
    """Yield lines of parts with separators between them, as many on a line as fit."""
    if separator is None:
        separator = " · " if shows_unicode() else "; "
    line: list[Styled] = []
    used = 0
    for part in parts:
        needed = text_width(str(part))
        if line and width is not None and used + len(separator) + needed > width:
            yield joined(line, separator)
            line, used = [], 0
        used += needed + (len(separator) if line else 0)
        line.append(part)
    if line:
        yield joined(line, separator)
