"""The table of results: what was measured, the floor it is compared with, and the target."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from typing import NamedTuple

INTRODUCTION = """\
# Benchmark results

Written by `make bench`; do not edit it by hand. Each section is what one benchmark measured last:
`make bench BENCHMARKS="verdicts saving"` measures only some again.

- A **floor** is what one would write by hand for that one job, knowing the file
  (`tests/benchmarks/floors.py`, `by_hand.py`). A ratio is measured by floor.
- Times are the best of several interleaved turns. M are millions of machine instructions, the
  means of several runs. Lines with megabytes are of whole commands in new processes, with their
  peak memory.
- "Cold" is the command as one types it, compared with the same command on an empty store plus 1.5
  times what SQL by hand takes. "In process" is the whole answer as objects, compared with rows of
  SQL by hand, or with DuckDB's rows of the same content in its own file.
- Lines without a target are there for comparison. `BENCH_LARGE=1 make bench` adds a store of 2 GB.
- The load is the mean number of processes that ran or waited in the minute before. Above the number
  of cores, wall-clock times are too long; instructions and memory are not changed by it.
"""
HEADINGS = ("benchmark", "measured", "floor", "ratio", "target", "")


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        title: what was measured.
        measured: the figure, with its unit.
        floor: the figure it is compared with; "" if there is none.
        ratio: measured divided by floor; None if there is no floor.
        target: what it must not exceed, as text; "" if the line is for comparison only.
        kept: whether the target is met; None if there is no target.
        digits: decimals to show of the ratio.
    """

    title: str
    measured: str
    floor: str = ""
    ratio: float | None = None
    target: str = ""
    kept: bool | None = None
    digits: int = 2

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the line's cells."""
        ratio = "" if self.ratio is None else f"{self.ratio:.{self.digits}f}x"
        verdict = {True: "ok", False: "over", None: ""}[self.kept]
        return (self.title, self.measured, self.floor, ratio, self.target, verdict)


def compared(
    title: str, measured: float, floor: float, *, most: float | None = None, unit: str = "time"
) -> Row:
    """Return the line for a measurement and its floor, both in seconds or in instructions."""
    show, digits = (seconds_text, 2) if unit == "time" else (instructions_text, 4)
    ratio = measured / floor
    target = "" if most is None else f"<= {most:g}x"
    kept = None if most is None else ratio <= most
    return Row(title, show(measured), show(floor), ratio, target, kept, digits)


def at_most_bytes(title: str, measured: float, most: float) -> Row:
    """Return the line for a number of bytes that must be less than `most`."""
    limit = f"< {megabytes_text(most)}"
    return Row(title, megabytes_text(measured), target=limit, kept=measured < most)


def seconds_text(seconds: float) -> str:
    """Return a duration in seconds or milliseconds, as text."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1_000:.3g} ms"


def instructions_text(count: float) -> str:
    """Return a number of machine instructions in millions, as text."""
    return f"{count / 1e6:,.1f} M"


def megabytes_text(count: float) -> str:
    """Return a number of bytes in megabytes, as text."""
    return f"{count / 1e6:.0f} MB"


def table(rows: Iterable[Row], *, markdown: bool) -> str:
    """Return the lines with their headings, in aligned columns."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        [
            cell.rjust(width) if 1 <= place <= 3 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    ]
    rule = ["-" * width for width in widths]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in [aligned[0], rule, *aligned[1:]])
    rule[1:4] = [dashes[:-1] + ":" for dashes in rule[1:4]]
    return "\n".join(f"| {' | '.join(line)} |" for line in [aligned[0], rule, *aligned[1:]])


def section(rows: Iterable[Row], measured: date, load: float) -> str:
    """Return a section of RESULTS.md: when it was measured, on which machine, the table."""
    conditions = f"Measured on {measured:%Y-%m-%d} at a load of {load:.1f}, with {machine()}"
    return f"{conditions}\n\n{table(rows, markdown=True)}\n"


def with_section(document: str, name: str, text: str, order: Sequence[str]) -> str:
    """Return RESULTS.md with another section.

    Args:
        document: RESULTS.md as it is; empty if there is none.
        name: of the section, which is replaced or added.
        text: the section.
        order: the names of all sections; others are left out.
    """
    _, *pieces = re.split(r"^## (.+)\n+", document, flags=re.MULTILINE)
    sections = dict(zip(pieces[::2], pieces[1::2], strict=True)) | {name: text}
    parts = (f"## {each}\n\n{sections[each].strip()}\n" for each in order if each in sections)
    return "\n".join([INTRODUCTION, *parts])


def machine() -> str:
    """Describe the machine by its kind, size and versions, never by a name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("pytest", "msgspec", "typer"))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{platform.system()}, {platform.python_implementation()} {platform.python_version()}, "
        f"{versions}."
    )
