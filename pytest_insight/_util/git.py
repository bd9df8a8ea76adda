"""Ask git short questions about the repository of a folder."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

SECONDS = 10
"""How long git may take; each question reads a few references or commits."""
DEFAULT_BRANCHES = ("main", "master", "trunk", "develop")
"""The names of default branches, if the remote `origin` names none."""


class DefaultBranch(NamedTuple):
    """The branch that others grow from.

    Attributes:
        name: as sessions have it, without the remote.
        references: the local branch and that of the remote, those that exist.
    """

    name: str
    references: tuple[str, ...]


def git_output(folder: Path | None, *arguments: str, seconds: float = SECONDS) -> str | None:
    """Return what a git command prints; None if it fails, takes too long or git is not installed.

    Args:
        folder: in the working tree; None for the current folder.
        arguments: the command; none of them may be a text from outside that can begin with `-`.
        seconds: how long to wait.
    """
    import subprocess  # slow to import, and few commands need it

    # Such commands obey no setting that could start a program, unlike `git log`.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    place = () if folder is None else ("-C", str(folder))
    try:
        ran = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            ("git", *place, *arguments),  # noqa: S607 - that of PATH
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return None if ran.returncode else ran.stdout.decode("utf-8", "backslashreplace")


def find_default_branch(folder: Path | None, seconds: float = SECONDS) -> DefaultBranch | None:
    """Return the default branch of a repository; None if git knows none.

    It is what `origin/HEAD` names, else the first of `DEFAULT_BRANCHES`, locally or in `origin`.
    """
    local, remote = "refs/heads/", "refs/remotes/origin/"
    names = [f"{place}{name}" for name in DEFAULT_BRANCHES for place in (local, remote)]
    found = git_output(
        folder,
        "for-each-ref",
        "--format=%(refname) %(symref)",
        f"{remote}HEAD",
        *names,
        seconds=seconds,
    )
    known = dict(line.split(" ") for line in (found or "").splitlines())
    named = known.pop(f"{remote}HEAD", "").removeprefix(remote)
    for name in filter(None, (named, *DEFAULT_BRANCHES)):
        references = [f"{place}{name}" for place in (local, remote) if f"{place}{name}" in known]
        if name == named and f"{remote}{name}" not in references:
            references.append(f"{remote}{name}")
        if references:
            return DefaultBranch(name, tuple(references))
    return None


def find_branch_point(
    folder: Path | None,
    default: DefaultBranch,
    until: datetime,
    reference: str = "HEAD",
    seconds: float = SECONDS,
) -> datetime:
    """Return when the first commit of a branch was made that the default one lacks.

    It is `until` if git knows no such commit. Runs of the default branch until then, those of the
    commit at which the branches part included, tell how the tests were when the branch began.

    Args:
        folder: in the working tree; None for the current folder.
        default: the default branch.
        until: what is returned if there is no such commit.
        reference: the branch: a full name (`refs/heads/x`), or HEAD.
        seconds: how long git may take.
    """
    found = git_output(
        folder,
        *(
            "rev-list",
            "--first-parent",
            "--timestamp",
            reference,
            "--not",
            *default.references,
            "--",
        ),
        seconds=seconds,
    )
    with suppress(ValueError, OverflowError):  # a time outside the calendar
        times = [int(line.split(" ")[0]) for line in (found or "").splitlines()]
        if times:
            return datetime.fromtimestamp(times[-1], UTC)
    return until


def find_subject(commit: str) -> str:
    """Return the first line of the message of a commit; empty if git does not know it here."""
    if not _HASH.fullmatch(commit):
        return ""
    printed = git_output(None, "rev-list", "--max-count=1", "--format=%s", commit, "--")
    return (printed or "").partition("\n")[2].strip()


_HASH = re.compile(r"[0-9a-f]{7,64}")
