"""`insight sessions clear|prune`: delete sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.options.common import DryRunOption, ProfileOption, YesOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import number_option, option
from pytest_insight.cli.options.selection import SessionOptions, whole_sessions
from pytest_insight.cli.options.tests import TestOptions
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.render.store import pinned_text
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.store import named_profile, storage_of
from pytest_insight.cli.terminal.confirm import confirm
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.storage.undo.records import Command

KeepOption = Annotated[
    int | None,
    number_option(
        "Delete all but the N newest sessions; those without results are deleted first.",
        "--keep",
        whole=True,
        example="500",
        metavar="N",
    ),
]


@takes(selection=SessionOptions, having=TestOptions)
def clear(
    ctx: typer.Context,
    *,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    having: TestOptions,
) -> None:
    """Delete the selected sessions, pinned ones too. Asks first.

    Without a selection, all sessions are deleted. Options about tests select the sessions that have
    such a test; all their tests are deleted.

    Example: insight sessions clear --sut old-service --dry-run
    """
    from pytest_insight.storage.undo import operations

    storage = storage_of(ctx, profile)
    query = whole_sessions(storage, selection, having)
    ids = query.session_ids()
    where = f"{storage.location}{pinned_text(storage, ids)}"
    what = f"{plural(len(ids), 'session')} in {where}"
    if not ids:
        say(f"nothing to delete: {nothing_found(query)}")
    elif dry_run:
        say(f"would delete {what}")
    elif confirm(f"Delete {what}?", yes):
        _delete(
            lambda command: operations.delete(storage, ids, command),
            "sessions clear",
            where,
            named_profile(ctx, profile),
        )


def prune(
    ctx: typer.Context,
    *,
    older_than: Annotated[
        str | None,
        option(
            "Delete sessions that started longer ago than SPAN.",
            "--older-than",
            example="90d",
            metavar="SPAN",
        ),
    ] = None,
    keep: KeepOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Delete old sessions, but never pinned ones. Asks first.

    Example: insight sessions prune --older-than 90d --yes
    """
    from pytest_insight.filters import arguments
    from pytest_insight.storage.undo import operations

    seconds = None if older_than is None else arguments.span("--older-than", older_than)
    if seconds is None and keep is None:
        raise UsageError("give --older-than or --keep")
    storage = storage_of(ctx, profile)
    if not dry_run:
        storage.check_writable()  # before asking
    old = storage.prune_sessions(older_than=seconds, keep=keep, dry_run=True)
    what = f"{plural(len(old), 'session')} in {storage.location}"
    if not old:
        say(f"nothing to prune in {storage.location}")
    elif dry_run:
        say(f"would delete {what}: {old[0]}{f' to {old[-1]}' if len(old) > 1 else ''}")
    elif confirm(f"Delete {what}?", yes):
        _delete(
            lambda command: operations.prune(storage, command, older_than=seconds, keep=keep),
            "sessions prune",
            storage.location,
            named_profile(ctx, profile),
        )


def _delete(
    operation: Callable[[Command], int], name: str, location: str, profile: str | None
) -> None:
    from pytest_insight.storage.undo.records import Command

    command = Command(name)
    with progress_shown():
        count = operation(command)
    say(f"deleted {plural(count, 'session')} in {location}")
    print_undo_hint(command, profile)
