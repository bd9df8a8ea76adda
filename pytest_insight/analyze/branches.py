"""The line of development of a branch: its runs, and those of the branch that it grew from."""

from __future__ import annotations

from collections.abc import Callable
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
    began: Callable[[], datetime],
    has_runs: Callable[[str], bool],
    folder: Path | None,
    *,
    reference: str = "HEAD",
    left: Callable[[], float] = lambda: SECONDS,
) -> Line:
    """Return the line of development of a branch, with the default branch if there is one.

    If git knows no default branch, as in the shallow clones of CI services, it is the first of the
    usual names that has runs.

    Args:
        branch: the branch; empty if it is unknown: then all runs are judged.
        began: returns when the branch began, if git does not know it.
        has_runs: tells whether the history has runs of a branch.
        folder: in the working tree; None without one.
        reference: the branch for git; a full name, or HEAD.
        left: returns how many seconds may be used.
    """
    if not branch:
        return Line()
    default = None if folder is None else find_default_branch(folder, left())
    name = default.name if default else next(filter(has_runs, DEFAULT_BRANCHES), None)
    if name is None or branch == name:
        return Line(branch, name)
    if default is None:
        return Line(branch, name, began())
    return Line(branch, name, find_branch_point(folder, default, began(), reference, left()))
