"""What listings can be sorted by."""

from __future__ import annotations

import enum
from typing import Annotated

from pytest_insight.cli.options.common import option
from pytest_insight.cli.render.listing import Order
from pytest_insight.cli.render.outcomes import bad_count, outcome_place
from pytest_insight.models import TestSession


class SessionSort(enum.StrEnum):
    """What sessions are sorted by; the longest, most and newest first, names from A to Z."""

    STARTED = "started"
    DURATION = "duration"
    TESTS = "tests"
    FAILURES = "failures"
    SUT = "sut"
    BRANCH = "branch"


class TestSort(enum.StrEnum):
    """What tests are sorted by; the longest and newest first, names from A to Z.

    The last four are of all results of a test together (`summaries.SummaryOrder`).
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
    """What profiles are sorted by, from A to Z."""

    NAME = "name"
    TYPE = "type"


ProfileSortOption = Annotated[ProfileSort, option("From A to Z.", "--sort", example="type")]
SessionSortOption = Annotated[
    SessionSort,
    option("The longest, most, newest first; names from A to Z.", "--sort", example="failures"),
]
TestSortOption = Annotated[
    TestSort,
    option(
        "The longest, newest first; names from A to Z. The last four only with --group.",
        "--sort",
        example="duration",
    ),
]


def branch_of(session: TestSession) -> str:
    """The git branch, "" where it is not known."""
    return (session.code_state and session.code_state.branch) or ""


SESSION_ORDERS = {
    SessionSort.DURATION: Order(lambda s: s.session_duration, falling=True),
    SessionSort.TESTS: Order(lambda s: len(s.test_results), falling=True),
    SessionSort.FAILURES: Order(bad_count, falling=True),
    SessionSort.SUT: Order(lambda s: s.sut_name),
    SessionSort.BRANCH: Order(branch_of),
}
PROFILE_ORDERS = {ProfileSort.TYPE: Order(lambda p: p.storage_type)}
TEST_ORDERS = {
    TestSort.DURATION: Order(lambda row: row[1].duration, falling=True),
    TestSort.NODEID: Order(lambda row: row[1].nodeid),
    TestSort.OUTCOME: Order(lambda row: outcome_place(row[1].outcome)),
}
