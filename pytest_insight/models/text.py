"""Texts about records, for their `repr` and for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RANKS = {
    name: number
    for number, name in enumerate(
        ("failed", "error", "passed", "skipped", "xfailed", "xpassed", "rerun")
    )
}
"""The order of outcomes; those of other plugins come last."""


def printable(value: object) -> str:
    """Return its text, with lone surrogates escaped so that it can be printed."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def short_nodeid(nodeid: object) -> str:
    """Return the last part of a nodeid, with its parameters: "…::test_x[a::b]"."""
    head, bracket, parameters = str(nodeid).partition("[")
    _, separator, name = head.rpartition("::")
    return f"…::{name}{bracket}{parameters}" if separator else str(nodeid)


def counts_text(counts: Mapping[Any, int]) -> str:
    """Return the number of each outcome, failures first: "2 failed, 29 passed"."""
    names = sorted(counts, key=lambda name: (_RANKS.get(name, len(_RANKS)), name))
    return ", ".join(f"{counts[name]} {printable(name)}" for name in names)


def duration_text(seconds: object) -> str:
    """Return a duration in milliseconds or seconds: "<1 ms", "12 ms", "1.5 s"."""
    if not isinstance(seconds, int | float):  # not checked before the result is saved
        return repr(seconds)
    if 0 < seconds < 0.0005:
        return "<1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
