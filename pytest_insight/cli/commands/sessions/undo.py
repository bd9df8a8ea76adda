"""`insight sessions undo`: undo the last command that changed a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pytest_insight.cli.options.common import DryRunOption, ProfileOption, YesOption
from pytest_insight.cli.render.undo import command_text, loss_text, print_changes
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.confirm import confirm
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import progress_shown

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def undo(
    ctx: typer.Context,
    *,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Undo the last command that deleted, replaced or imported sessions.

    Used again, it undoes the command before. Asks first if that deletes or replaces sessions.

    Example: insight sessions undo --dry-run
    """
    from pytest_insight.storage.undo.restore import undo_last_command

    storage = _storage(ctx, profile)
    key = None
    if dry_run or not yes:
        planned = undo_last_command(storage, dry_run=True)
        if planned is None:
            say(f"nothing to undo in {storage.location}")
            return
        what = f"{command_text(planned)} in {storage.location}"
        if dry_run:
            say(f"would undo {what}")
            print_changes(planned)
            return
        if planned.is_destructive and not confirm(f"Undo {what}? {loss_text(planned)}", yes):
            return
        key = planned.command_key
    with progress_shown():
        done = undo_last_command(storage, key=key)
    if done is None:  # or another process has just undone it
        say(f"nothing to undo in {storage.location}")
        return
    say(f"undid {command_text(done)} in {storage.location}")
    print_changes(done)


def _storage(ctx: typer.Context, profile: str | None) -> BaseStorage:
    """Return the storage; also that of a profile that was deleted with its sessions."""
    from pytest_insight.errors import UnknownProfileError
    from pytest_insight.storage.choice import open_storage
    from pytest_insight.storage.undo.records import find_deleted_profile

    try:
        return storage_of(ctx, profile)
    except UnknownProfileError as exc:
        record = find_deleted_profile(exc.given)
        if record is None or record.profile is None:
            raise
        return open_storage(record.profile)
