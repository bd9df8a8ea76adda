"""Revisions of the git repository in the current folder: HEAD~1, tags, branches, commits."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from pytest_insight.errors import InvalidArgumentError

SECONDS = 10
"""How long git may take; it reads one commit."""


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
    import subprocess  # slow to import, and rarely needed

    if name.startswith("-"):  # an option of git
        return None
    # Unlike `git log`, it obeys no setting that could start a program.
    command = ("git", "rev-list", "--max-count=1", "--timestamp", f"{name}^{{commit}}", "--")
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        ran = subprocess.run(  # noqa: S603 - the name cannot be an option
            command, env=environment, capture_output=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):  # not installed, for instance
        return None
    with suppress(ValueError, OverflowError):  # no commit, or one from outside the calendar
        seconds, commit = ran.stdout.decode("ascii").split()
        return Revision(commit, datetime.fromtimestamp(int(seconds), UTC))
    return None


def unknown_revision(name: str) -> InvalidArgumentError:
    """Return the error for the name of a commit that neither the store nor git knows."""
    return InvalidArgumentError(
        f"git knows no commit {name!r} in this folder; give what it knows in its repository "
        "(HEAD~1, a tag, a branch), or 4 or more digits of a hash"
    )
