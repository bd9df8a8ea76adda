"""Show output that is longer than the screen through a pager, as git and gh do."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TextIO

from pytest_insight._util.override import override
from pytest_insight.cli.terminal.styled import text_width

_wanted = ContextVar("_wanted", default=True)

_STYLES = r"\x1b\[[0-9;]*m"  # compiled when used, as few outputs are long
_LINKS = r"\x1b\]8;[^\x1b]*\x1b\\"

_OPTIONS = {"LESS": "FRX", "LV": "-c"}
"""git's: less stops if the text fits, shows colours, and leaves the text on the screen."""

_LINKS_SINCE = 566
"""The version of less that shows links (https://www.greenwoodsoftware.com/less/news.566.html)."""


def use_pager(wanted: bool) -> None:
    """Allow the pager, or have everything printed directly."""
    _wanted.set(wanted)


@contextmanager
def paged() -> Iterator[None]:
    """Print what the block writes to stdout, through the pager if it is longer than the screen.

    In a pipe, without a pager or inside another such block, everything is written at once. The
    exit status of the pager is ignored: its user may quit it at any time.
    """
    terminal = sys.stdout
    command = _pager() if terminal.isatty() and not isinstance(terminal, _Held) else None
    if command is None:
        yield
        return
    held = _Held(terminal)
    sys.stdout = held
    try:
        yield
    except BaseException:
        terminal.write(held.getvalue())
        raise
    finally:
        sys.stdout = terminal
    text = held.getvalue()
    if not _is_longer_than_screen(text, terminal) or not _run(command, text, terminal):
        terminal.write(text)


class _Held(io.StringIO):
    """Output for a terminal that is not written yet."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__(newline="\n")
        self._terminal = terminal

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding

    @override
    def isatty(self) -> bool:
        return True

    @override
    def fileno(self) -> int:
        return self._terminal.fileno()


def _pager() -> list[str] | None:
    """Return the command of the pager; None to print everything directly."""
    import shlex
    import shutil

    if not _wanted.get() or os.environ.get("TERM") == "dumb":
        return None
    try:
        words = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # a quote without its end
        return None
    program = shutil.which(words[0]) if words and words != ["cat"] else None
    return [program, *words[1:]] if program else None


def _is_longer_than_screen(text: str, terminal: TextIO) -> bool:
    try:
        columns, rows = os.get_terminal_size(terminal.fileno())
    except OSError:
        return False
    if not columns or not rows:  # a terminal that has not been told its size
        return False
    lines = re.sub(f"{_STYLES}|{_LINKS}", "", text).splitlines()
    needed = len(lines)
    for line in lines:
        if needed >= rows:
            break
        needed += max(text_width(line) - 1, 0) // columns
    return needed >= rows  # one row is for the prompt of the shell


def _run(command: list[str], text: str, terminal: TextIO) -> bool:
    """Show a text with the pager until it ends; return whether it could be started."""
    import subprocess

    if "\x1b]8;" in text and not _shows_links(command[0]):
        text = re.sub(_LINKS, "", text)
    data = text.encode(terminal.encoding, "backslashreplace")
    terminal.flush()
    with _interrupts_left_to_the_pager():
        try:
            pager = subprocess.Popen(  # noqa: S603 - the user's own program, without a shell
                command, stdin=subprocess.PIPE, stdout=terminal, env=_OPTIONS | os.environ
            )
        except OSError:
            return False
        pager.communicate(data)  # ignores that the pager was quit early
    return True


def _shows_links(program: str) -> bool:
    """Return whether a pager is a less that shows links; others may show their codes."""
    import subprocess

    if os.path.basename(program).partition(".")[0] != "less":  # noqa: PTH119
        return False
    with suppress(OSError, ValueError, IndexError):
        command = [program, "--version"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as above
        return float(ran.stdout.split()[1]) >= _LINKS_SINCE
    return False


@contextmanager
def _interrupts_left_to_the_pager() -> Iterator[None]:
    """Ignore Ctrl-C: it ends a search in less, not the pager."""
    import signal

    # A function, not SIG_IGN, which the pager would inherit.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
