"""Tables: fitted to a terminal, or as aligned lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_insight.cli.render.fit import (
    GAP,
    LEAST,
    Need,
    cut_end,
    folded,
    shortened,
    widest_part,
    widths,
)
from pytest_insight.cli.render.nodeids import (
    INDENT,
    common_directory,
    fit_nodeid,
    without_most_parameters,
)
from pytest_insight.cli.terminal.output import console, is_fancy, mark, rich_text, shows_unicode
from pytest_insight.cli.terminal.styled import LINE_BREAK, Styled, joined, styled, text_width

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


NAME_SHARE, MOST_NAME = 0.75, 100
"""Before spare columns are shown, nodeids get this share of the width, up to that many columns."""

LEAST_MESSAGE = 40
"""The width below which a message is a line below its row's name."""


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        header: its heading.
        show: returns the cell of a record.
        justify: "right" for numbers.
        fit: what happens on a terminal that is too narrow. "never": nothing, cells are short.
            "fold": cells are broken into lines. "shorten": their middle is cut out. "copy": as
            "never" up to half of the width, because it is there to be copied; else as "fold".
            "nodeid": the name of the row, for which spare columns make room; then the directory
            that all have in common goes into the header, and each is cut as in `nodeids`.
            "message": the end is cut; its last piece is left out first if there are several. If
            there is little room, it is a line below the name of the row. It is left out if all
            cells are empty.
        room: it is left out on narrower terminals.
        spare: above 0, it is left out if other columns would get less, and if all its cells are
            empty; the highest number goes first, and of equal ones the last column.
        only: where it is shown: on a terminal, in a pipe, or with colours; "" for everywhere.
        total: returns its footer on a terminal.
    """

    header: str
    show: Callable[[Any], str | Styled]
    justify: Literal["left", "right"] = "left"
    fit: Literal["never", "fold", "shorten", "copy", "nodeid", "message"] = "never"
    room: int = 0
    spare: int = 0
    only: Literal["", "terminal", "pipe", "colour"] = ""
    total: Callable[[], str | Styled] | None = None


def print_table(
    columns: Sequence[Column],
    records: Sequence[Any],
    caption: str | Styled = "",
    *,
    wide: bool = False,
) -> None:
    """Print a table on stdout.

    Args:
        columns: its columns.
        records: its rows.
        caption: printed below it on a terminal only.
        wide: whether its lines may be wider than the terminal.
    """
    if not is_fancy():
        _print_aligned([_fill(c, records) for c in columns if c.only in ("", "pipe")])
        return
    terminal = console()
    shown = {"", "terminal"}
    if terminal.color_system and not terminal.no_color and shows_unicode():
        shown.add("colour")
    parts = [_fill(column, records) for column in columns if column.only in shown]
    if wide:
        terminal.width = max(terminal.width, sum(part.width + GAP for part in parts))
    terminal.print(_table(parts, terminal))
    if str(caption) and sys.stdout.isatty():
        terminal.print(rich_text(styled(caption, style="dim")))


class _Part(NamedTuple):
    """A column with its cells."""

    column: Column
    cells: list[Styled]
    total: Styled

    @property
    def width(self) -> int:
        texts = [self.column.header, str(self.total), *map(str, self.cells)]
        return max(map(text_width, texts))

    def needed(self, available: int) -> int:
        """Return the width below which spare columns make room for it."""
        need = self.need(available)
        return need.least if self.column.fit in ("nodeid", "message") else need.natural

    @property
    def can_be_left_out(self) -> bool:
        return self.column.spare > 0 or self.column.fit == "message"

    @property
    def is_empty(self) -> bool:
        return not any(map(str, self.cells))

    def need(self, available: int) -> Need:
        """Return the room that it needs in a table of some width."""
        width, fit = self.width, self.column.fit
        if fit == "nodeid":
            names = max(text_width(without_most_parameters(str(cell))) for cell in self.cells)
            return Need(width, min(names, int(available * NAME_SHARE), MOST_NAME), yields=True)
        if fit == "message":
            return Need(width, min(width, LEAST_MESSAGE))
        if fit == "shorten" or (fit == "copy" and width > available // 2):
            return Need(width, min(width, LEAST))
        if fit == "fold":
            widest = max(widest_part(str(text)) for text in (*self.cells, self.total))
            least = max(min(widest, 2 * LEAST), text_width(self.column.header))
            return Need(width, min(width, max(least, available // 4)))
        return Need(width, width)


def _fill(column: Column, records: Sequence[Any]) -> _Part:
    total = styled(column.total()) if column.total and is_fancy() else styled("")
    return _Part(column, [styled(column.show(record)) for record in records], total)


def _print_aligned(parts: Sequence[_Part]) -> None:
    """Print for a program or a file: one line per record, nothing folded, no colour, no Rich."""
    columns = []
    for part in parts:
        if part.can_be_left_out and part.is_empty:
            continue
        texts = [part.column.header, *map(str, part.cells)]
        widest = max(map(text_width, texts))
        spaces = [" " * (widest - text_width(text)) for text in texts]
        right = part.column.justify == "right"
        columns.append([s + t if right else t + s for t, s in zip(texts, spaces, strict=True)])
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _chosen(parts: Sequence[_Part], width: int) -> tuple[list[_Part], _Part | None]:
    """Return the columns that fit, and the message that is a line below the name instead."""
    needed = [
        (part, part.needed(width))
        for part in parts
        if width >= part.column.room and not (part.can_be_left_out and part.is_empty)
    ]
    found, fits = _without_spare(needed, width)
    message = next((part for part in found if part.column.fit == "message"), None)
    if message is None or fits:
        return found, None
    return _without_spare([each for each in needed if each[0] is not message], width)[0], message


def _without_spare(needed: Sequence[tuple[_Part, int]], width: int) -> tuple[list[_Part], bool]:
    """Return columns without the spare ones that have no room, and whether the others fit.

    Args:
        needed: columns, each with the width below which spare ones go.
        width: the width of the table.
    """
    total = sum(least + GAP for _, least in needed) - GAP
    left_out = set()
    for index in sorted(range(len(needed)), key=lambda index: needed[index][0].column.spare)[::-1]:
        part, least = needed[index]
        if part.column.spare and total > width:
            left_out.add(index)
            total -= least + GAP
    return [p for index, (p, _) in enumerate(needed) if index not in left_out], total <= width


def _table(parts: Sequence[_Part], terminal: Console) -> Table:
    from rich import box
    from rich.table import Table

    shown, message = _chosen(parts, terminal.width)
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, GAP - 1, 0, 0),  # the box adds one more space
        show_edge=False,
        pad_edge=False,
        show_footer=any(str(part.total) for part in shown),
        footer_style="dim",
    )
    needs = [part.need(terminal.width) for part in shown]
    if message:
        below = message.width + len(INDENT)
        needs = [
            need._replace(natural=max(need.natural, below)) if part.column.fit == "nodeid" else need
            for part, need in zip(shown, needs, strict=True)
        ]
    cells = []
    for whole, width in zip(shown, widths(needs, terminal.width), strict=True):
        part = whole if whole.column.fit != "nodeid" else _fit_nodeids(whole, width, message)
        table.add_column(
            rich_text(folded(styled(part.column.header), width)),
            footer=rich_text(folded(part.total, width)),
            justify=part.column.justify,
            overflow="fold",
            width=width,
        )
        cells.append([rich_text(_fit(cell, part.column, width)) for cell in part.cells])
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _fit_nodeids(part: _Part, width: int, message: _Part | None) -> _Part:
    """Return a column of nodeids with cells that fit, each with its message below it."""
    names = [str(cell) for cell in part.cells]
    header = part.column.header
    shared = common_directory(names) if part.width > width else ""
    if shared:
        header = f"{header} in {shared}"
        names = [name.removeprefix(shared) for name in names]
    below = message.cells if message else [styled("")] * len(names)
    cells = []
    for name, text in zip(names, below, strict=True):
        lines = [styled(line) for line in fit_nodeid(name, width, mark())]
        if str(text):
            lines.append(styled(INDENT, _fit_message(text, width - len(INDENT))))
        cells.append(joined(lines, LINE_BREAK))
    return part._replace(column=part.column._replace(header=header), cells=cells)


def _fit(cell: Styled, column: Column, width: int) -> Styled:
    if column.fit == "shorten":
        return shortened(cell, width, mark())
    if column.fit == "message":
        return _fit_message(cell, width)
    return folded(cell, width) if column.fit in ("fold", "copy") else cell


def _fit_message(cell: Styled, width: int) -> Styled:
    if text_width(str(cell)) <= width:
        return cell
    text, style = cell.pieces[0]
    return styled(cut_end(text, width, mark()), style=style)
