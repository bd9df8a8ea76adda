"""Errors about revisions of the git repository in the current folder."""

from __future__ import annotations

from pytest_insight.errors import InvalidArgumentError


def unknown_revision(name: str) -> InvalidArgumentError:
    """Return the error for the name of a commit that neither the store nor git knows."""
    return InvalidArgumentError(
        f"git knows no commit {name!r} in this folder; give what it knows in its repository "
        "(HEAD~1, a tag, a branch), or 4 or more digits of a hash"
    )
