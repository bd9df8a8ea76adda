"""Listings: the same columns as a table on a terminal, as aligned lines in a pipe, as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_insight.cli.options import ListFormat
from pytest_insight.cli.output import console, is_fancy, print_json, rich_text, say
from pytest_insight.cli.text import Styled, styled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE_TERMINAL = 120
MIN_FOLDED = 8


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        header: its heading.
        show: a record to what stands in the cell.
        justify: numbers stand on the right.
        whole: may be long: folded where the terminal is too narrow, never shortened.
        unbroken: not folded either, as long as that leaves half the width: it is there to be
            copied.
        spare: left out on a terminal of fewer than `WIDE_TERMINAL` columns, and where it is empty
            in every row.
    """

    header: str
    show: Callable[[Any], str | Styled]
    justify: Literal["left", "right"] = "left"
    whole: bool = False
    unbroken: bool = False
    spare: bool = False


class _Cells(NamedTuple):
    """A column with what it shows."""

    column: Column
    cells: list[Styled]

    @property
    def width(self) -> int:
        return max([len(self.column.header), *(_width(cell) for cell in self.cells)])


def print_listing(
    records: Sequence[Any],
    columns: Sequence[Column],
    format_: ListFormat,
    *,
    as_json: Callable[[Any], object],
    caption: str,
    nothing: str,
) -> None:
    """Records as a table or as a JSON list; none print `[]`, or for people a sentence on stderr."""
    if format_ is ListFormat.JSON:
        print_json([as_json(record) for record in records])
    elif records:
        print_table(columns, records, caption)
    else:
        say(nothing)


def print_table(columns: Sequence[Column], records: Sequence[Any], caption: str = "") -> None:
    """A table on stdout; on a terminal its caption says where the records are from."""
    shown = [_Cells(c, [styled(c.show(record)) for record in records]) for c in columns]
    shown = [s for s in shown if not s.column.spare or any(map(str, s.cells))]
    if not is_fancy():
        _print_aligned(shown)
        return
    terminal = console()
    terminal.print(_table(shown, terminal))
    if caption and sys.stdout.isatty():
        terminal.print(rich_text(styled(caption, style="dim")))


def _print_aligned(shown: Sequence[_Cells]) -> None:
    """For a program or a file: one line a record, nothing folded, no colour, no Rich to import."""
    columns = []
    for part in shown:
        texts = [part.column.header, *map(str, part.cells)]
        widths = [len(part.column.header), *map(_width, part.cells)]
        blanks = [" " * (max(widths) - width) for width in widths]
        right = part.column.justify == "right"
        columns.append([b + t if right else t + b for t, b in zip(texts, blanks, strict=True)])
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _table(shown: Sequence[_Cells], terminal: Console) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    if terminal.width < WIDE_TERMINAL:
        shown = [part for part in shown if not part.column.spare]
    for part in shown:
        column, widest = part.column, part.width
        folds = column.whole or (column.unbroken and widest > terminal.width // 2)
        table.add_column(
            column.header,
            justify=column.justify,
            overflow="fold",
            no_wrap=not folds,
            min_width=MIN_FOLDED if folds else widest,
        )
    for row in zip(*(part.cells for part in shown), strict=True):
        table.add_row(*map(rich_text, row))
    return table


def _width(cell: Styled) -> int:
    """Columns that a terminal needs for it: two for a character of East Asian scripts."""
    text = str(cell)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
