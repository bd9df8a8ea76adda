"""Lists of records, in each format: a table, JSON or CSV."""

from __future__ import annotations

import csv
import heapq
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

from pytest_insight.cli.render.formats import AnyFormat, ListFormat
from pytest_insight.cli.render.table import Column, print_table
from pytest_insight.cli.render.values import plural
from pytest_insight.cli.terminal.output import data_output, print_json, say
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported


class Records(NamedTuple):
    """The records that are printed.

    Attributes:
        shown: the records.
        more: whether there are others, which the limit has cut off.
    """

    shown: list[Any]
    more: bool

    @property
    def hint(self) -> str:
        """How to see the others, if there are any."""
        return "; there are more: --limit 0 shows all" if self.more else ""


class Chosen(NamedTuple):
    """Fields of records that somebody has chosen.

    Attributes:
        names: their names.
        value: returns a field of a record, given its name.
    """

    names: Sequence[str]
    value: Callable[[Any, str], Any]

    def as_json(self, record: Any) -> dict[str, Any]:
        """Return the fields of a record, also those that have their default."""
        return {name: msgspec.to_builtins(self.value(record, name)) for name in self.names}

    def columns(self) -> list[Column]:
        """Return the columns of a table."""
        return [
            Column(name, partial(self._cell, name=name), fit=_FITS.get(name, "fold"))
            for name in self.names
        ]

    def print(self, records: Sequence[Any], format_: AnyFormat, nothing: Callable[[], str]) -> None:
        """Print all of some records; see `print_records`."""
        print_records(
            Records(list(records), more=False),
            (),
            format_,
            fields=(),
            as_json=self.as_json,
            caption=plural(len(records), "row"),
            nothing=nothing,
            chosen=self,
        )

    def _cell(self, record: Any, name: str) -> str:
        value = msgspec.to_builtins(self.value(record, name))
        if value is None or isinstance(value, str):
            return value or ""
        return msgspec.json.encode(value).decode()


_FITS: dict[str, Literal["nodeid", "copy"]] = {"nodeid": "nodeid", "session_id": "copy"}


class Order(NamedTuple):
    """How records are sorted.

    Attributes:
        key: returns what a record is sorted by.
        descending: whether the greatest comes first.
    """

    key: Callable[[Any], Any]
    descending: bool = False


def first_records(
    records: Iterable[Any],
    limit: int | None,
    format_: AnyFormat,
    order: Order | None = None,
    *,
    usual: int = 20,
) -> Records:
    """Return the first records of an iteration.

    Without a limit, a table has the usual number, which fits on a screen. The other formats have
    everything: a program takes what it gets for all there is.

    Args:
        records: in the order in which they are printed if none is given.
        limit: the most records; 0 for all, None for the usual number.
        format_: the format in which they are printed.
        order: how they are sorted; equal ones keep their order.
        usual: how many a table has.
    """
    if limit is None:
        limit = usual if format_ == ListFormat.TABLE else 0
    if not limit:
        found = list(records)
        if order:
            found.sort(key=order.key, reverse=order.descending)
        return Records(found, more=False)
    if order is None:
        found = list(islice(records, limit + 1))
    else:
        first = heapq.nlargest if order.descending else heapq.nsmallest
        found = first(limit + 1, records, key=order.key)
    return Records(found[:limit], more=len(found) > limit)


@stdout_errors_reported()  # a reader that has gone ends the list, not what the command does next
def print_records(
    records: Records,
    columns: Sequence[Column],
    format_: AnyFormat,
    *,
    fields: Sequence[str],
    as_json: Callable[[Any], dict[str, Any]],
    caption: str,
    nothing: Callable[[], str],
    chosen: Chosen | None = None,
) -> None:
    """Print records. No records give valid empty output, or a sentence instead of a table.

    Args:
        records: the records.
        columns: the columns of a table.
        format_: any format except nodeids.
        fields: the columns of CSV: keys of what `as_json` returns.
        as_json: returns a record as JSON has it.
        caption: printed below a table on a terminal.
        nothing: returns the sentence for no records.
        chosen: the fields that are printed in every format, if some are chosen.
    """
    if chosen is not None:
        columns, fields, as_json = chosen.columns(), chosen.names, chosen.as_json
    with paged():
        if format_ == ListFormat.JSON:
            print_json([as_json(record) for record in records.shown])
        elif format_ == ListFormat.CSV:
            print_csv(fields, map(as_json, records.shown))
        elif records.shown:
            print_table(columns, records.shown, f"{caption}{records.hint}")
        else:
            say(nothing())
    if records.more and not (format_ == ListFormat.TABLE and sys.stdout.isatty()):
        say(f"these are the first {len(records.shown)}{records.hint}")


def print_csv(fields: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Print rows with a header; cells are escaped against spreadsheet formulas, as in exports."""
    from pytest_insight.exchange.writers.csv import format_cell

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows([format_cell(row.get(field)) for field in fields] for row in rows)
    data_output(csv=True).write(text.getvalue().encode(errors="backslashreplace"))
