"""Tests with what all their results together say: `insight query tests --group`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pytest_insight.cli.options.common import FindFormat, option
from pytest_insight.cli.options.sorting import TestSort
from pytest_insight.cli.render.listing import Column, Listed, print_listing
from pytest_insight.cli.render.outcomes import counts_text
from pytest_insight.cli.render.tables import NO_SESSIONS, NOTHING_MATCHES, print_nodeids
from pytest_insight.cli.render.text import age_text, duration_text, outcome_text, plural, styled
from pytest_insight.cli.terminal.output import print_styled, say
from pytest_insight.models import TestOutcome
from pytest_insight.summaries import SummaryOrder, TestSummary

if TYPE_CHECKING:
    from pytest_insight.query.query import Query
    from pytest_insight.storage.base import BaseStorage

NO_STEPS = "no filter is given, so everything in {} is found"

USUAL = 20
ROOMY = 100

GroupOption = Annotated[
    bool,
    option(
        "Each test once, with what all its results say; sorted by mean, p95, failures, last.",
        "--group",
    ),
]
FlakyOption = Annotated[
    bool,
    option(
        "As --group, but only tests that passed and also failed, had an error or were run again; "
        "the most failures first.",
        "--flaky",
    ),
]
PercentilesOption = Annotated[
    bool,
    option(
        "With --group: with p50 and p95, for which a database looks at every single result.",
        "--percentiles/--no-percentiles",
    ),
]
ExplainOption = Annotated[bool, option("Say how it would be found, and find nothing.", "--explain")]


def order_of(sort: TestSort) -> SummaryOrder | None:
    """What groups are sorted by; None by nodeid.

    Raises:
        typer.BadParameter: only single results have it.
    """
    if sort in (TestSort.STARTED, TestSort.NODEID):
        return None
    try:
        return SummaryOrder(sort)
    except ValueError:
        orders = ", ".join([*SummaryOrder, TestSort.NODEID])
        raise typer.BadParameter(f"--group is sorted by {orders}, not by {sort}") from None


def list_groups(
    query: Query,
    storage: BaseStorage,
    limit: int | None,
    format_: FindFormat,
    sort: TestSort,
    *,
    flaky: bool,
    percentiles: bool,
) -> bool:
    """Print one line per test; returns whether there are any."""
    order = order_of(sort)
    if flaky and sort is TestSort.STARTED:
        order = SummaryOrder.FAILURES
    if limit is None:
        limit = USUAL if format_ is FindFormat.TABLE else 0
    most = limit + 1 if limit else None
    found = query.group_by_test(sort=order, limit=most, percentiles=percentiles, flaky=flaky)
    shown = found[:limit] if limit else found
    if format_ is FindFormat.NODEIDS:
        return print_nodeids(shown)
    print_listing(
        Listed(shown, more=len(found) > len(shown)),
        _columns(percentiles=percentiles or order is SummaryOrder.P95),
        format_,
        fields=TestSummary.__struct_fields__,
        as_json=_as_json,
        caption=f"{plural(len(shown), 'test')} of {storage.location}",
        nothing=lambda: NOTHING_MATCHES.format(storage.location),
    )
    return bool(shown)


def print_plan(query: Query, storage: BaseStorage) -> None:
    """Print how a query is answered, a line for each step; say so where there is none."""
    lines = query.explain()
    for line in lines:
        print_styled(styled(line))
    if not lines:
        say((NO_STEPS if storage.session_ids() else NO_SESSIONS).format(storage.location))


def _columns(*, percentiles: bool) -> list[Column]:
    now = datetime.now(UTC)
    columns = [
        Column("Test", lambda t: t.nodeid, fit="shorten"),
        Column("Results", lambda t: f"{t.results:,}", "right"),
        Column("Mean", lambda t: duration_text(t.mean), "right"),
        Column("p50", lambda t: duration_text(t.p50), "right", room=ROOMY),
        Column("p95", lambda t: duration_text(t.p95), "right"),
        Column("Longest", lambda t: duration_text(t.maximum), "right", room=ROOMY),
        Column("Last", lambda t: outcome_text(t.last_outcome), room=ROOMY),
        Column("Seen", lambda t: age_text(t.last_seen, now), "right"),
        Column("Outcomes", _outcomes, fit="fold"),
    ]
    return [each for each in columns if percentiles or each.header not in ("p50", "p95")]


def _outcomes(test: TestSummary) -> Any:
    return counts_text({TestOutcome(name): count for name, count in test.outcomes.items()})


def _as_json(test: TestSummary) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(test)
    return fields
