"""`insight sessions pin|unpin`: protect sessions against pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.session_names import find_ids
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.output import say
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

SessionsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="ID",
        autocompletion=candidates.sessions,
        help="IDs, their beginnings or ends, wildcards, or `last`.",
    ),
]


def pin(ctx: typer.Context, sessions: SessionsArgument, *, profile: ProfileOption = None) -> None:
    """Pin sessions, so that pruning never deletes them.

    Example: insight sessions pin last
    """
    _set_pinned(storage_of(ctx, profile), sessions, pinned=True)


def unpin(ctx: typer.Context, sessions: SessionsArgument, *, profile: ProfileOption = None) -> None:
    """Unpin sessions, so that pruning may delete them.

    Example: insight sessions unpin last
    """
    _set_pinned(storage_of(ctx, profile), sessions, pinned=False)


def _set_pinned(storage: BaseStorage, names: list[str], *, pinned: bool) -> None:
    ids = find_ids(storage, names)
    changed = storage.pin_sessions(ids, pinned=pinned)
    word = "pinned" if pinned else "unpinned"
    already = f" ({len(ids) - len(changed)} were before)" if len(changed) < len(ids) else ""
    say(f"{word} {plural(len(changed), 'session')} in {storage.location}{already}")
