"""Long work tells whoever watches how far it is; nobody has to watch, and then it costs nothing.

The library says what it does with `counted` and `work`, and where it can no longer be stopped with
`no_return`; a program that shows progress says who watches with `watched`. Each thread and task has
a watcher of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")


class Watcher:
    """Is told how far the work is. This one does not listen; others override what they want.

    Attributes:
        wants_totals: whether a total is worth some work, because somebody sees it.
    """

    wants_totals = False

    def begin(self, work: str, total: int | None) -> None:
        """Some work begins, and whatever was going on is over.

        Args:
            work: what is done, for people: "reading sessions".
            total: how many steps it has; None where that is not known.
        """

    def step(self) -> None:
        """One more step is done."""

    def no_return(self) -> None:
        """What was asked for is being done now, at once and as a whole: too late to stop it."""


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell this watcher about everything that is done inside the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def wants_totals() -> bool:
    """Whether anybody would see a total that has to be found out."""
    watcher = _watcher.get()
    return watcher is not None and watcher.wants_totals


def begin(work: str, total: int | None = None) -> Watcher:
    """Some work begins; whoever does it calls `step` of what is returned."""
    watcher = _watcher.get() or Watcher()
    watcher.begin(work, total)
    return watcher


def counted(items: Iterable[Item], work: str, total: int | None = None) -> Iterable[Item]:
    """The same items, each a step of the work once it has been dealt with.

    Args:
        items: what there is to do.
        work: what is done with them, for people.
        total: how many they are, where they do not say it themselves.
    """
    watcher = _watcher.get()
    if watcher is None:
        return items
    watcher.begin(work, len(items) if isinstance(items, Sized) else total)
    return _counted(items, watcher)


def no_return() -> None:
    """See `Watcher.no_return`."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.no_return()


def _counted(items: Iterable[Item], watcher: Watcher) -> Iterator[Item]:
    for item in items:
        yield item
        watcher.step()
