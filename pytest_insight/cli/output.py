"""Printing: data on stdout, everything else on stderr; tables, JSON, and text made harmless."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from pytest_insight.cli.options import ListFormat

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE = 100_000
"""Columns of a "terminal" that is none: no line is ever folded or cropped for a program."""

WIDE_TERMINAL = 120
MIN_FOLDED = 8

OUTCOME_STYLES = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
    "xfailed": "yellow",
    "xpassed": "magenta",
    "rerun": "cyan",
}


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
    show: Callable[[Any], str | Text]
    justify: Literal["left", "right"] = "left"
    whole: bool = False
    unbroken: bool = False
    spare: bool = False


def say(message: str) -> None:
    """One message for people, on stderr."""
    print("insight:", printable(message, keep="\n"), file=sys.stderr)


def print_json(value: object) -> None:
    """A value as indented JSON on stdout."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2)
    write_bytes(data + b"\n")


def write_bytes(data: bytes) -> None:
    """Bytes on stdout, in order with text printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


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
    """A table on stdout; its caption says where the records are from."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    terminal = console()
    narrow = terminal.width < WIDE_TERMINAL
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown = []
    for column in columns:
        cells = [_as_text(column.show(record)) for record in records]
        if column.spare and (narrow or not any(cells)):
            continue
        shown.append(cells)
        widest = max([len(column.header), *(cell.cell_len for cell in cells)])
        folds = column.whole or (column.unbroken and widest > terminal.width // 2)
        table.add_column(
            column.header,
            justify=column.justify,
            overflow="fold",
            no_wrap=not folds,
            min_width=MIN_FOLDED if folds else widest,
        )
    for row in zip(*shown, strict=True):
        table.add_row(*row)
    if sys.stdout.isatty():
        terminal.print(table)
        if caption:
            terminal.print(Text(printable(caption), style="dim"))
        return
    with terminal.capture() as captured:
        terminal.print(table)
    # A program has no use for the blanks that fill the last column.
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _as_text(cell: str | Text) -> Text:
    from rich.text import Text

    return Text(printable(cell)) if isinstance(cell, str) else cell


def console() -> Console:
    """Rich on stdout: as wide as the terminal or `COLUMNS` says, else without any limit."""
    from rich.console import Console

    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if known else WIDE, highlight=False, markup=False, emoji=False)


def outcome_text(outcome: str, text: str | None = None) -> Text:
    """An outcome, or a text about it, in its colour."""
    from rich.text import Text

    return Text(printable(text or outcome), style=OUTCOME_STYLES.get(outcome, ""))


# What a terminal would act on instead of showing: C0 and C1 controls, DEL, and the marks that
# change the direction of text (Unicode's bidi controls), which can make a text read as another.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, keep: str = "") -> str:
    """The text with every character that a terminal would act on shown as an escape."""
    return _CONTROLS.sub(
        lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text
    )


def duration_text(seconds: float) -> str:
    """A duration for people: "<1 ms", "12 ms", "0.25 s", "12.3 s", "2m05s", "1h02m"."""
    if seconds < 0.0005:
        return "<1 ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def time_text(time: datetime) -> str:
    """A time for people, in their own time zone, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def plural(count: int, word: str) -> str:
    """A count with its noun: "1 session", "2 sessions"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
