"""What a person sees of long work, and what Ctrl-C does to it.

Progress is shown on stderr, and only on a terminal, once the work takes over half a second. Ctrl-C
leaves everything as it was: until the moment where a new file takes the old one's place; from then
on it would be a lie, and the rest takes no time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType

from pytest_insight._util.progress import Watcher, watched
from pytest_insight.cli.render.text import plural

PATIENCE = 0.5
"""Seconds of work of which nothing is shown."""

REFRESH = 0.1
"""Seconds between two looks at the work."""


class Work(Watcher):
    """How far the command is.

    Attributes:
        name: what it is doing.
        total: how many steps that has, where it is known.
        done: how many of them are done.
        is_final: whether it is too late to stop it.
    """

    def __init__(self) -> None:
        self.name = ""
        self.total: int | None = None
        self.done = 0
        self.is_final = False

    def begin(self, work: str, total: int | None) -> None:
        """See `Watcher.begin`."""
        self.name, self.total, self.done = work, total, 0
        self.is_final = False  # what was final was only a part, a snapshot say

    def step(self) -> None:
        """See `Watcher.step`."""
        self.done += 1

    def no_return(self) -> None:
        """See `Watcher.no_return`."""
        self.is_final = True


work = Work()
"""What this process is doing: a command is one."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C stops the block, but not once its work cannot be undone.

    Raises:
        KeyboardInterrupt: it was stopped.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if not work.is_final:
            signal.default_int_handler(number, frame)

    # In the background of a script it may be ignored, and stays so.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def shown_progress(*, beside_data: bool = False) -> Iterator[None]:
    """Show how far the block's work is, where somebody is looking.

    Args:
        beside_data: it prints data; on a terminal the two would disturb each other.
    """
    work.is_final = False
    work.wants_totals = _is_seen() and not (beside_data and sys.stdout.isatty())
    if not work.wants_totals:
        with watched(work):
            yield
        return
    over = Event()
    display = Thread(target=_display, args=(over,), daemon=True)
    display.start()
    try:
        with watched(work):
            yield
    finally:
        over.set()
        display.join()  # it takes what it showed off the screen


def _is_seen() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _display(over: Event) -> None:
    if over.wait(PATIENCE):
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=None, count="")
        while not over.is_set():
            progress.update(
                task,
                description=work.name or "working",
                completed=work.done,
                total=work.total,
                count=_count(),
            )
            progress.refresh()
            over.wait(REFRESH)


def _count() -> str:
    if work.total is not None:
        return f"{work.done:,} of {plural(work.total, 'session')}"
    return plural(work.done, "session") if work.done else ""
