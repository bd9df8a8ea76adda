"""Ask git short questions about the repository of a folder."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import NamedTuple

SECONDS = 10
"""How long git may take; each question reads a few references or commits."""
DEFAULT_BRANCHES = ("main", "master", "trunk", "develop")
"""The names of default branches, if the remote `origin` names none."""
MAX_ANCESTORS = 5_000
"""Commits that are looked at to find the nearest one with a session."""


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
    found = git_output(None, "rev-list", "--max-count=1", "--timestamp", f"{name}^{{commit}}", "--")
    with suppress(ValueError, OverflowError):  # no commit, or one from outside the calendar
        seconds, commit = (found or "").split()
        return Revision(commit, datetime.fromtimestamp(int(seconds), UTC))
    return None


def find_subject(commit: str) -> str:
    """Return the first line of the message of a commit; empty if git does not know it here."""
    if not _HASH.fullmatch(commit):
        return ""
    printed = git_output(None, "rev-list", "--max-count=1", "--format=%s", commit, "--")
    return (printed or "").partition("\n")[2].strip()


_HASH = re.compile(r"[0-9a-f]{7,64}")


def first_parents(commit: str, most: int = MAX_ANCESTORS) -> list[str]:
    """Return a commit and its first-parent ancestors, newest first; empty if git knows none here.

    In a shallow clone they end with its oldest commit.
    """
    if not _HASH.fullmatch(commit):
        return []
    found = git_output(None, "rev-list", "--first-parent", f"--max-count={most}", commit, "--")
    return (found or "").split()


def find_merge_base(commit: str, references: Sequence[str]) -> str:
    """Return the newest ancestor of a commit, or itself, that is one of any reference, too.

    Empty if git knows none here.

    Args:
        commit: the full hash.
        references: full names, as in "refs/heads/main".
    """
    if not _HASH.fullmatch(commit) or not references:
        return ""
    # With several references, git takes them for the parents of one commit.
    found = git_output(None, "merge-base", commit, *references)
    return (found or "").strip()


def is_shallow() -> bool:
    """Return whether the repository of the current folder lacks a part of its history."""
    return (git_output(None, "rev-parse", "--is-shallow-repository") or "").strip() == "true"


def why_no_repository() -> str:
    """Return why git answers nothing in the current folder; empty if it has a repository."""
    if git_output(None, "rev-parse", "--git-dir") is not None:
        return ""
    if which("git") is None:
        return "git is not on the PATH"
    return "git finds no repository here, or may not read it (safe.directory)"


def references_of(branch: str) -> tuple[str, ...]:
    """Return the full names of a branch, locally and of the remote `origin`, that exist here."""
    names = (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
    found = git_output(None, "for-each-ref", "--format=%(refname)", *map(glob.escape, names))
    known = set((found or "").split("\n"))
    return tuple(name for name in names if name in known)
