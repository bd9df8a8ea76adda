"""Report progress, and subscribe to reports; without a subscriber a report costs nothing.

The library reports with `begin` and `counted`; a program subscribes with `watched`. Each thread and
each asyncio task has its own watcher.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")


class Watcher:
    """Receives progress reports and ignores them; subclasses override what they need.

    Attributes:
        wants_totals: whether totals are shown, so that the library may spend time to find them.
    """

    wants_totals = False

    def begin(self, work: str, total: int | None) -> None:
        """Called when some work begins; all earlier work has ended.

        Args:
            work: what is done, for people: "reading sessions".
            total: the number of steps; None if it is not known.
        """

    def step(self) -> None:
        """Called when one more step is done."""


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Report everything that is done inside the block to this watcher."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def wants_totals() -> bool:
    """Return whether a total would be shown, so that finding it is worth some time."""
    watcher = _watcher.get()
    return watcher is not None and watcher.wants_totals


def begin(work: str, total: int | None = None) -> Watcher:
    """Report that some work begins; return the watcher, whose `step` the caller calls."""
    watcher = _watcher.get() or Watcher()
    watcher.begin(work, total)
    return watcher


def counted(items: Iterable[Item], work: str, total: int | None = None) -> Iterable[Item]:
    """Return the same items; each is reported as a step when the next one is asked for.

    Args:
        items: what is worked on.
        work: what is done with them, for people.
        total: their number, if they have no length.
    """
    watcher = _watcher.get()
    if watcher is None:
        return items
    watcher.begin(work, len(items) if isinstance(items, Sized) else total)
    return _counted(items, watcher)


def _counted(items: Iterable[Item], watcher: Watcher) -> Iterator[Item]:
    for item in items:
        yield item
        watcher.step()
