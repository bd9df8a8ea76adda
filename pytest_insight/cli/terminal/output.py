"""Printing: data on stdout, everything else on stderr; Rich only where it is seen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.cli.render.text import Styled, harmless_json, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE = 100_000
"""Columns of a "terminal" that is none: no line is ever folded or cropped for a program."""


def say(message: str, *, lines: bool = False) -> None:
    """One message for people, on stderr.

    Args:
        message: one line, whatever names from elsewhere it quotes: no line of it can pass for
            another message.
        lines: a message whose line breaks are ours.
    """
    print("insight:", printable(message, keep="\n" if lines else ""), file=sys.stderr)


def print_json(value: object) -> None:
    """A value as indented JSON on stdout."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2)
    if sys.stdout.isatty():
        data = harmless_json(data.decode()).encode()
    write_bytes(data + b"\n")


def write_bytes(data: bytes) -> None:
    """Bytes on stdout, in order with text printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def print_styled(*lines: Styled) -> None:
    """Lines on stdout, in colour where that is seen."""
    if is_fancy():
        for line in lines:
            console().print(rich_text(line), soft_wrap=True)
    else:
        print(*lines, sep="\n")


def is_fancy() -> bool:
    """Whether stdout is looked at, so that width and colour matter.

    A terminal; or what `FORCE_COLOR` (https://force-color.org) says is shown like one; or a width
    that was given by `COLUMNS`.
    """
    return (
        sys.stdout.isatty()
        or bool(os.environ.get("FORCE_COLOR"))
        or os.environ.get("COLUMNS", "").isdigit()
    )


def shows_unicode() -> bool:
    """Whether what is printed to stdout may hold signs beyond ASCII of our own."""
    return sys.stdout.encoding.lower().startswith("utf") and os.environ.get("TERM") != "dumb"


def console() -> Console:
    """Rich on stdout: as wide as the terminal or `COLUMNS` says, else without any limit."""
    from rich.console import Console

    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if known else WIDE, highlight=False, markup=False, emoji=False)


def rich_text(text: Styled) -> Text:
    """As Rich has it."""
    from rich.text import Text

    return Text.assemble(*text.pieces)
