"""`insight sessions prune|pin|unpin|verify|repair`: keeping a store small and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.commands.sessions.undo import tell_of_undo
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import (
    DryRunOption,
    ProfileOption,
    YesOption,
    option,
    profile_named,
    storage_of,
)
from pytest_insight.cli.options.session_names import session_patterns
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.confirm import confirmed
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import shown_progress
from pytest_insight.errors import first_of

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.storage.verification import Verification

EXIT_DAMAGE = 1

SessionsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="ID",
        autocompletion=candidates.sessions,
        help="IDs, the beginning of one, wildcards, or `last`.",
    ),
]


def prune(
    ctx: typer.Context,
    *,
    older_than: Annotated[
        str | None,
        option("That started so long ago.", "--older-than", example="90d", metavar="SPAN"),
    ] = None,
    keep: Annotated[
        int | None,
        option("All but so many of the newest.", "--keep", example="500", metavar="N", min=0),
    ] = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Delete old sessions, never pinned ones. Asks first.

    Example: insight sessions prune --older-than 90d --yes
    """
    from pytest_insight.filters import arguments

    seconds = None if older_than is None else arguments.span("--older-than", older_than)
    if seconds is None and keep is None:
        raise typer.BadParameter("say which: --older-than SPAN or --keep N, or both")
    storage = storage_of(ctx, profile)
    if not dry_run:
        storage.check_writable()  # before anybody is asked
    old = storage.prune_sessions(older_than=seconds, keep=keep, dry_run=True)
    if not old:
        say(f"nothing to prune in {storage.location}")
        return
    what = f"{plural(len(old), 'session')} in {storage.location}"
    if dry_run:
        say(f"would delete {what}: {old[0]}{f' to {old[-1]}' if len(old) > 1 else ''}")
    elif confirmed(f"Delete {what}?", yes):
        from pytest_insight.storage.undo import operations
        from pytest_insight.storage.undo.records import Command

        command = Command("sessions prune")
        with shown_progress():
            count = operations.prune(storage, command, older_than=seconds, keep=keep)
        say(f"deleted {plural(count, 'session')} in {storage.location}")
        tell_of_undo(command, profile_named(ctx, profile))


def pin(ctx: typer.Context, sessions: SessionsArgument, *, profile: ProfileOption = None) -> None:
    """Keep sessions for good: pruning leaves them alone.

    Example: insight sessions pin last
    """
    _mark(storage_of(ctx, profile), sessions, pinned=True)


def unpin(ctx: typer.Context, sessions: SessionsArgument, *, profile: ProfileOption = None) -> None:
    """Let pruning delete sessions again.

    Example: insight sessions unpin last
    """
    _mark(storage_of(ctx, profile), sessions, pinned=False)


def _mark(storage: BaseStorage, names: list[str], *, pinned: bool) -> None:
    from pytest_insight.errors import StorageError
    from pytest_insight.filters import Selection, SessionIdMatches

    patterns = tuple(session_patterns(storage, names))
    ids = storage.session_ids(Selection((SessionIdMatches(patterns),)))
    if not ids:
        raise StorageError(
            f"no session of {storage.location} matches {', '.join(names)}: "
            "see which there are with: insight sessions list",
            storage.location,
        )
    changed = storage.pin_sessions(ids, pinned=pinned)
    word = "pinned" if pinned else "unpinned"
    already = f" ({len(ids) - len(changed)} were before)" if len(changed) < len(ids) else ""
    say(f"{word} {plural(len(changed), 'session')} in {storage.location}{already}")


def verify(ctx: typer.Context, *, profile: ProfileOption = None) -> None:
    """Read the whole store and say what was found; exit status 1 where anything is damaged.

    Example: insight sessions verify
    """
    storage = storage_of(ctx, profile)
    with shown_progress():
        found = storage.verify()
    _tell(found, storage)
    if not found.sound:
        say("save what can be read with: insight sessions repair")
        raise typer.Exit(EXIT_DAMAGE)


def repair(
    ctx: typer.Context,
    *,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Rewrite the store with every session that can be read; a damaged file is kept beside it.

    Example: insight sessions repair --dry-run
    """
    storage = storage_of(ctx, profile)
    from pytest_insight.storage.undo import operations
    from pytest_insight.storage.undo.records import Command

    command = Command("sessions repair")
    with shown_progress():
        found = storage.verify() if dry_run else operations.repair(storage, command)
    _tell(found, storage)
    if found.tidy:
        say("nothing to repair")
    elif dry_run:
        say(f"would write the store anew with {plural(found.sessions, 'session')}")
    else:
        kept = f"; the file as it was is kept as {found.backup}" if found.backup else ""
        say(f"wrote the store anew with {plural(found.sessions, 'session')}{kept}")
        tell_of_undo(command, profile_named(ctx, profile))


def _tell(found: Verification, storage: BaseStorage) -> None:
    say(
        f"{storage.location}: {plural(found.sessions, 'session')} with "
        f"{plural(found.results, 'result')} can be read"
    )
    for damage in first_of(found.damage):
        say(f"  damaged: {damage}")
    for field in first_of(found.ignored):
        say(f"  not kept when the store is written next: {field}")
    if found.superseded:
        say(f"  older copies of sessions that were saved again: {found.superseded:,}")
    if found.unfinished:
        say("  an interrupted write left something at the end; the next save cuts it off")
    if found.sound and not found.unfinished:
        say("  no damage")
