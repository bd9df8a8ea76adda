"""Revisions of the git repository in the current folder: HEAD~1, tags, branches, commits."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from pytest_insight.errors import InvalidArgumentError


class Revision(NamedTuple):
    """A commit.

    Attributes:
        commit: its full hash.
        time: when it was committed; rebasing and amending are a new commit.
    """

    commit: str
    time: datetime


def find_revision(name: str) -> Revision | None:
    """Return the commit that a name means in the current folder; None if git knows none."""
    if name.startswith("-"):  # an option of git
        return None
    from pytest_insight._util.git import git_output  # most revisions are in the store

    found = git_output(None, "rev-list", "--max-count=1", "--timestamp", f"{name}^{{commit}}", "--")
    with suppress(ValueError, OverflowError):  # no commit, or one from outside the calendar
        seconds, commit = (found or "").split()
        return Revision(commit, datetime.fromtimestamp(int(seconds), UTC))
    return None


def unknown_revision(name: str) -> InvalidArgumentError:
    """Return the error for the name of a commit that neither the store nor git knows."""
    return InvalidArgumentError(
        f"git knows no commit {name!r} in this folder; give what it knows in its repository "
        "(HEAD~1, a tag, a branch), or 4 or more digits of a hash"
    )
