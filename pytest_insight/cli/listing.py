"""Listings: the same columns as a table on a terminal, as aligned lines in a pipe, as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
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
        spare: left out on a terminal of fewer than `WIDE_TERMINAL` columns, where others would have
            to be folded for it, and where it is empty in every row.
    """

    header: str
    show: Callable[[Any], str | Styled]
    justify: Literal["left", "right"] = "left"
    whole: bool = False
    unbroken: bool = False
    spare: bool = False


class Newest(NamedTuple):
    """The newest records of a listing.

    Attributes:
        records: they.
        more: whether there are others.
    """

    records: list[Any]
    more: bool

    def __str__(self) -> str:
        return "; there are more: --limit 0 shows all" if self.more else ""


def newest(
    records: Iterable[Any], limit: int | None, format_: ListFormat, *, usual: int = 20
) -> Newest:
    """The first records of an iteration that begins with the newest.

    Without a limit a table has the usual number, which fits a screen, and JSON has everything: a
    program that is not told of a limit takes what it gets for all there is.
    """
    if limit is None:
        limit = usual if format_ is ListFormat.TABLE else 0
    if not limit:
        return Newest(list(records), more=False)
    found = list(islice(records, limit + 1))
    return Newest(found[:limit], more=len(found) > limit)


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
    """Records as a table or as a JSON list; none print `[]`, or for people a sentence on stderr.

    Args:
        records: the rows.
        columns: what a table shows of them.
        format_: table or JSON.
        as_json: what JSON shows of one.
        caption: under a table on a terminal.
        nothing: the sentence where there are no records.
    """
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
        widest = max(widths)
        blanks = [" " * (widest - width) for width in widths]
        right = part.column.justify == "right"
        columns.append([b + t if right else t + b for t, b in zip(texts, blanks, strict=True)])
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _table(shown: Sequence[_Cells], terminal: Console) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for part in _fitting(shown, terminal.width):
        column, widest = part.column, part.width
        folds = column.whole or (column.unbroken and widest > terminal.width // 2)
        table.add_column(
            column.header,
            justify=column.justify,
            overflow="fold",
            no_wrap=not folds,
            min_width=MIN_FOLDED if folds else widest,
        )
    for row in zip(*(part.cells for part in _fitting(shown, terminal.width)), strict=True):
        table.add_row(*map(rich_text, row))
    return table


def _fitting(shown: Sequence[_Cells], width: int) -> list[_Cells]:
    """The columns without the spare ones that there is no room for, the last ones first."""
    fitting = list(shown)
    for part in reversed(shown):
        needed = sum(each.width + 1 for each in fitting)
        if part.column.spare and (width < WIDE_TERMINAL or needed > width):
            fitting.remove(part)
    return fitting


def _width(cell: Styled) -> int:
    """Columns that a terminal needs for it: two for a character of East Asian scripts."""
    text = str(cell)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
