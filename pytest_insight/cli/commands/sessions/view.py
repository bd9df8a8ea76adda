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
from pytest_insight.cli.options.project import ProjectOptions
from pytest_insight.cli.options.selection import AskedSessionOptions, whole_sessions
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.options.tests import TestOptions
from pytest_insight.cli.render.formats import ListFormat, ShowFormat
from pytest_insight.cli.render.sessions import list_sessions, print_session
from pytest_insight.cli.terminal.output import print_json


@takes(selection=AskedSessionOptions, having=TestOptions)
def list_(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: AskedSessionOptions,
    having: TestOptions,
) -> None:
    """List sessions, newest first. Options about tests select those that have such a test.

    Example: insight sessions list --days 7 --sut api
    """
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = whole_sessions(storage, selection, having, scope)
    found = list_sessions(query, limit, format_, SESSION_ORDERS.get(sort), scope.note)
    exit_as_gate(query, matched=found, asked=exit_code)


@takes(project=ProjectOptions)
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
    project: ProjectOptions,
) -> None:
    """Show one session: its facts, and what did not pass.

    Example: insight sessions show last
    """
    storage = storage_of(ctx, profile)
    found = find_session(storage, session, project.scope(storage))
    if format_ is ShowFormat.JSON:
        print_json(found)
    else:
        print_session(found, storage.location)
