"""Tables: fitted to a terminal, or as aligned lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_insight.cli.render.fit import GAP, Need, folded, shortened, text_width, widths
from pytest_insight.cli.terminal.output import console, is_fancy, rich_text, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, styled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        header: its heading.
        show: returns the cell of a record.
        justify: "right" for numbers.
        fit: what happens on a terminal that is too narrow. "never": nothing, cells are short.
            "fold": cells are broken into lines. "shorten": their middle is cut out. "copy": as
            "never" up to half of the width, because it is there to be copied; else as "fold".
        room: it is left out on narrower terminals.
        spare: it is left out if other columns would get less, and if all its cells are empty.
        only: where it is shown: on a terminal, in a pipe, or with colours; "" for everywhere.
        total: returns its footer on a terminal.
    """

    header: str
    show: Callable[[Any], str | Styled]
    justify: Literal["left", "right"] = "left"
    fit: Literal["never", "fold", "shorten", "copy"] = "never"
    room: int = 0
    spare: bool = False
    only: Literal["", "terminal", "pipe", "colour"] = ""
    total: Callable[[], str | Styled] | None = None


def print_table(columns: Sequence[Column], records: Sequence[Any], caption: str = "") -> None:
    """Print a table on stdout; the caption appears on a terminal only."""
    if not is_fancy():
        _print_aligned([_fill(c, records) for c in columns if c.only in ("", "pipe")])
        return
    terminal = console()
    shown = {"", "terminal"}
    if terminal.color_system and not terminal.no_color and shows_unicode():
        shown.add("colour")
    parts = [_fill(column, records) for column in columns if column.only in shown]
    terminal.print(_table(_with_room(parts, terminal.width), terminal))
    if caption and sys.stdout.isatty():
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

    @property
    def is_empty(self) -> bool:
        return not any(map(str, self.cells))


def _fill(column: Column, records: Sequence[Any]) -> _Part:
    total = styled(column.total()) if column.total and is_fancy() else styled("")
    return _Part(column, [styled(column.show(record)) for record in records], total)


def _print_aligned(parts: Sequence[_Part]) -> None:
    """Print for a program or a file: one line per record, nothing folded, no colour, no Rich."""
    columns = []
    for part in parts:
        if part.column.spare and part.is_empty:
            continue
        texts = [part.column.header, *map(str, part.cells)]
        widest = max(map(text_width, texts))
        spaces = [" " * (widest - text_width(text)) for text in texts]
        right = part.column.justify == "right"
        columns.append([s + t if right else t + s for t, s in zip(texts, spaces, strict=True)])
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _with_room(parts: Sequence[_Part], width: int) -> list[_Part]:
    """Return the columns that fit; spare columns are left out from the end."""
    fitting = [
        part
        for part in parts
        if width >= part.column.room and not (part.column.spare and part.is_empty)
    ]
    for part in reversed(fitting[:]):
        needed = sum(each.width + GAP for each in fitting) - GAP
        if part.column.spare and needed > width:
            fitting.remove(part)
    return fitting


def _table(parts: Sequence[_Part], terminal: Console) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, GAP - 1, 0, 0),  # the box adds one more space
        show_edge=False,
        pad_edge=False,
        show_footer=any(str(part.total) for part in parts),
        footer_style="dim",
    )
    needs = [Need(part.width, _is_flexible(part, terminal.width)) for part in parts]
    cells = []
    for part, width in zip(parts, widths(needs, terminal.width), strict=True):
        table.add_column(
            part.column.header,
            footer=rich_text(_fit(part.total, part.column, width)),
            justify=part.column.justify,
            overflow="fold",
            width=width,
        )
        cells.append([rich_text(_fit(cell, part.column, width)) for cell in part.cells])
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _is_flexible(part: _Part, width: int) -> bool:
    fit = part.column.fit
    return fit in ("fold", "shorten") or (fit == "copy" and part.width > width // 2)


def _fit(cell: Styled, column: Column, width: int) -> Styled:
    if column.fit == "shorten":
        return shortened(cell, width, "…" if shows_unicode() else "...")
    return folded(cell, width) if column.fit == "fold" else cell
