"""Printing: data on stdout, everything else on stderr; Rich only where colour is shown."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.cli.terminal.styled import Styled, escape_json, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNLIMITED = 100_000
"""The width in columns if stdout is no terminal: no line is folded or cut for a program."""


def say(message: str, *, lines: bool = False) -> None:
    """Print one message for people on stderr.

    Args:
        message: one line. Control characters in the names that it quotes are escaped, so that no
            name can look like another message.
        lines: whether line breaks in the message are ours and are kept.
    """
    print("insight:", printable(message, keep="\n" if lines else ""), file=sys.stderr)


def print_json(value: object) -> None:
    """Print a value as indented JSON on stdout."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2)
    if sys.stdout.isatty():
        data = escape_json(data.decode()).encode()
    write_bytes(data + b"\n")


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout, after the text that was printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def print_styled(*lines: Styled) -> None:
    """Print lines on stdout, in colour if `is_fancy`."""
    if is_fancy():
        for line in lines:
            console().print(rich_text(line), soft_wrap=True)
    else:
        print(*lines, sep="\n")


def is_fancy() -> bool:
    """Return whether width and colour matter on stdout.

    True for a terminal, if `FORCE_COLOR` is set (https://force-color.org), and if `COLUMNS` gives
    a width.
    """
    return (
        sys.stdout.isatty()
        or bool(os.environ.get("FORCE_COLOR"))
        or os.environ.get("COLUMNS", "").isdigit()
    )


def shows_unicode() -> bool:
    """Return whether stdout shows the characters beyond ASCII that we print ourselves."""
    return sys.stdout.encoding.lower().startswith("utf") and os.environ.get("TERM") != "dumb"


def console() -> Console:
    """Return a Rich console on stdout, as wide as the terminal or `COLUMNS`, else unlimited."""
    from rich.console import Console

    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if known else UNLIMITED, highlight=False, markup=False, emoji=False)


def rich_text(text: Styled) -> Text:
    """Return the same text for Rich."""
    from rich.text import Text

    return Text.assemble(*text.pieces)
