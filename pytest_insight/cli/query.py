"""`insight query`: finding sessions and tests."""

from __future__ import annotations

import typer

from pytest_insight.cli.lazy import Commands
from pytest_insight.cli.listing import newest
from pytest_insight.cli.options import (
    ExitCodeOption,
    FormatOption,
    LimitOption,
    ListFormat,
    ProfileOption,
    SessionOptions,
    query_on,
    storage_of,
    takes,
)
from pytest_insight.cli.sessions import EXIT_MATCHED
from pytest_insight.cli.tables import print_sessions, print_tests
from pytest_insight.cli.test_options import TestOptions

group = Commands("Find sessions and tests.")
app = group.app


@group.command("sessions")
@takes(selection=SessionOptions, tests=TestOptions)
def find_sessions(
    ctx: typer.Context,
    *,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    tests: TestOptions,
) -> None:
    """Find sessions that have matching tests, the newest first; counts are of those tests.

    Example: insight query sessions --outcome failed --days 7
    """
    storage = storage_of(ctx, profile)
    query = query_on(storage, selection, tests)
    found = newest(storage.iter_sessions(query.selection, newest_first=True), limit, format_)
    sessions = print_sessions(found, storage, format_)
    if exit_code and sessions:
        raise typer.Exit(EXIT_MATCHED)


@group.command("tests")
@takes(selection=SessionOptions, which=TestOptions)
def find_tests(
    ctx: typer.Context,
    *,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    which: TestOptions,
) -> None:
    """Find test results, those of the newest session first.

    Example: insight query tests --outcome failed --nodeid test_login
    """
    storage = storage_of(ctx, profile)
    query = query_on(storage, selection, which)
    pairs = (
        (session, result)
        for session in storage.iter_sessions(query.selection, newest_first=True)
        for result in session.test_results
    )
    tests = print_tests(newest(pairs, limit, format_, usual=100), storage, format_)
    if exit_code and tests:
        raise typer.Exit(EXIT_MATCHED)
