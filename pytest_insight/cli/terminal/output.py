"""Printing: data on stdout, everything else on stderr; Rich only where colour is shown."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from pytest_insight._util.override import override
from pytest_insight._util.printable import escape_json, printable
from pytest_insight.cli.terminal.styled import Styled
from pytest_insight.errors import PYTHON_ARGUMENTS
from pytest_insight.locations import with_display_paths
from pytest_insight.passwords import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

UNLIMITED = 100_000
"""The width in columns if stdout is no terminal: no line is folded or cut for a program."""

_SEVERITIES = {"error": "bold red", "warning": "bold yellow"}
"""The colour of the word with which a message begins."""


def say(message: str, *, lines: bool = False) -> None:
    """Print one message for people on stderr.

    Args:
        message: one line. Control characters in the names that it quotes are escaped, so that no
            name can look like another message; passwords in them are hidden, and `~` stands for
            the home folder. Arguments in Python (`PYTHON_ARGUMENTS`) are left out.
        lines: whether line breaks in the message are ours and are kept.
    """
    for argument in PYTHON_ARGUMENTS:
        message = message.replace(argument, "")
    message = with_display_paths(hide_passwords(message))
    message = printable(message, keep="\n" if lines else "")
    word, colon, rest = message.partition(": ")
    style = _SEVERITIES.get(word)
    if style is None or not sys.stderr.isatty():
        print("insight:", message, file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    shown = Console(stderr=True, highlight=False, markup=False, emoji=False)
    shown.print(Text.assemble("insight: ", (word + colon, style), rest), soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as indented JSON on stdout."""
    try:
        data = msgspec.json.format(msgspec.json.encode(value), indent=2)
    except UnicodeEncodeError:  # a path that is not UTF-8; its bytes come back from the escapes
        import json

        data = json.dumps(msgspec.to_builtins(value), indent=2).encode()
    data_output().write(data + b"\n")


def data_output(*, csv: bool = False) -> BinaryIO:
    """Return stdout for the bytes of a document; on a terminal, control characters are escaped.

    Args:
        csv: whether it is CSV, whose cells may contain line breaks.
    """
    sys.stdout.flush()
    return cast("BinaryIO", _Terminal(csv=csv)) if sys.stdout.isatty() else sys.stdout.buffer


class _Terminal(io.BufferedIOBase):
    """Stdout for UTF-8, with control characters escaped; line breaks only between lines or rows."""

    def __init__(self, *, csv: bool) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        self._csv = csv
        self._in_quotes = False

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any, /) -> int:
        text = self._decode(bytes(data))
        sys.stdout.write(self._csv_escaped(text) if self._csv else escape_json(text))
        return len(data)

    @override
    def flush(self) -> None:
        sys.stdout.flush()

    def _csv_escaped(self, text: str) -> str:
        pieces = []
        for number, piece in enumerate(text.split('"')):
            self._in_quotes ^= number > 0  # a quote in a cell is doubled: out and in again
            shown = piece if self._in_quotes else piece.replace("\r\n", "\n").replace("\r", "")
            pieces.append(printable(shown, keep="" if self._in_quotes else "\n"))
        return '"'.join(pieces)


def print_styled(*lines: Styled) -> None:
    """Print lines on stdout, in colour if `is_fancy`."""
    if is_fancy():
        for line in lines:
            console().print(rich_text(line), soft_wrap=True)
    else:
        print(*lines, sep="\n")


def as_text(lines: Iterable[Styled]) -> str:
    """Return lines as one text, with the escape sequences of colours if `is_fancy`."""
    if not is_fancy():
        return "\n".join(map(str, lines))
    shown = console()
    with shown.capture() as captured:
        for line in lines:
            shown.print(rich_text(line), soft_wrap=True)
    return captured.get()


def is_fancy() -> bool:
    """Return whether width and colour matter on stdout.

    True for a terminal, and if `FORCE_COLOR` is set (https://force-color.org).
    """
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def shows_unicode() -> bool:
    """Return whether stdout shows the characters beyond ASCII that we print ourselves."""
    return sys.stdout.encoding.lower().startswith("utf") and os.environ.get("TERM") != "dumb"


def mark() -> str:
    """Return what stands for text that was cut out."""
    return "…" if shows_unicode() else "..."


def console() -> Console:
    """Return a Rich console on stdout, as wide as the terminal; without one, unlimited.

    On a terminal, `COLUMNS` gives another width. In a pipe it does not: shells and CI services
    export it, and a program must get whole lines.
    """
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNLIMITED
    return Console(width=width, highlight=False, markup=False, emoji=False)


def rich_text(text: Styled) -> Text:
    """Return the same text for Rich."""
    from rich.text import Text

    return Text.assemble(*text.pieces)
