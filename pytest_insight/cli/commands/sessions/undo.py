"""`insight sessions undo`, and what the commands that can be taken back have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from pytest_insight.cli.options.common import (
    DryRunOption,
    ProfileOption,
    YesOption,
    profile_named,
    storage_of,
)
from pytest_insight.cli.render.text import plural, time_text
from pytest_insight.cli.terminal.confirm import confirmed
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import shown_progress

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.storage.undo.records import Command
    from pytest_insight.storage.undo.restore import UndoReport

MOST_NAMED = 10


def undo(
    ctx: typer.Context,
    *,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Take back the last command that deleted, replaced or imported sessions, then the one before.

    Asks first where something would be gone that is there now.

    Example: insight sessions undo --dry-run
    """
    from pytest_insight.storage.undo.restore import undo_last_command

    storage = _storage(ctx, profile)
    planned = undo_last_command(storage, dry_run=True)
    if planned is None:
        say(f"there is nothing to take back in {storage.location}")
        return
    if dry_run:
        say(f"would take back {_named(planned)} in {storage.location}")
        _tell(planned)
        return
    if planned.is_destructive and not confirmed(
        f"Take back {_named(planned)} in {storage.location}? {_taken_away(planned)}", yes
    ):
        return
    with shown_progress():
        done = undo_last_command(storage, key=planned.command_key)
    if done is None:
        say(f"another process has just taken back {_named(planned)} in {storage.location}")
        return
    say(f"took back {_named(done)} in {storage.location}")
    _tell(done)


def delete(
    ctx: typer.Context, profile: str | None, storage: BaseStorage, ids: Collection[str], name: str
) -> int:
    """Delete sessions for a command of that name, and say how to take it back; returns how many."""
    from pytest_insight.storage.undo import operations as library
    from pytest_insight.storage.undo.records import Command

    command = Command(name)
    with shown_progress():
        count = library.delete(storage, ids, command)
    say(f"deleted {plural(count, 'session')} in {storage.location}")
    tell_of_undo(command, profile_named(ctx, profile))
    return count


def tell_of_undo(command: Command, profile: str | None) -> None:
    """Say how to take a command back, where it can be.

    Args:
        command: what was done.
        profile: whose store it changed; None for the one in use.
    """
    if command.can_be_undone:
        named = f"--profile {profile} " if profile else ""
        say(f"take this back with: insight {named}sessions undo")


def _storage(ctx: typer.Context, profile: str | None) -> BaseStorage:
    """The storage that is meant; also that of a profile that was deleted with its sessions."""
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


def _named(undone: UndoReport) -> str:
    return f"{undone.command_name!r} of {time_text(undone.time)}"


def _taken_away(undone: UndoReport) -> str:
    parts = []
    if undone.removed:
        parts.append(f"{plural(len(undone.removed), 'session')} that it had added would go.")
    if undone.reverted:
        parts.append(f"{plural(len(undone.reverted), 'session')} would be as before it.")
    if undone.backup:
        parts.append("The damaged file would be in its place again.")
    return " ".join(parts)


def _tell(undone: UndoReport) -> None:
    for names, what in (
        (undone.restored, "brought back"),
        (undone.reverted, "as before they were replaced"),
        (undone.removed, "removed, as they had been added"),
        (undone.changed_since, "left as they are, saved or changed since"),
    ):
        if names:
            say(f"  {what}: {plural(len(names), 'session')} ({_listed(names)})")
    if undone.profile is not None:
        say(f"  the profile {undone.profile.name!r} is there again")
    if undone.backup:
        say(f"  the file as it was before: {undone.backup}")
    if undone.kept:
        say(f"  what was taken out is kept, to be imported again: {undone.kept}")
    if not undone.changes:
        say("  nothing is to be done for it")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
