"""Filters in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import get_args

import pytest

from pytest_insight import filters as f
from pytest_insight.filters.descriptions import describe
from pytest_insight.models import TestOutcome

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
FAILED, ERROR = TestOutcome.FAILED, TestOutcome.ERROR
EXAMPLES: list[tuple[f.SessionFilter | f.TestFilter, str]] = [
    (f.SutIs("api"), "SUT is 'api'"),
    (f.SutIs("api-*"), "SUT matches 'api-*'"),
    (f.SutIs("api[[]1]"), "SUT is 'api[1]'"),
    (f.StartedWithin(36 * 3_600), "started in the last 1.5 days"),
    (f.StartedWithin(math.inf), "not dated in the future"),
    (f.StartedBetween(SINCE), "started from 2026-11-01T00:00:00+00:00"),
    (f.StartedBetween(None, UNTIL), "started up to 2026-11-02T00:00:00+00:00"),
    (f.HasTag("ci"), "has the tag 'ci'"),
    (f.HasTag("ci", "nightly"), "tag 'ci' is 'nightly'"),
    (f.SessionIdMatches(("a-*", "b")), "ID matches 'a-*' or is 'b'"),
    (f.SessionIdIn(frozenset("ba")), "ID is 'a' or 'b'"),
    (f.SessionIdIn(frozenset("abcdefg")), "ID is 'a', 'b', 'c', 'd', 'e' or 2 others"),
    (f.IsPinned(), "is pinned"),
    (f.TestingSystemIs("python", "3.11*"), "python matches '3.11*'"),
    (f.BranchIs("main"), "branch is 'main'"),
    (f.CommitIs("a0f"), "commit begins with 'a0f'"),
    (f.InRun("7"), "CI run is '7'"),
    (f.InRun(None), "is of no CI run"),
    (f.HasOutcome(frozenset({FAILED, ERROR})), "outcome of a result is error or failed"),
    (f.HasWarning(wanted=False), "has no warning"),
    (f.HasReruns(), "a test was run again"),
    (f.HasNodeidContaining("x"), "a nodeid contains 'x'"),
    (f.HasTest(()), "has a result"),
    (
        f.HasTest((f.OutcomeIn(frozenset({FAILED})), f.NodeidContains("x"))),
        "has a result whose outcome is failed and nodeid contains 'x'",
    ),
    (f.OutcomeIn(frozenset({FAILED})), "outcome is failed"),
    (f.PatternMatches("a*"), "nodeid contains or matches 'a*'"),
    (f.PatternMatches("a+", "caplog", use_regex=True), "log matches the regular expression 'a+'"),
    (f.NodeidContains("x"), "nodeid contains 'x'"),
    (f.NodeidUnder(("a.py", "b")), "test is in 'a.py' or 'b'"),
    (f.KeywordsMatch("a or b"), "names match the expression 'a or b'"),
    (f.ErrorContains("x"), "message or text contains 'x'"),
    (f.OutputContains("x"), "captured output contains 'x'"),
    (f.PhaseIs("setup"), "phase is setup"),
    (f.DurationBetween(0.5, 2.0), "duration is from 0.5 s to 2 s"),
    (f.TestHasWarning(), "has a warning"),
    (f.Custom(bool), "bool(result) is true"),
]


@pytest.mark.parametrize(("wanted", "words"), EXAMPLES)
def test_a_filter_is_described_in_words(wanted: f.SessionFilter | f.TestFilter, words: str) -> None:
    assert describe(wanted) == words


def test_every_filter_has_a_description() -> None:
    described = {type(wanted) for wanted, _ in EXAMPLES}
    assert described == {*get_args(f.AnySessionFilter), *get_args(f.AnyTestFilter)}
