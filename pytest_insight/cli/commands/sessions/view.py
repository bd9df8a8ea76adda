"""`insight sessions list|show`: the recorded runs."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.gate import exit_if_found
from pytest_insight.cli.options.common import (
    ExitCodeOption,
    FormatOption,
    LimitOption,
    ProfileOption,
    ShowFormatOption,
)
from pytest_insight.cli.options.fields import SessionFieldsOption, chosen_fields
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.order import SESSION_ORDERS, SessionSort, SessionSortOption
from pytest_insight.cli.options.project import ProjectOptions
from pytest_insight.cli.options.selection import (
    AskedSessionOptions,
    Counts,
    CountsOption,
    sessions_query,
)
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.options.tests import TestOptions
from pytest_insight.cli.render.formats import ListFormat, ShowFormat
from pytest_insight.cli.render.records import ListOptions
from pytest_insight.cli.render.sessions.sessions import SESSION_FIELDS, list_sessions
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.output import print_json
from pytest_insight.cli.terminal.pager import paged


@takes(selection=AskedSessionOptions, having=TestOptions)
def list_(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    fields: SessionFieldsOption = None,
    wide: Annotated[
        bool, option("Whole IDs and start times, in lines wider than the terminal.", "--wide")
    ] = False,
    counts: CountsOption = Counts.ALL,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: AskedSessionOptions,
    having: TestOptions,
) -> None:
    """List sessions, newest first. Options about tests select those that have such a test.

    Example: insight sessions list --days 7 --sut api
    """
    chosen = chosen_fields(fields, SESSION_FIELDS, format_)
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = sessions_query(storage, selection, having, scope, counts)
    options = ListOptions(format_, limit, scope.note, chosen)
    found = list_sessions(query, options, SESSION_ORDERS.get(sort), wide=wide)
    exit_if_found(query, found=found, asked=exit_code)


@takes(project=ProjectOptions)
def show(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=candidates.sessions,
            help="An ID, its beginning or end, `last`, or `last~1` for the one before.",
        ),
    ] = "last",
    *,
    verbose: Annotated[
        bool,
        option("Every failure in full, with output; all warnings and facts.", "--verbose", "-v"),
    ] = False,
    profile: ProfileOption = None,
    format_: ShowFormatOption = ShowFormat.TABLE,
    project: ProjectOptions,
) -> None:
    """Show one session: what did not pass, its warnings and its facts.

    Example: insight sessions show last
    """
    storage = storage_of(ctx, profile)
    found = find_session(storage, session, project.scope(storage))
    with paged():
        if format_ is ShowFormat.JSON:
            print_json(found)
        else:
            from pytest_insight.analyze.scope import project_rules
            from pytest_insight.cli.render.sessions.session import print_session  # not for a list

            print_session(found, storage.location, project_rules(), verbose=verbose)
