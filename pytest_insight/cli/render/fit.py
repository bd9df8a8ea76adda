"""Fit a table into a terminal: the width of each column, shortened and folded texts.

Pure functions; all widths are columns of a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from pytest_insight.cli.terminal.styled import Styled, styled, text_width

GAP = 2
"""The spaces between columns."""

LEAST = 8
"""The minimum width of a flexible column; if there is less room, the table is too wide."""

_ESCAPE = r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)"
"""How a control character, or one that stdout cannot encode, is printed (`styled`)."""

_BREAKS = r"(?<=, )|(?<=[/\\])"


class Need(NamedTuple):
    """The room that a column needs.

    Attributes:
        natural: the width of its widest cell.
        least: the width below which it should not get; less than `natural` if it is flexible.
        yields: whether it gets still less if the others would not fit, down to `LEAST`.
    """

    natural: int
    least: int
    yields: bool = False


def widths(needs: Sequence[Need], available: int) -> list[int]:
    """Return the width of each column, so that all of them with their gaps fit if possible.

    What is left after the least widths is shared: a column that is short of little gets all it
    needs, and what it leaves goes to the others.
    """
    left = available - GAP * (len(needs) - 1) - sum(need.least for need in needs)
    found = [need.least for need in needs]
    for index, need in enumerate(needs):
        if left < 0 and need.yields:
            found[index] = max(need.least + left, min(need.least, LEAST))
            left += need.least - found[index]
    short = sorted(
        (index for index, need in enumerate(needs) if need.natural > found[index]),
        key=lambda index: needs[index].natural - found[index],
    )
    for done, index in enumerate(short):
        share = max(left, 0) // (len(short) - done)
        given = min(needs[index].natural - found[index], share)
        found[index] += given
        left -= given
    return found


def shortened(text: Styled, width: int, mark: str = "…") -> Styled:
    """Return the text with its middle cut out if it is wider."""
    whole = str(text)
    if text_width(whole) <= width:
        return text
    return styled(cut_middle(whole, width, mark), style=text.pieces[0][1])


def cut_middle(text: str, width: int, mark: str) -> str:
    """Return a text with its middle cut out if it is wider; most is kept of its end."""
    if text_width(text) <= width:
        return text
    room = max(width - len(mark), 0)
    head = _prefix(text, room // 3)
    return head + mark + _suffix(text, room - text_width(head))


def cut_end(text: str, width: int, mark: str) -> str:
    """Return a text without its end if it is wider."""
    if text_width(text) <= width:
        return text
    return _prefix(text, max(width - len(mark), 0)).rstrip() + mark


def widest_part(text: str) -> int:
    """Return the width of the widest part that `folded` keeps in one line."""
    return max(text_width(part.rstrip()) for part in re.split(_BREAKS, text))


def folded(text: Styled, width: int) -> Styled:
    """Return the text with line breaks after commas and slashes, so that its lines fit.

    A line without commas and slashes stays too wide; the table folds it anywhere.
    """
    if text_width(str(text)) <= width:
        return text
    # Positions in the whole text: a part may consist of several pieces with a style each.
    breaks = []
    start = at = 0
    for part in re.split(_BREAKS, str(text)):
        # A space at the end of a line needs no room.
        if at and at + text_width(part.rstrip()) > width:
            breaks.append(start)
            at = 0
        start += len(part)
        at += text_width(part)
    pieces: list[tuple[str, str]] = []
    start = 0
    for piece, style in text.pieces:
        cuts = [cut - start for cut in breaks if start <= cut < start + len(piece)]
        for begin, end in pairwise(sorted({0, *cuts, len(piece)})):
            if begin in cuts:
                pieces.append(("\n", ""))
            pieces.append((piece[begin:end], style))
        start += len(piece)
    return Styled(tuple(pieces))


def bar(counts: Sequence[tuple[str, int]], width: int, character: str = "━") -> Styled:
    """Return counts as a bar; each count above zero is at least one character long.

    Args:
        counts: the style and the number of each part, in order; no counts give an empty bar.
        width: the length of the bar.
        character: the character it consists of.
    """
    total = sum(count for _, count in counts)
    if not total:
        return styled("")
    lengths = [max(round(count * width / total), 1) if count else 0 for _, count in counts]
    while sum(lengths) > width:
        lengths[lengths.index(max(lengths))] -= 1
    lengths[lengths.index(max(lengths))] += width - sum(lengths)
    styles = (style for style, _ in counts)
    return Styled(
        tuple((character * n, style) for n, style in zip(lengths, styles, strict=True) if n)
    )


def _prefix(text: str, width: int) -> str:
    """Return the longest prefix that fits and ends with no part of an escape."""
    end = _fitting(text, width)
    return text[: next((each.start() for each in _escapes(text, end)), end)]


def _suffix(text: str, width: int) -> str:
    """Return the longest suffix that fits and begins with no part of an escape."""
    start = len(text) - _fitting(text[::-1], width)
    return text[next((each.end() for each in _escapes(text, start)), start) :]


def _escapes(text: str, at: int) -> Iterator[re.Match[str]]:
    """Yield the escape in which a position is, if it is in one."""
    if "\\" in text:
        yield from (each for each in re.finditer(_ESCAPE, text) if each.start() < at < each.end())


def _fitting(text: str, width: int) -> int:
    """Return how many characters fit."""
    if text.isascii():
        return min(width, len(text))
    end = used = 0
    for character in text:
        used += text_width(character)
        if used > width:
            break
        end += 1
    return end
