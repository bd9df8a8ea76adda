"""The error for the name of a side that matches nothing: similar names, or what there is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from pytest_insight._util.git import git_output
from pytest_insight.analyze.scope import named_sut
from pytest_insight.errors import InvalidArgumentError, alternatives, near_names
from pytest_insight.exchange.paths import is_folder
from pytest_insight.filters import ANY_TIME, Selection, SessionFilter
from pytest_insight.storage.base import BaseStorage

MAX_HEADERS = 500
"""Sessions whose branches are looked at."""
MAX_LISTED = 5


def unknown_side(
    storage: BaseStorage, filters: tuple[SessionFilter, ...], name: str
) -> InvalidArgumentError:
    """Return the error for a side that means nothing: near names, else what there is."""
    newest = storage.iter_headers(Selection((*filters, ANY_TIME)), newest_first=True)
    sessions = list(islice(newest, MAX_HEADERS))
    branches = _distinct(each.code_state.branch or "" for each in sessions if each.code_state)
    known = [*branches, *_references(), *_profiles(), *(each.session_id for each in sessions)]
    begin = [each for each in known if each.startswith(name)]
    near = _distinct([*near_names(name, known), *begin])[:3]
    what = (
        f"{name!r} is no session, branch, commit, tag, CI run, span (7d), file or profile that is "
        f"known here"
    )
    if near:
        return InvalidArgumentError(
            f"{what}; did you mean {alternatives([repr(each) for each in near])}?"
        )
    if is_folder(Path(name)):
        return InvalidArgumentError(f"{name} is a folder without results of Allure; name a file")
    if not sessions:
        sut = named_sut(filters)
        of_sut = f" of {sut}" if sut else ""
        return InvalidArgumentError(f"{what}: there are no sessions{of_sut} in {storage.location}")
    if not branches:
        return InvalidArgumentError(f"{what}; list the sessions with: insight sessions list")
    listed = ", ".join(branches[:MAX_LISTED]) + (", ..." if len(branches) > MAX_LISTED else "")
    return InvalidArgumentError(
        f"{what}; there are sessions of the branches {listed}; see: insight sessions list"
    )


def _references() -> list[str]:
    """Return the names of branches and tags that git knows in this folder."""
    found = git_output(None, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    return (found or "").splitlines()


def _profiles() -> list[str]:
    from pytest_insight.storage.functions import list_profiles

    return list(list_profiles())


def _distinct(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name]
