"""`insight query`: find sessions and tests."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli import near_misses
from pytest_insight.cli.lazy_group import command_group
from pytest_insight.cli.options.common import (
    ExitCodeOption,
    FindFormatOption,
    LimitOption,
    ProfileOption,
    exit_as_gate,
    option,
    storage_of,
    takes,
)
from pytest_insight.cli.options.order import (
    SESSION_ORDERS,
    SessionSort,
    SessionSortOption,
    TestSort,
    TestSortOption,
    result_order,
    summary_order,
)
from pytest_insight.cli.options.selection import AskedSessionOptions, matching_tests
from pytest_insight.cli.options.tests import NamedTestOptions
from pytest_insight.cli.render.formats import FindFormat
from pytest_insight.cli.render.sessions import list_sessions
from pytest_insight.cli.render.summaries import list_summaries, print_plan
from pytest_insight.cli.render.tests import list_tests

GroupOption = Annotated[bool, option("One row per test, with totals over all its runs.", "--group")]
FlakyOption = Annotated[
    bool,
    option(
        "As --group, but only tests that both passed and failed, had an error or were run again; "
        "most failures first.",
        "--flaky",
    ),
]
PercentilesOption = Annotated[
    bool,
    option(
        "With --group: show p50 and p95, for which a database reads every result.",
        "--percentiles/--no-percentiles",
    ),
]
ExplainOption = Annotated[
    bool, option("Print the query plan instead of running the query.", "--explain")
]


@takes(selection=AskedSessionOptions, which=NamedTestOptions)
def find_sessions(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FindFormatOption = FindFormat.TABLE,
    explain: ExplainOption = False,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: AskedSessionOptions,
    which: NamedTestOptions,
) -> None:
    """Find sessions that have matching tests, newest first, with the counts of those tests.

    Example: insight query sessions --outcome failed --days 7
    """
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = matching_tests(storage, selection, which, scope)
    if explain:
        print_plan(query)
        return
    found = list_sessions(query, limit, format_, SESSION_ORDERS.get(sort), scope.note)
    exit_as_gate(query, matched=found, asked=exit_code)


@takes(selection=AskedSessionOptions, which=NamedTestOptions)
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
    selection: AskedSessionOptions,
    which: NamedTestOptions,
) -> None:
    """Find test results, those of the newest session first.

    Example: insight query tests --outcome failed --session last --format nodeids
    """
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = matching_tests(storage, selection, which, scope)
    if explain:
        print_plan(query)
        return
    if group or flaky:
        order = summary_order(sort, flaky=flaky)
        found = list_summaries(
            query, limit, format_, order, scope.note, flaky=flaky, percentiles=percentiles
        )
    else:
        found = list_tests(
            query,
            limit,
            format_,
            result_order(sort),
            scope.note,
            by_duration=sort is TestSort.DURATION,
        )
    exit_as_gate(query, matched=found, asked=exit_code)


app = command_group(
    "Find sessions and tests.",
    near_misses.QUERY,
    {"Commands": {"tests": find_tests, "sessions": find_sessions}},
)
