"""`insight sessions verify|repair`: find and repair damage in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.options.common import DryRunOption, ProfileOption
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.store import named_profile, storage_of
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.errors import list_first
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.storage.verification import Verification


def verify(ctx: typer.Context, *, profile: ProfileOption = None) -> None:
    """Read the whole store and report damage. The exit status is 1 if there is any.

    Example: insight sessions verify
    """
    storage = storage_of(ctx, profile)
    with progress_shown():
        found = storage.verify()
    _print_verification(found, storage.location)
    if not found.sound:
        say(found.remedy)
        raise typer.Exit(exit_status.ERROR)


def repair(
    ctx: typer.Context,
    *,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Rewrite the store with every session that can be read. A damaged file is backed up.

    Example: insight sessions repair --dry-run
    """
    from pytest_insight.storage.undo import operations
    from pytest_insight.storage.undo.records import Command

    storage = storage_of(ctx, profile)
    command = Command("sessions repair")
    with progress_shown():
        found = storage.verify() if dry_run else operations.repair(storage, command)
    _print_verification(found, storage.location)
    if found.tidy:
        say("nothing to repair")
    elif not found.repairable:
        say(f"the store would not be changed; {found.remedy}")
        raise typer.Exit(exit_status.ERROR)
    elif dry_run:
        say(f"would rewrite the store with {plural(found.sessions, 'session')}")
    else:
        kept = f"; the file as it was is kept as {found.backup}" if found.backup else ""
        say(f"rewrote the store with {plural(found.sessions, 'session')}{kept}")
        print_undo_hint(command, named_profile(ctx, profile))


def _print_verification(found: Verification, location: str) -> None:
    say(
        f"{location}: {plural(found.sessions, 'session')} with "
        f"{plural(found.results, 'result')} can be read"
    )
    for damage in list_first(found.damage):
        say(f"  damaged: {damage}")
    for field in list_first(found.ignored):
        say(f"  not kept when the store is rewritten: {field}")
    if found.superseded:
        say(f"  older copies of sessions that were saved again: {found.superseded:,}")
    if found.unfinished:
        say(
            "  an interrupted write left bytes at the end; the next save moves them to a .torn file"
        )
    if found.future:
        say(
            f"  dated in the future, so never the last one and in no period: "
            f"{', '.join(list_first(found.future, most=3))}; delete with: "
            "insight sessions clear --session ID"
        )
    if found.sound and not found.unfinished:
        say("  no damage")
