"""Warnings about damaged stores: printed once each, and remembered for gates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import StorageError, StoreDamageWarning

_CANNOT = " cannot be read"
"""What a `StoreDamageWarning` says of a part of a store, after the name of the store."""

_damage: list[str] = []
"""What was said of damage while the current command ran."""


@contextmanager
def warnings_printed() -> Iterator[None]:
    """Print warnings of the library on stderr, each once, however often a store is read.

    Each reading of a damaged database counts what it could not read: the first warning of a store
    is printed at once, and the last one, if it says something else, when the block ends.
    """
    known: set[str] = set()
    last: dict[str, str] = {}
    _damage.clear()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        text = str(message)
        if text in known:
            return
        known.add(text)
        if issubclass(category, StoreDamageWarning):
            _damage.append(text)
            store = text.partition(_CANNOT)[0]
            is_first = store not in last
            last[store] = "" if is_first else text
            if not is_first:
                return
        say(f"warning: {text}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        warnings.simplefilter("always", UserWarning)  # also StoreDamageWarning
        try:
            yield
        finally:
            for text in filter(None, last.values()):
                say(f"warning: {text}")


def refuse_empty_answer(what: str) -> None:
    """Check that nothing of the store was damaged: what was asked for may be what cannot be read.

    Args:
        what: what was not found: "flaky test".

    Raises:
        StorageError: the current command has warned of damage.
    """
    if _damage:
        raise StorageError(
            f"no {what} in what can be read of the store, which says nothing of the rest; see the "
            "warning above, and: insight sessions verify",
            "",
        )


def say_of_damage() -> None:
    """Say that an answer is only of what can be read, if something was damaged."""
    if _damage:
        say("that is all of what can be read of the store; a verdict may need the rest")


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
