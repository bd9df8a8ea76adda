"""Warnings about damaged stores: printed once each, and remembered for gates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import StorageError, StoreDamageWarning

_damage: list[str] = []
"""What was said of damage while the current command ran."""


@contextmanager
def warnings_printed() -> Iterator[None]:
    """Print warnings of the library on stderr, each once, however often a store is read."""
    printed: set[str] = set()
    _damage.clear()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if str(message) not in printed:
            printed.add(str(message))
            say(f"warning: {message}")
            if issubclass(category, StoreDamageWarning):
                _damage.append(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show
        warnings.simplefilter("always", UserWarning)  # also StoreDamageWarning
        yield


def refuse_to_judge_damage() -> None:
    """Check that nothing of the store was damaged: what cannot be read may be what failed.

    Raises:
        StorageError: the current command has warned of damage.
    """
    if _damage:
        raise StorageError(
            "--exit-code cannot judge a store of which a part cannot be read; see the warning "
            "above, and: insight sessions verify",
            "",
        )
