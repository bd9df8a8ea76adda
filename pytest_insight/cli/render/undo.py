"""Undo for people: how to undo a command, and what undoing it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_insight.cli.terminal.output import say
from pytest_insight.models.text import plural, time_text

if TYPE_CHECKING:
    from pytest_insight.storage.undo.records import Command
    from pytest_insight.storage.undo.restore import UndoReport

MOST_IDS = 10


def print_undo_hint(command: Command, profile: str | None) -> None:
    """Print how to undo a command, if it can be report.

    Args:
        command: what was done.
        profile: the profile whose store it changed; None for the one in use.
    """
    if command.can_be_undone:
        named = f"--profile {profile} " if profile else ""
        say(f"undo this with: insight {named}sessions undo")


def command_text(report: UndoReport) -> str:
    """Return the name of the undone command and its time."""
    return f"{report.command_name!r} of {time_text(report.time)}"


def loss_text(report: UndoReport) -> str:
    """Return the changes that take something out of the store, as sentences."""
    parts = []
    if report.removed:
        parts.append(f"{plural(len(report.removed), 'session')} that it added would be deleted.")
    if report.reverted:
        parts.append(f"{plural(len(report.reverted), 'session')} would be as before it.")
    if report.backup:
        parts.append("The damaged file would take the place of the store again.")
    return " ".join(parts)


def print_changes(report: UndoReport) -> None:
    """Print what undoing a command changed, or would change."""
    for ids, what in (
        (report.restored, "restored"),
        (report.reverted, "as before they were replaced"),
        (report.removed, "deleted, because they had been added"),
        (report.changed_since, "left as they are, because they were saved or changed since"),
    ):
        if ids:
            say(f"  {what}: {plural(len(ids), 'session')} ({listed(ids)})")
    if report.profile is not None:
        say(f"  the profile {report.profile.name!r} exists again")
    if report.backup:
        say(f"  the file as it was before: {report.backup}")
    if report.kept:
        say(f"  what was taken out can be imported again from: {report.kept}")
    if not report.changes:
        say("  nothing needs to be changed")


def listed(ids: Sequence[str]) -> str:
    """Return the first IDs, and the number of the others."""
    more = len(ids) - MOST_IDS
    return ", ".join(ids[:MOST_IDS]) + (f" and {more:,} more" if more > 0 else "")
