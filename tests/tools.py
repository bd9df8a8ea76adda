"""Programs that tests run: those of the machine, and any of them on a terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import NamedTuple, TextIO

STREAMS = ("stdin", "stdout", "stderr")


def tool(name: str) -> str:
    """Return the path of a program that `.ci/run` installs; skip the test if it is missing."""
    import pytest  # benchmarks have no use for it, and measure memory

    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")  # a user's machine need not have every shell
    return found


@contextmanager
def terminal(columns: int, rows: int = 1_000) -> Iterator[tuple[TextIO, bytearray]]:
    """Open a terminal: a file to write to, and what it was sent, once the block has ended."""
    import pty  # not on every platform
    import termios

    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (rows, columns))
    shown = bytearray()
    reader = Thread(target=_read_all, args=(ours, shown))
    reader.start()
    with os.fdopen(its, "w", encoding="utf-8") as stdout:
        yield stdout, shown
    reader.join()
    os.close(ours)


def _read_all(terminal: int, shown: bytearray) -> None:
    try:
        while piece := os.read(terminal, 65_536):
            shown += piece
    except OSError:
        pass  # Linux says EIO where others say the end


class Shown(NamedTuple):
    """What a terminal got from a process, and the process's exit status."""

    status: int
    text: str


def on_terminal(
    command: Sequence[str | Path | bytes],
    environment: Mapping[str, str],
    *,
    streams: Collection[str] = STREAMS,
    columns: int | None = None,
    folder: Path | None = None,
) -> Shown:
    """Run a process to its end on a terminal.

    Args:
        command: the program and its arguments.
        environment: all its variables; without `PAGER`, nothing is paged.
        streams: those that are the terminal; the others are empty, or go nowhere.
        columns: the width of the terminal; None for the usual one.
        folder: the working directory of the process.
    """
    import pty  # not on every platform
    import termios

    ours, its = pty.openpty()
    if columns is not None:
        termios.tcsetwinsize(its, (50, columns))
    stdin, stdout, stderr = (its if name in streams else subprocess.DEVNULL for name in STREAMS)
    process = subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={"PAGER": "cat", **environment},
        cwd=folder,
    )
    os.close(its)
    shown = bytearray()
    _read_all(ours, shown)
    os.close(ours)
    return Shown(process.wait(60), shown.decode().replace("\r\n", "\n"))
