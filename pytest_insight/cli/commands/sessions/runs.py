"""`insight sessions`: the recorded runs."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli.commands.sessions import undo, upkeep
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.lazy_group import Commands
from pytest_insight.cli.options.common import (
    EXIT_MATCHED,
    DryRunOption,
    ExitCodeOption,
    FormatOption,
    LimitOption,
    ListFormat,
    ProfileOption,
    ShowFormat,
    ShowFormatOption,
    YesOption,
    storage_of,
    takes,
)
from pytest_insight.cli.options.selection import SessionOptions, TestOptions, whole_sessions
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.options.sorting import SessionSort, SessionSortOption
from pytest_insight.cli.render.session import print_session
from pytest_insight.cli.render.tables import list_sessions
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.confirm import confirmed
from pytest_insight.cli.terminal.output import print_json, say

group = Commands("The recorded runs.")
app = group.app


@group.command("list")
@takes(selection=SessionOptions, having=TestOptions)
def list_(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    having: TestOptions,
) -> None:
    """List sessions, the newest first; with options about tests, those that have such a test.

    Example: insight sessions list --days 7 --sut api
    """
    storage = storage_of(ctx, profile)
    query = whole_sessions(storage, selection, having)
    if list_sessions(query, storage, limit, format_, sort) and exit_code:
        raise typer.Exit(EXIT_MATCHED)


@group.command("show")
def show(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=candidates.sessions,
            help="An ID, the beginning of one, `last`, `last~1` before it.",
        ),
    ] = "last",
    *,
    profile: ProfileOption = None,
    format_: ShowFormatOption = ShowFormat.TABLE,
) -> None:
    """Show one session: its facts, and what did not pass.

    Example: insight sessions show last
    """
    storage = storage_of(ctx, profile)
    found = find_session(storage, session)
    if format_ is ShowFormat.JSON:
        print_json(found)
    else:
        print_session(found, storage)


@group.command("clear")
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
    """Delete the selected sessions; all of them where nothing is selected. Asks first.

    Options about tests select the sessions that have such a test; they are deleted whole.

    Example: insight sessions clear --sut old-service --dry-run
    """
    storage = storage_of(ctx, profile)
    ids = storage.session_ids(whole_sessions(storage, selection, having).selection)
    what = f"{plural(len(ids), 'session')} in {storage.location}"
    if not ids:
        say(f"nothing to delete: no session matches in {storage.location}")
    elif dry_run:
        say(f"would delete {what}")
    elif confirmed(f"Delete {what}?", yes):
        undo.delete(ctx, profile, storage, ids, "sessions clear")


for command in (upkeep.prune, upkeep.pin, upkeep.unpin, upkeep.verify, upkeep.repair, undo.undo):
    group.command(command.__name__)(command)
