"""Lists of records, in each format: a table, JSON or CSV."""

from __future__ import annotations

import csv
import heapq
import io
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence, Sized
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

from pytest_insight.cli.render.formats import AnyFormat, ListFormat
from pytest_insight.cli.render.table import Column, print_table
from pytest_insight.cli.render.wrap import flow, line_width
from pytest_insight.cli.terminal.output import data_output, print_json, say
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import LINE_BREAK, joined, styled
from pytest_insight.models.text import plural

ALL = "--limit 0 for all"


class Records(NamedTuple):
    """The records that are printed.

    Attributes:
        shown: the records.
        total: how many there are with those that the limit has cut off; None if that is unknown,
            and there are more.
    """

    shown: list[Any]
    total: int | None

    @property
    def is_cut(self) -> bool:
        """Whether there are others."""
        return self.total != len(self.shown)

    def count_text(self, noun: str) -> str:
        """Return how many are shown: "20 of 43 sessions", "the first 20 sessions"."""
        shown = len(self.shown)
        if self.total is None:
            return f"the first {plural(shown, noun)}"
        return f"{shown:,} of {plural(self.total, noun)}" if self.is_cut else plural(shown, noun)


class ChosenFields(NamedTuple):
    """The fields of records that `--fields` chooses.

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
            Records(list(records), len(records)),
            (),
            format_,
            fields=(),
            as_json=self.as_json,
            noun="row",
            nothing=nothing,
            chosen=self,
        )

    def _cell(self, record: Any, name: str) -> str:
        value = msgspec.to_builtins(self.value(record, name))
        if value is None or isinstance(value, str):
            return value or ""
        return msgspec.json.encode(value).decode()


_FITS: dict[str, Literal["nodeid", "copy"]] = {"nodeid": "nodeid", "session_id": "copy"}


class ListOptions(NamedTuple):
    """How a list is printed, as the options of its command say.

    Attributes:
        format_: the format.
        limit: as for `limit_of`.
        note: which SUT was looked at, for the end of the line below a table.
        fields: the names of the fields that are printed; None for the usual ones.
    """

    format_: AnyFormat
    limit: int | None
    note: str
    fields: Sequence[str] | None = None

    def most(self, usual: int = 20) -> int:
        """Return the most records that are printed; 0 for all."""
        return limit_of(self.limit, self.format_, usual)

    def chosen(self, value: Callable[[Any, str], Any]) -> ChosenFields | None:
        """Return the fields that are printed, given what returns one by its name; None for all."""
        return ChosenFields(self.fields, value) if self.fields else None


class Order(NamedTuple):
    """How records are sorted.

    Attributes:
        key: returns what a record is sorted by.
        descending: whether the greatest comes first.
    """

    key: Callable[[Any], Any]
    descending: bool = False


def limit_of(limit: int | None, format_: AnyFormat, usual: int = 20) -> int:
    """Return the most records that are printed; 0 for all.

    Without a limit, a table has the usual number, which fits on a screen. The other formats have
    everything: a program takes what it gets for all there is.

    Args:
        limit: the option; None if it is not given.
        format_: the format in which they are printed.
        usual: how many a table has.
    """
    if limit is None:
        return usual if format_ == ListFormat.TABLE else 0
    return limit


def first_records(
    records: Iterable[Any],
    limit: int,
    order: Order | None = None,
    count: Callable[[], int | None] | None = None,
) -> Records:
    """Return the first records of an iteration.

    Args:
        records: in the order in which they are printed if none is given.
        limit: the most records; 0 for all.
        order: how they are sorted; equal ones keep their order.
        count: returns how many there are, None if that takes long; called if the iteration was not
            needed to its end.
    """
    if not limit:
        found = list(records)
        if order:
            found.sort(key=order.key, reverse=order.descending)
        return Records(found, len(found))
    if order is None:
        found = list(islice(records, limit + 1))
        total = len(found) if len(found) <= limit else count() if count else None
        return Records(found[:limit], len(records) if isinstance(records, Sized) else total)
    numbers = itertools.count(1)
    numbered = zip(records, numbers, strict=False)
    first = heapq.nlargest if order.descending else heapq.nsmallest
    key = order.key
    found = [record for record, _ in first(limit, numbered, key=lambda pair: key(pair[0]))]
    return Records(found, next(numbers) - 1)


@stdout_errors_reported()  # a reader that has gone ends the list, not what the command does next
def print_records(
    records: Records,
    columns: Sequence[Column],
    format_: AnyFormat,
    *,
    fields: Sequence[str],
    as_json: Callable[[Any], dict[str, Any]],
    noun: str,
    notes: Sequence[str] = (),
    nothing: Callable[[], str],
    chosen: ChosenFields | None = None,
    wide: bool = False,
) -> None:
    """Print records. No records give valid empty output, or a sentence instead of a table.

    Args:
        records: the records.
        columns: the columns of a table.
        format_: any format except nodeids.
        fields: the columns of CSV: keys of what `as_json` returns.
        as_json: returns a record as JSON has it.
        noun: what a record is: "session".
        notes: what is printed after their number below a table on a terminal; empty ones are not.
        nothing: returns the sentence for no records.
        chosen: the fields that are printed in every format, if some are chosen.
        wide: whether the lines of a table may be wider than the terminal.
    """
    if chosen is not None:
        columns, fields, as_json = chosen.columns(), chosen.names, chosen.as_json
    number = records.count_text(noun)
    with paged():
        if format_ == ListFormat.JSON:
            print_json([as_json(record) for record in records.shown])
        elif format_ == ListFormat.CSV:
            print_csv(fields, map(as_json, records.shown))
        elif records.shown:
            parts = [number, ALL if records.is_cut else "", *notes]
            captions = [styled(part, style="dim") for part in parts if part]
            caption = joined(flow(captions, line_width()), LINE_BREAK)
            print_table(columns, records.shown, caption, wide=wide)
        else:
            say(nothing())
    if records.is_cut and not (format_ == ListFormat.TABLE and sys.stdout.isatty()):
        say(f"showing {number} ({ALL})")


def print_csv(fields: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Print rows with a header; cells are escaped against spreadsheet formulas, as in exports."""
    from pytest_insight.exchange.writers.csv import format_cell

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows([format_cell(row.get(field)) for field in fields] for row in rows)
    data_output(csv=True).write(text.getvalue().encode(errors="backslashreplace"))
