"""`insight sessions list|show`: the recorded runs."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import (
    ExitCodeOption,
    FormatOption,
    LimitOption,
    ProfileOption,
    ShowFormatOption,
    exit_as_gate,
    storage_of,
    takes,
)
from pytest_insight.cli.options.order import SESSION_ORDERS, SessionSort, SessionSortOption
from pytest_insight.cli.options.selection import SessionOptions, TestOptions, whole_sessions
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.render.formats import ListFormat, ShowFormat
from pytest_insight.cli.render.sessions import list_sessions, print_session
from pytest_insight.cli.terminal.output import print_json


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
    """List sessions, newest first. Options about tests select those that have such a test.

    Example: insight sessions list --days 7 --sut api
    """
    query = whole_sessions(storage_of(ctx, profile), selection, having)
    found = list_sessions(query, limit, format_, SESSION_ORDERS.get(sort))
    exit_as_gate(query, matched=found, asked=exit_code)


def show(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=candidates.sessions,
            help="An ID, an ID prefix, `last`, or `last~1` for the one before.",
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
        print_session(found, storage.location)
