"""`insight query`: finding sessions and tests."""

from __future__ import annotations

import typer

from pytest_insight.cli.lazy_group import Commands
from pytest_insight.cli.options.common import (
    EXIT_MATCHED,
    ExitCodeOption,
    FindFormat,
    FindFormatOption,
    LimitOption,
    ProfileOption,
    storage_of,
    takes,
)
from pytest_insight.cli.options.selection import SessionOptions, TestOptions, matching_tests
from pytest_insight.cli.options.sorting import (
    SessionSort,
    SessionSortOption,
    TestSort,
    TestSortOption,
)
from pytest_insight.cli.render.summaries import (
    ExplainOption,
    FlakyOption,
    GroupOption,
    PercentilesOption,
    list_groups,
    print_plan,
)
from pytest_insight.cli.render.tables import list_sessions, list_tests
from pytest_insight.summaries import SummaryOrder

group = Commands("Find sessions and tests.")
app = group.app


@group.command("sessions")
@takes(selection=SessionOptions, which=TestOptions)
def find_sessions(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FindFormatOption = FindFormat.TABLE,
    explain: ExplainOption = False,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    which: TestOptions,
) -> None:
    """Find sessions that have matching tests, the newest first; counts are of those tests.

    Example: insight query sessions --outcome failed --days 7
    """
    storage = storage_of(ctx, profile)
    query = matching_tests(storage, selection, which)
    if explain:
        print_plan(query, storage)
        return
    if list_sessions(query, storage, limit, format_, sort) and exit_code:
        raise typer.Exit(EXIT_MATCHED)


@group.command("tests")
@takes(selection=SessionOptions, which=TestOptions)
def find_tests(
    ctx: typer.Context,
    *,
    sort: TestSortOption = TestSort.STARTED,
    limit: LimitOption = None,
    format_: FindFormatOption = FindFormat.TABLE,
    group: GroupOption = False,
    flaky: FlakyOption = False,
    percentiles: PercentilesOption = True,
    explain: ExplainOption = False,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    which: TestOptions,
) -> None:
    """Find test results, those of the newest session first.

    Example: insight query tests --outcome failed --session last --format nodeids
    """
    storage = storage_of(ctx, profile)
    query = matching_tests(storage, selection, which)
    if explain:
        print_plan(query, storage)
        return
    if group or flaky:
        found = list_groups(
            query, storage, limit, format_, sort, flaky=flaky, percentiles=percentiles
        )
    elif str(sort) in list(SummaryOrder):
        raise typer.BadParameter(f"--sort {sort} is of all results of a test: add --group")
    else:
        found = list_tests(query, storage, limit, format_, sort)
    if found and exit_code:
        raise typer.Exit(EXIT_MATCHED)
