"""The table: what was measured, the floor it is compared with, and what was promised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

HEADINGS = ("benchmark", "measured", "floor", "ratio", "target", "")


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        title: what was measured.
        measured: the figure, with its unit.
        floor: the figure it is compared with, empty where there is none.
        ratio: measured by floor, None where there is no floor.
        target: what was promised, in words; empty for a line that is only there to compare.
        kept: whether the promise is kept; None without one.
        digits: how many decimals the ratio is worth.
    """

    title: str
    measured: str
    floor: str = ""
    ratio: float | None = None
    target: str = ""
    kept: bool | None = None
    digits: int = 2

    def cells(self) -> tuple[str, ...]:
        """The texts of the line."""
        ratio = "" if self.ratio is None else f"{self.ratio:.{self.digits}f}x"
        verdict = {True: "ok", False: "over", None: ""}[self.kept]
        return (self.title, self.measured, self.floor, ratio, self.target, verdict)


def compared(
    title: str, measured: float, floor: float, *, most: float | None = None, unit: str = "time"
) -> Row:
    """A line for a measurement and its floor, both in seconds or in instructions."""
    show, digits = (seconds_text, 2) if unit == "time" else (instructions_text, 4)
    ratio = measured / floor
    target = "" if most is None else f"<= {most:g}x"
    kept = None if most is None else ratio <= most
    return Row(title, show(measured), show(floor), ratio, target, kept, digits)


def at_most_bytes(title: str, measured: float, most: float) -> Row:
    """A line for bytes that were promised to be fewer than so many."""
    limit = f"< {megabytes_text(most)}"
    return Row(title, megabytes_text(measured), target=limit, kept=measured < most)


def seconds_text(seconds: float) -> str:
    """A duration with the unit that fits."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1_000:.3g} ms"


def instructions_text(count: float) -> str:
    """A number of machine instructions."""
    return f"{count / 1e6:,.1f} M"


def megabytes_text(count: float) -> str:
    """A number of bytes in units of a million."""
    return f"{count / 1e6:.0f} MB"


def table(rows: Iterable[Row], *, markdown: bool) -> str:
    """The lines with their headings, aligned."""
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
