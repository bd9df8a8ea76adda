"""`insight sessions`: the recorded runs."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli import upkeep
from pytest_insight.cli.confirm import confirmed
from pytest_insight.cli.lazy import Commands
from pytest_insight.cli.listing import newest
from pytest_insight.cli.named import find_session
from pytest_insight.cli.options import (
    DryRunOption,
    ExitCodeOption,
    FormatOption,
    LimitOption,
    ListFormat,
    ProfileOption,
    SessionOptions,
    YesOption,
    query_on,
    storage_of,
    takes,
)
from pytest_insight.cli.output import print_json, say
from pytest_insight.cli.tables import print_session, print_sessions
from pytest_insight.cli.text import plural

group = Commands("The recorded runs.")
app = group.app

EXIT_MATCHED = 3


@group.command("list")
@takes(selection=SessionOptions)
def list_(
    ctx: typer.Context,
    *,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
) -> None:
    """List sessions, the newest first.

    Example: insight sessions list --days 7 --sut api
    """
    storage = storage_of(ctx, profile)
    query = query_on(storage, selection)
    found = newest(storage.iter_sessions(query.selection, newest_first=True), limit, format_)
    sessions = print_sessions(found, storage, format_)
    if exit_code and sessions:
        raise typer.Exit(EXIT_MATCHED)


@group.command("show")
def show(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="An ID, the beginning of one, or `last`."),
    ] = "last",
    *,
    profile: ProfileOption = None,
    format_: FormatOption = ListFormat.TABLE,
) -> None:
    """Show one session: its facts, and what did not pass.

    Example: insight sessions show last
    """
    storage = storage_of(ctx, profile)
    found = find_session(storage, session)
    if format_ is ListFormat.JSON:
        print_json(found)
    else:
        print_session(found, storage)


@group.command("clear")
@takes(selection=SessionOptions)
def clear(
    ctx: typer.Context,
    *,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
) -> None:
    """Delete the selected sessions; all of them where nothing is selected. Asks first.

    Example: insight sessions clear --sut old-service --dry-run
    """
    storage = storage_of(ctx, profile)
    query = query_on(storage, selection)
    if query.selection.session_filters:
        ids = [session.session_id for session in storage.iter_sessions(query.selection)]
    else:
        ids = storage.session_ids()
    what = f"{plural(len(ids), 'session')} in {storage.location}"
    if not ids:
        say(f"nothing to delete: no session matches in {storage.location}")
    elif dry_run:
        say(f"would delete {what}")
    elif confirmed(f"Delete {what}?", yes):
        say(f"deleted {plural(storage.clear_sessions(ids), 'session')} in {storage.location}")


for command in (upkeep.prune, upkeep.pin, upkeep.unpin, upkeep.verify, upkeep.repair):
    group.command(command.__name__)(command)
