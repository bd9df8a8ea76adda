"""The candidates that TAB offers: profiles, sessions, SUTs, branches, commits, tags, outcomes, ...

A shell starts a process for each TAB, so each function reads only what it must. A store that cannot
be read offers nothing: the command itself reports the error.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

from pytest_insight.errors import InsightError, StoreDamageWarning

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

MOST = 100
"""The most sessions that are offered, the newest ones: a shell asks before it lists more."""

COMMIT_DIGITS = 12
"""The digits of a commit that are offered."""

SAFE_NAME = r"(?![-=])[\w.:/@+=-]+|last~1"
"""Names in which no shell finds anything to run or to expand.

Typer's script for zsh evaluates what it is offered, and the one for bash expands wildcards in it.
A name may come from a file of another machine, so that every other name is left out.
"""

Parameters = ParamSpec("Parameters")


def _quiet(find: Callable[Parameters, list[str]]) -> Callable[Parameters, list[str]]:
    """Return a function that offers nothing, and prints nothing, if the store cannot be read."""

    @wraps(find)
    def find_or_nothing(*args: Parameters.args, **kwargs: Parameters.kwargs) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreDamageWarning)
            try:
                return find(*args, **kwargs)
            except InsightError:
                return []

    return find_or_nothing


@_quiet
def profiles(incomplete: str) -> list[str]:
    """Return names of profiles."""
    from pytest_insight.profiles.manager import ProfileManager

    return _matching(ProfileManager().list_profiles(), incomplete)


@_quiet
def sessions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return `last`, `last~1` and session IDs, the newest first, then those dated in the future."""
    from pytest_insight.filters import ANY_TIME, Selection

    storage = _storage(ctx)
    newest = reversed(storage.session_ids(Selection((ANY_TIME,))))
    ids = dict.fromkeys((*newest, *reversed(storage.session_ids())))
    return _matching(("last", "last~1", *ids), incomplete)[:MOST]


@_quiet
def sides(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what can be compared: `last`, branches, tags, commits, profiles, session IDs.

    If nothing matches, shells offer the names of files, which can be compared, too.
    """
    from pytest_insight._util.git import git_output

    codes = [each.code_state for each in _newest(ctx) if each.code_state]
    tags = git_output(
        None, "for-each-ref", "--sort=-creatordate", "--format=%(refname:lstrip=2)", "refs/tags"
    )
    found = [
        *("last", "last~1"),
        *(code.branch or "" for code in codes),
        *(tags or "").splitlines()[:MOST],
        *((code.commit or "")[:COMMIT_DIGITS] for code in codes),
    ]
    if incomplete:
        found += [*profiles(incomplete), *sessions(ctx, incomplete)]
    return _matching(dict.fromkeys(found), incomplete)[:MOST]


@_quiet
def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return `last`, `last~1` and the IDs of CI runs, or of a session without one, newest first."""
    from pytest_insight.filters import Selection, ci_run_id

    newest = _storage(ctx).iter_sessions(Selection(limit=MOST), newest_first=True)
    names = [ci_run_id(session) or session.session_id for session in newest]
    return _matching(dict.fromkeys(("last", "last~1", *names)), incomplete)


@_quiet
def suts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return names of the SUTs in the store."""
    return _matching(_storage(ctx).sut_names(), incomplete)


@_quiet
def nodeids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the nodeids of the newest session, without parameters."""
    return _matching(_nodeids(ctx), incomplete)[:MOST] or typed(incomplete)


@_quiet
def places(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the files of the newest session's tests; the nodeids in one if it is the only one."""
    found = _nodeids(ctx)
    files = _matching(dict.fromkeys(nodeid.partition("::")[0] for nodeid in found), incomplete)
    return files[:MOST] if len(files) > 1 else _matching((*files, *found), incomplete)[:MOST]


@_quiet
def keywords(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the newest session's tests and classes, then those of the files."""
    split = [nodeid.split("::") for nodeid in _nodeids(ctx)]
    names = [name for parts in split for name in reversed(parts[1:])]
    files = [parts[0].rpartition("/")[2] for parts in split]
    return _matching(dict.fromkeys((*names, *files)), incomplete)[:MOST] or typed(incomplete)


@_quiet
def branches(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the git branches of the newest sessions."""
    found = ((each.code_state and each.code_state.branch) or "" for each in _newest(ctx))
    return _matching(dict.fromkeys(found), incomplete) or typed(incomplete)


@_quiet
def commits(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the beginnings of the commits of the newest sessions."""
    found = (each.code_state and each.code_state.commit for each in _newest(ctx))
    short = dict.fromkeys((commit or "")[:COMMIT_DIGITS] for commit in found)
    return _matching(short, incomplete) or typed(incomplete)


@_quiet
def tags(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the tags of the newest sessions, as KEY=VALUE."""
    pairs = (pair for each in _newest(ctx) for pair in each.session_tags.items())
    found = dict.fromkeys(f"{key}={value}" for key, value in pairs)
    return _matching(found, incomplete) or typed(incomplete)


@_quiet
def errors(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of exceptions in the messages of the newest sessions."""
    messages = (result.message for each in _newest(ctx) for result in each.test_results)
    names = dict.fromkeys(message.partition(":")[0] for message in messages)
    return _matching(names, incomplete) or typed(incomplete)


def typed(incomplete: str) -> list[str]:
    """Return what was typed: with no candidate at all, shells offer the names of files."""
    return _matching([incomplete], incomplete)


def outcomes(incomplete: str) -> list[str]:
    """Return pytest's outcomes."""
    from pytest_insight.models import TestOutcome

    return _matching(map(str, TestOutcome), incomplete)


def strategies(incomplete: str) -> list[str]:
    """Return merge strategies."""
    from pytest_insight.exchange.merge import MergeStrategy

    return _matching(map(str, MergeStrategy), incomplete)


def formats(incomplete: str) -> list[str]:
    """Return the formats that a profile can have for its exports."""
    from pytest_insight.exchange.write_formats import FORMATS

    return _matching(FORMATS, incomplete)


def output_formats(incomplete: str) -> list[str]:
    """Return the formats that are written."""
    from pytest_insight.exchange.write_formats import EXPORT_FORMATS

    return _matching(EXPORT_FORMATS, incomplete)


def input_formats(incomplete: str) -> list[str]:
    """Return the formats that are read."""
    from pytest_insight.exchange.read_formats import READ_FORMATS

    return _matching(READ_FORMATS, incomplete)


def storage_types(incomplete: str) -> list[str]:
    """Return storage types."""
    from pytest_insight.profiles.storage_types import storage_types

    return _matching(storage_types(), incomplete)


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete) and re.fullmatch(SAFE_NAME, name)]


def _nodeids(ctx: typer.Context) -> list[str]:
    """Return the nodeids of the newest session; parameters, which shells expand, are cut off."""
    last = _storage(ctx).get_last_session()
    results = last.test_results if last else ()
    return list(dict.fromkeys(result.nodeid.partition("[")[0] for result in results))


def _newest(ctx: typer.Context) -> list[TestSession]:
    """Return the newest sessions, the very newest first."""
    from pytest_insight.filters import Selection

    return list(_storage(ctx).iter_sessions(Selection(limit=MOST), newest_first=True))


def _storage(ctx: typer.Context) -> BaseStorage:
    from pytest_insight.storage.functions import get_storage_instance

    named = ctx.params.get("profile") or ctx.find_root().params.get("profile_name")
    return get_storage_instance(profile_name=named)
