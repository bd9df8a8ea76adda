"""Which runs are judged: those of the current branch, and of the one that it grew from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from pytest_insight._util.git import (
    DEFAULT_BRANCHES,
    SECONDS,
    find_branch_point,
    find_default_branch,
)
from pytest_insight.analysis.line import Line


def find_line(
    branch: str,
    now: datetime,
    known: Collection[str],
    folder: Path,
    left: Callable[[], float] = lambda: SECONDS,
) -> Line:
    """Return the line of development of a branch, with the default branch if there is one.

    If git knows no default branch, as in the shallow clones of CI services, it is the one of the
    usual names that the history has.

    Args:
        branch: the current branch; empty if it is unknown: then all runs are judged.
        now: when the run that is judged started.
        known: the branches of the history.
        folder: in the working tree.
        left: returns how many seconds may be used.
    """
    if not branch:
        return Line()
    default = find_default_branch(folder, left())
    name = default.name if default else next((n for n in DEFAULT_BRANCHES if n in known), None)
    if name is None or branch == name:
        return Line(branch, name)
    if default is None:
        return Line(branch, name, now)
    return Line(branch, name, find_branch_point(folder, default, now, left()))
