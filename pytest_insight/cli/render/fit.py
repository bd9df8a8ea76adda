"""How a table fits a terminal: which columns it has room for, how wide each is, what is shortened.

Pure functions over texts and widths. Widths are columns of a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pytest_insight.cli.render.text import Styled, styled

GAP = 2
"""Blanks between columns."""

LEAST = 8
"""The least width of a column that is folded or shortened; below, a table is too wide."""

_BREAKS = re.compile(r"(?<=, )|(?<=[/\\])")


class Need(NamedTuple):
    """What one column needs.

    Attributes:
        natural: the width of its widest cell.
        flexible: whether it may have less.
    """

    natural: int
    flexible: bool


def widths(needs: Sequence[Need], available: int) -> list[int]:
    """The width of each column, so that they and the gaps between them fit what is available.

    The flexible ones share what the others leave; a narrow one gets all it needs, and what it does
    not need goes to the wider ones.
    """
    left = available - GAP * (len(needs) - 1)
    left -= sum(need.natural for need in needs if not need.flexible)
    open_ = sorted(
        (index for index, need in enumerate(needs) if need.flexible),
        key=lambda index: needs[index].natural,
    )
    found = [need.natural for need in needs]
    for done, index in enumerate(open_):
        share = left // (len(open_) - done)
        found[index] = min(needs[index].natural, max(share, LEAST))
        left -= found[index]
    return found


def shortened(text: Styled, width: int, mark: str = "…") -> Styled:
    """The text in at most that width: what is too much is cut out of its middle.

    A nodeid says most at its ends: the folder, and the test with its parameters.
    """
    whole = str(text)
    if text_width(whole) <= width:
        return text
    room = max(width - len(mark), 0)
    head = _fitting(whole, room // 3)
    tail = _fitting(whole[::-1], room - text_width(head))[::-1]
    return styled(head, mark, tail, style=text.pieces[0][1])


def folded(text: Styled, width: int) -> Styled:
    """The text with line breaks after commas and slashes, so that its lines fit the width.

    What has none of these in a whole line is left as it is, for the table to fold anywhere.
    """
    if text_width(str(text)) <= width:
        return text
    # Places in the whole text: what stands together may be several pieces, each in its style.
    breaks = []
    start = at = 0
    for part in _BREAKS.split(str(text)):
        # The blank at a line's end needs no room.
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
    """Counts as a bar; each that is not zero is at least one character long.

    Args:
        counts: the style and the number of each part, in order.
        width: of the bar; nothing to count gives an empty one.
        character: what it is made of.
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


def text_width(text: str) -> int:
    """Columns that a terminal needs for it: two for a character of East Asian scripts."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fitting(text: str, width: int) -> str:
    """The longest beginning that fits the width."""
    if text.isascii():
        return text[:width]
    end = used = 0
    for character in text:
        used += text_width(character)
        if used > width:
            break
        end += 1
    return text[:end]
