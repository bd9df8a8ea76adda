"""`--sort`: the keys of sessions, tests and profiles, and how each of them sorts."""

from __future__ import annotations

import enum
from typing import Annotated

from pytest_insight.cli.options.kinds import choice_option
from pytest_insight.cli.render.outcomes import bad_count, test_count
from pytest_insight.cli.render.records import Order
from pytest_insight.cli.render.sessions.sessions import branch_of
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.models.text import outcome_rank
from pytest_insight.summaries import SummaryOrder


class SessionSort(enum.StrEnum):
    """Sort keys of sessions: numbers and times in descending order, names ascending."""

    STARTED = "started"
    DURATION = "duration"
    TESTS = "tests"
    FAILURES = "failures"
    SUT = "sut"
    BRANCH = "branch"


class TestSort(enum.StrEnum):
    """Sort keys of tests: numbers and times in descending order, names ascending.

    The last four need all results of a test (`summaries.SummaryOrder`).
    """

    __test__ = False

    STARTED = "started"
    DURATION = "duration"
    NODEID = "nodeid"
    OUTCOME = "outcome"
    MEAN = "mean"
    P95 = "p95"
    FAILURES = "failures"
    LAST = "last"


class ProfileSort(enum.StrEnum):
    """Sort keys of profiles, ascending."""

    NAME = "name"
    TYPE = "type"


ProfileSortOption = Annotated[
    ProfileSort,
    choice_option("Sort by {choices}.", ProfileSort, "--sort", example="type", metavar="KEY"),
]
SessionSortOption = Annotated[
    SessionSort,
    choice_option(
        "Sort by {choices}.",
        SessionSort,
        "--sort",
        example="failures",
        metavar="KEY",
    ),
]
TestSortOption = Annotated[
    TestSort,
    choice_option(
        "Sort by {choices}; the last four need --group.",
        TestSort,
        "--sort",
        example="duration",
        metavar="KEY",
    ),
]


SESSION_ORDERS = {
    SessionSort.DURATION: Order(lambda s: s.session_duration, descending=True),
    SessionSort.TESTS: Order(test_count, descending=True),
    SessionSort.FAILURES: Order(bad_count, descending=True),
    SessionSort.SUT: Order(lambda s: s.sut_name),
    SessionSort.BRANCH: Order(branch_of),
}
PROFILE_ORDERS = {ProfileSort.TYPE: Order(lambda p: p.storage_type)}
TEST_ORDERS = {
    TestSort.DURATION: Order(lambda row: row[1].duration, descending=True),
    TestSort.NODEID: Order(lambda row: row[1].nodeid),
    TestSort.OUTCOME: Order(lambda row: outcome_rank(row[1].outcome)),
}


def result_order(sort: TestSort) -> Order | None:
    """Return how results are sorted; None means by session.

    Raises:
        UsageError: only summaries of tests have this sort key.
    """
    if str(sort) in list(SummaryOrder):
        raise UsageError(f"--sort {sort} needs all results of a test: add --group")
    return TEST_ORDERS.get(sort)


def summary_order(sort: TestSort, *, flaky: bool) -> SummaryOrder | None:
    """Return how summaries of tests are sorted; None means by nodeid.

    Raises:
        UsageError: only single results have this sort key.
    """
    if sort is TestSort.STARTED:  # the default
        return SummaryOrder.FAILURES if flaky else None
    if sort is TestSort.NODEID:
        return None
    try:
        return SummaryOrder(sort)
    except ValueError:
        orders = ", ".join([*SummaryOrder, TestSort.NODEID])
        raise UsageError(f"--group is sorted by {orders}, not by {sort}") from None
