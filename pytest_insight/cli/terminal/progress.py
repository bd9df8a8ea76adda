"""Progress of long work, shown on stderr if it is a terminal and the work takes over 0.5 s."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from pytest_insight._util.override import override
from pytest_insight._util.printable import printable
from pytest_insight._util.progress import Watcher, watched
from pytest_insight.models.text import plural

DELAY = 0.5
"""Seconds of work before progress is shown."""

REFRESH = 0.1
"""Seconds between two updates."""


class Work(Watcher):
    """The state of the work that is shown.

    Attributes:
        name: what is being done.
        total: the number of its steps, if known.
        done: the number of steps that are done.
    """

    wants_totals = True

    def __init__(self) -> None:
        self.name = ""
        self.total: int | None = None
        self.done = 0

    @override
    def begin(self, work: str, total: int | None) -> None:
        self.name, self.total, self.done = printable(work), total, 0

    @override
    def step(self) -> None:
        self.done += 1

    @property
    def count(self) -> str:
        """The sessions that are done, for people; "" before the first."""
        if self.total is not None:
            return f"{self.done:,} of {plural(self.total, 'session')}"
        return plural(self.done, "session") if self.done else ""


@contextmanager
def progress_shown(*, with_data: bool = False) -> Iterator[None]:
    """Show the progress of the block's work.

    Args:
        with_data: whether the block prints data. Progress is not shown if both would go to the
            same terminal.
    """
    seen = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if not seen or (with_data and sys.stdout.isatty()):
        yield
        return
    work = Work()
    over = Event()
    display = Thread(target=_display, args=(work, over), daemon=True)
    display.start()
    try:
        with watched(work):
            yield
    finally:
        over.set()
        display.join()  # it erases what it has shown


def _display(work: Work, over: Event) -> None:
    if over.wait(DELAY):
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
                count=work.count,
            )
            progress.refresh()
            over.wait(REFRESH)
