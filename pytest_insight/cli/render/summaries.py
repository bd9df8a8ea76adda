"""Summaries of tests over all their results, and query plans."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.cli.render.formats import FindFormat
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.render.outcomes import counts_text, outcome_text
from pytest_insight.cli.render.records import ListOptions, Records, print_records
from pytest_insight.cli.render.store import has_sessions, origin
from pytest_insight.cli.render.table import Column
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.terminal.damage import refuse_empty_answer
from pytest_insight.cli.terminal.output import print_styled, say
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.filters import NodeidUnder, StartedBetween
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import ago_text, duration_text
from pytest_insight.summaries import SummaryOrder, TestSummary

if TYPE_CHECKING:
    from pytest_insight.query import Query

RANKED = frozenset({SummaryOrder.MEAN, SummaryOrder.FAILURES, SummaryOrder.LAST})
"""The orders in which a database finds the first tests without reading all results."""
DATABASES = ("sqlite", "postgresql")
EVIDENCE = "the evidence, without incidents: insight flaky"


def list_summaries(
    query: Query,
    options: ListOptions,
    order: SummaryOrder | None,
    *,
    flaky: bool,
    percentiles: bool,
) -> bool:
    """Print one line per test.

    Args:
        query: the tests.
        options: how they are printed.
        order: the order; None for that of the nodeids.
        flaky: only of the tests with the verdict flaky.
        percentiles: as for `Query.group_by_test`.

    Returns:
        Whether there are any.
    """
    storage = query.open_storage()
    most = options.most()
    # A database reads all results of the first tests only; the number of the others is unknown.
    is_ranked = order in RANKED and storage.storage_type in DATABASES
    cut = most + 1 if most and is_ranked and not flaky else None
    if flaky:
        found = _flaky(query, order, percentiles=percentiles)
    else:
        found = query.group_by_test(sort=order, limit=cut, percentiles=percentiles)
    shown = found[:most] if most else found
    if options.format_ is FindFormat.NODEIDS:
        return print_nodeids(shown)
    print_records(
        Records(shown, None if cut and len(found) > most else len(found)),
        _columns(shown, order, percentiles=percentiles or order is SummaryOrder.P95),
        options.format_,
        fields=TestSummary.__struct_fields__,
        as_json=msgspec.to_builtins,
        noun="test",
        notes=(origin(storage), options.note, EVIDENCE if flaky else ""),
        nothing=lambda: nothing_found(query, options.note, flaky=flaky),
        chosen=options.chosen(getattr),
    )
    return bool(shown)


def _flaky(query: Query, order: SummaryOrder | None, *, percentiles: bool) -> list[TestSummary]:
    """Return the summaries of the tests with the verdict flaky, of all sessions of the query."""
    from msgspec.structs import replace

    from pytest_insight import analyze
    from pytest_insight.query import Query

    selection = query.selection
    every_time = (
        *selection.session_filters,
        StartedBetween(since=datetime.min.replace(tzinfo=UTC)),
    )
    judged = replace(selection, session_filters=every_time, test_filters=())
    verdicts = analyze.verdicts(Query(judged, storage=query.open_storage()), durations=False)
    keys = {(each.sut, each.nodeid) for each in verdicts.flaky}
    if not keys:
        refuse_empty_answer("flaky test")
        return []
    named = query.with_test_filters(NodeidUnder(tuple(sorted({nodeid for _, nodeid in keys}))))
    found = named.group_by_test(sort=order, percentiles=percentiles)
    return [each for each in found if (each.sut_name, each.nodeid) in keys]


def print_plan(query: Query) -> None:
    """Print a query plan, one line per step; a query without filters has none."""
    lines = query.explain()
    for line in lines:
        print_styled(styled(line))
    if not lines:
        storage = query.open_storage()
        if not has_sessions(storage):
            say(nothing_found(query))
        else:
            say(f"no filter is given: the query returns everything in {storage.location}")


def _columns(
    tests: list[TestSummary], order: SummaryOrder | None, *, percentiles: bool
) -> list[Column]:
    now = datetime.now(UTC)
    columns = [
        Column("Test", lambda t: t.nodeid, fit="nodeid"),
        Column("SUT", lambda t: t.sut_name),
        Column("Results", lambda t: f"{t.results:,}", "right", spare=3),
        Column("Mean", lambda t: duration_text(t.mean), "right", spare=4),
        Column("p50", lambda t: duration_text(t.p50), "right", spare=7),
        Column("p95", lambda t: duration_text(t.p95), "right", spare=5),
        Column("Longest", lambda t: duration_text(t.maximum), "right", spare=6),
        Column("Last", lambda t: outcome_text(t.last_outcome), spare=2),
        Column("Seen", lambda t: ago_text(t.last_seen, now), "right", spare=1),
        Column("Outcomes", _outcomes, fit="fold"),
    ]
    left_out = set() if percentiles else {"p50", "p95"}
    if len({test.sut_name for test in tests}) < 2:
        left_out.add("SUT")
    kept = _SORTED_BY.get(order) if order else ""
    return [
        each._replace(spare=0) if each.header == kept else each
        for each in columns
        if each.header not in left_out
    ]


_SORTED_BY = {SummaryOrder.MEAN: "Mean", SummaryOrder.P95: "p95", SummaryOrder.LAST: "Seen"}
"""The column that shows what rows are sorted by, and stays on any terminal."""


def _outcomes(test: TestSummary) -> Styled:
    return counts_text({TestOutcome(name): count for name, count in test.outcomes.items()})
