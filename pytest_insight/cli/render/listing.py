"""Listings: the same records as a table on a terminal, as lines in a pipe, as JSON, as CSV."""

from __future__ import annotations

import csv
import heapq
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_insight.cli.options.common import FindFormat, ListFormat
from pytest_insight.cli.render.fit import GAP, Need, folded, shortened, text_width, widths
from pytest_insight.cli.render.text import Styled, styled
from pytest_insight.cli.terminal.output import (
    console,
    is_fancy,
    print_json,
    rich_text,
    say,
    shows_unicode,
    write_bytes,
)
from pytest_insight.cli.terminal.streams import stdout_errors_told

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        header: its heading.
        show: a record to what stands in the cell.
        justify: numbers stand on the right.
        fit: what a terminal that is too narrow does with it. "never": nothing, it is short.
            "fold": over several lines. "shorten": its middle is left out. "copy": nothing, as long
            as it takes no more than half the width, for it is there to be copied; else "fold".
        room: a terminal of fewer columns does not show it.
        spare: left out where others would have less for it, and where it is empty in every row.
        only: where it is shown at all: on a terminal, in a pipe, or where colour is seen.
        total: what stands under it on a terminal.
    """

    header: str
    show: Callable[[Any], str | Styled]
    justify: Literal["left", "right"] = "left"
    fit: Literal["never", "fold", "shorten", "copy"] = "never"
    room: int = 0
    spare: bool = False
    only: Literal["", "terminal", "pipe", "colour"] = ""
    total: Callable[[], str | Styled] | None = None


class Listed(NamedTuple):
    """The records of a listing.

    Attributes:
        records: they.
        more: whether there are others.
    """

    records: list[Any]
    more: bool

    def __str__(self) -> str:
        return "; there are more: --limit 0 shows all" if self.more else ""


class Order(NamedTuple):
    """How records are sorted.

    Attributes:
        key: what a record is sorted by.
        falling: whether the greatest comes first.
    """

    key: Callable[[Any], Any]
    falling: bool = False


def listed(
    records: Iterable[Any],
    limit: int | None,
    format_: ListFormat | FindFormat,
    order: Order | None = None,
    *,
    usual: int = 20,
) -> Listed:
    """The first records of an iteration.

    Without a limit a table has the usual number, which fits a screen, and the other formats have
    everything: a program that is not told of a limit takes what it gets for all there is.

    Args:
        records: in the order in which they are listed without one.
        limit: at most so many; 0 for all, None for what is usual.
        format_: as what they are printed.
        order: how they are sorted; equals stay in the order they came in.
        usual: how many a table has.
    """
    if limit is None:
        limit = usual if format_ == ListFormat.TABLE else 0
    if not limit:
        found = list(records)
        if order:
            found.sort(key=order.key, reverse=order.falling)
        return Listed(found, more=False)
    if order is None:
        found = list(islice(records, limit + 1))
    else:
        first = heapq.nlargest if order.falling else heapq.nsmallest
        found = first(limit + 1, records, key=order.key)
    return Listed(found[:limit], more=len(found) > limit)


@stdout_errors_told()  # a reader that has gone ends the listing, not what the command does next
def print_listing(
    found: Listed,
    columns: Sequence[Column],
    format_: ListFormat | FindFormat,
    *,
    fields: Sequence[str],
    as_json: Callable[[Any], dict[str, Any]],
    caption: str,
    nothing: Callable[[], str],
) -> None:
    """Records in one of the formats. None print valid empty output, or for people a sentence.

    Args:
        found: the records.
        columns: what a table shows of them.
        format_: what to print; of a `FindFormat` everything but the nodeids.
        fields: what CSV has of them: keys of what `as_json` gives.
        as_json: what JSON has of one.
        caption: under a table on a terminal.
        nothing: the sentence where there are no records.
    """
    if format_ == ListFormat.JSON:
        print_json([as_json(record) for record in found.records])
    elif format_ == ListFormat.CSV:
        print_csv(fields, map(as_json, found.records))
    elif found.records:
        print_table(columns, found.records, f"{caption}{found}")
    else:
        say(nothing())
    if found.more and not (format_ == ListFormat.TABLE and sys.stdout.isatty()):
        say(f"these are the first {len(found.records)}{found}")


def print_csv(fields: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Rows under a header on stdout, cells as in CSV exports: no spreadsheet runs them."""
    from pytest_insight.exchange.writers.csv import format_cell

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows([format_cell(row.get(field)) for field in fields] for row in rows)
    write_bytes(text.getvalue().encode())


def print_table(columns: Sequence[Column], records: Sequence[Any], caption: str = "") -> None:
    """A table on stdout; on a terminal its caption says where the records are from."""
    if not is_fancy():
        _print_aligned([_filled(c, records) for c in columns if c.only in ("", "pipe")])
        return
    terminal = console()
    seen = {"", "terminal"}
    if terminal.color_system and not terminal.no_color and shows_unicode():
        seen.add("colour")
    parts = [_filled(column, records) for column in columns if column.only in seen]
    terminal.print(_table(_with_room(parts, terminal.width), terminal))
    if caption and sys.stdout.isatty():
        terminal.print(rich_text(styled(caption, style="dim")))


class _Part(NamedTuple):
    """A column with what it shows."""

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


def _filled(column: Column, records: Sequence[Any]) -> _Part:
    total = styled(column.total()) if column.total and is_fancy() else styled("")
    return _Part(column, [styled(column.show(record)) for record in records], total)


def _print_aligned(parts: Sequence[_Part]) -> None:
    """For a program or a file: one line a record, nothing folded, no colour, no Rich to import."""
    columns = []
    for part in parts:
        if part.column.spare and part.is_empty:
            continue
        texts = [part.column.header, *map(str, part.cells)]
        widest = max(map(text_width, texts))
        blanks = [" " * (widest - text_width(text)) for text in texts]
        right = part.column.justify == "right"
        columns.append([b + t if right else t + b for t, b in zip(texts, blanks, strict=True)])
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _with_room(parts: Sequence[_Part], width: int) -> list[_Part]:
    """The columns that there is room for; of the spare ones those at the end go first."""
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
        padding=(0, GAP - 1, 0, 0),  # and one blank from the box
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
            footer=rich_text(_fitted(part.total, part.column, width)),
            justify=part.column.justify,
            overflow="fold",
            width=width,
        )
        cells.append([rich_text(_fitted(cell, part.column, width)) for cell in part.cells])
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _is_flexible(part: _Part, width: int) -> bool:
    fit = part.column.fit
    return fit in ("fold", "shorten") or (fit == "copy" and part.width > width // 2)


def _fitted(cell: Styled, column: Column, width: int) -> Styled:
    if column.fit == "shorten":
        return shortened(cell, width, "…" if shows_unicode() else "...")
    return folded(cell, width) if column.fit == "fold" else cell
