"""`insight query`: find sessions and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from pytest_insight.cli import near_misses
from pytest_insight.cli.gate import exit_if_found
from pytest_insight.cli.lazy_group import command_group
from pytest_insight.cli.options.common import (
    ExitCodeOption,
    FindFormatOption,
    LimitOption,
    ProfileOption,
)
from pytest_insight.cli.options.fields import SessionFieldsOption, chosen_fields, fields_option
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.order import (
    SESSION_ORDERS,
    SessionSort,
    SessionSortOption,
    TestSort,
    TestSortOption,
    result_order,
    summary_order,
)
from pytest_insight.cli.options.selection import (
    AskedSessionOptions,
    Counts,
    CountsOption,
    matching_tests,
    sessions_query,
)
from pytest_insight.cli.options.tests import NamedTestOptions
from pytest_insight.cli.render.formats import FindFormat
from pytest_insight.cli.render.records import ListOptions
from pytest_insight.cli.render.sessions.sessions import SESSION_FIELDS, list_sessions
from pytest_insight.cli.render.summaries import list_summaries, print_plan
from pytest_insight.cli.render.tests import TEST_FIELDS, list_tests
from pytest_insight.cli.store import storage_of
from pytest_insight.summaries import TestSummary

GroupOption = Annotated[bool, option("One row per test, with totals over all its runs.", "--group")]
FlakyOption = Annotated[
    bool,
    option(
        "As --group, but only tests that `insight flaky` calls flaky, judged by all selected "
        "sessions; most failures first.",
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


TestFieldsOption = Annotated[
    str | None, fields_option(lambda ctx: _test_fields(ctx.params), "nodeid,message")
]


def _test_fields(given: Mapping[str, Any]) -> Sequence[str]:
    one_row_per_test = given.get("group") or given.get("flaky")
    return TestSummary.__struct_fields__ if one_row_per_test else TEST_FIELDS


@takes(selection=AskedSessionOptions, which=NamedTestOptions)
def find_sessions(
    ctx: typer.Context,
    *,
    sort: SessionSortOption = SessionSort.STARTED,
    limit: LimitOption = None,
    format_: FindFormatOption = FindFormat.TABLE,
    fields: SessionFieldsOption = None,
    counts: CountsOption = Counts.MATCHING,
    explain: ExplainOption = False,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: AskedSessionOptions,
    which: NamedTestOptions,
) -> None:
    """Find sessions that have matching tests: `sessions list --counts matching`.

    Example: insight query sessions --outcome failed --days 7
    """
    chosen = chosen_fields(fields, SESSION_FIELDS, format_)
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = sessions_query(storage, selection, which, scope, counts)
    if explain:
        print_plan(query)
        return
    options = ListOptions(format_, limit, scope.note, chosen)
    found = list_sessions(query, options, SESSION_ORDERS.get(sort))
    exit_if_found(query, found=found, asked=exit_code)


@takes(selection=AskedSessionOptions, which=NamedTestOptions)
def find_tests(
    ctx: typer.Context,
    *,
    sort: TestSortOption = TestSort.STARTED,
    limit: LimitOption = None,
    format_: FindFormatOption = FindFormat.TABLE,
    fields: TestFieldsOption = None,
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

    Example: insight query tests --failed --session last --format nodeids
    """
    chosen = chosen_fields(fields, _test_fields(ctx.params), format_)
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    query = matching_tests(storage, selection, which, scope)
    if explain:
        print_plan(query)
        return
    options = ListOptions(format_, limit, scope.note, chosen)
    if group or flaky:
        order = summary_order(sort, flaky=flaky)
        found = list_summaries(query, options, order, flaky=flaky, percentiles=percentiles)
    else:
        by_duration = sort is TestSort.DURATION
        found = list_tests(query, options, result_order(sort), by_duration=by_duration)
    exit_if_found(query, found=found, asked=exit_code)


app = command_group(
    "Find sessions and tests.",
    near_misses.QUERY,
    {"Commands": {"tests": find_tests, "sessions": find_sessions}},
)
