"""Summaries per test."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_insight import query
from pytest_insight.errors import InvalidArgumentError, UnknownChoiceError
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import InMemoryStorage
from pytest_insight.summaries import TestSummary, round_micros, sum_micros, summarize
from tests.conftest import START, MakeSession
from tests.strategies import durations, outcomes, times


def result(name: str, outcome: str, hour: int, duration: float) -> TestResult:
    start = START + timedelta(hours=hour)
    return TestResult(name, TestOutcome(outcome), start, duration)


@pytest.fixture
def storage(make_session: MakeSession) -> InMemoryStorage:
    storage = InMemoryStorage()
    runs = {
        0: [result("b", "passed", 0, 1.0), result("a", "failed", 0, 0.5)],
        2: [result("b", "failed", 2, 3.0), result("c", "flaky", 2, 9.0)],
        1: [result("b", "rerun", 1, 0.1), result("b", "passed", 1, 0.2)],
    }
    for number, results in runs.items():
        storage.save_session(make_session(number, test_results=tuple(results)))
    return storage


def names(found: list[TestSummary]) -> list[str]:
    return [each.nodeid for each in found]


def test_a_summary_covers_all_results_of_a_test(storage: InMemoryStorage) -> None:
    found = query.on_storage(storage).group_by_test()
    assert names(found) == ["a", "b", "c"]
    assert found[1] == TestSummary(
        nodeid="b",
        sut_name="api",
        results=4,
        outcomes={"failed": 1, "passed": 2, "rerun": 1},
        mean=1.075,
        p50=0.2,
        p95=3.0,
        maximum=3.0,
        first_seen=START,
        last_seen=START + timedelta(hours=2),
        last_outcome=TestOutcome.FAILED,
    )
    assert found[2].outcomes == {"flaky": 1}


def test_the_pass_rate_counts_passes_failures_and_errors(storage: InMemoryStorage) -> None:
    rates = {each.nodeid: each.pass_rate for each in query.on_storage(storage).group_by_test()}
    assert rates == {"a": 0.0, "b": 2 / 3, "c": None}


def test_the_repr_of_a_summary_is_short(storage: InMemoryStorage) -> None:
    found = query.on_storage(storage).group_by_test()
    assert repr(found[1]) == "TestSummary('b', 1 failed, 1 rerun, 2 passed, mean 1.07 s)"


def test_only_selected_results_count(storage: InMemoryStorage) -> None:
    asked = query.on_storage(storage).latest(2).filter_by_test().with_outcome("passed").apply()
    (found,) = asked.group_by_test()
    assert (found.nodeid, found.results, found.outcomes) == ("b", 1, {"passed": 1})


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, ["a", "b", "c"]),
        ("mean", ["c", "b", "a"]),
        ("p95", ["c", "b", "a"]),
        ("failures", ["a", "b", "c"]),
        ("last", ["b", "c", "a"]),
    ],
)
def test_ties_are_sorted_by_nodeid(
    storage: InMemoryStorage, sort: str | None, expected: list[str]
) -> None:
    asked = query.on_storage(storage)
    assert names(asked.group_by_test(sort=sort)) == expected
    assert names(asked.group_by_test(sort=sort, limit=2)) == expected[:2]
    assert asked.group_by_test(sort=sort, limit=0) == []


@pytest.mark.parametrize(
    ("outcomes", "flaky"),
    [
        ("passed", False),
        ("failed", False),
        ("failed error rerun", False),
        ("passed skipped xfailed xpassed", False),
        ("passed retried", True),  # a plugin has invented it: pytest-retry
        ("failed retried", False),
        ("passed failed", True),
        ("passed error", True),
        ("rerun passed", True),
    ],
)
def test_a_test_that_passed_and_failed_is_flaky(
    make_session: MakeSession, outcomes: str, flaky: bool
) -> None:
    storage = InMemoryStorage()
    results = [result("a", outcome, hour, 0.1) for hour, outcome in enumerate(outcomes.split())]
    storage.save_session(make_session(test_results=tuple(results)))
    asked = query.on_storage(storage)
    assert [each.flaky for each in asked.group_by_test()] == [flaky]
    assert names(asked.group_by_test(flaky=True)) == ["a"] * flaky


def test_the_limit_applies_after_flaky(storage: InMemoryStorage) -> None:
    asked = query.on_storage(storage)
    assert names(asked.group_by_test(sort="mean", limit=1)) == ["c"]
    assert names(asked.group_by_test(sort="mean", limit=1, flaky=True)) == ["b"]


def test_percentiles_are_nearest_ranks(make_session: MakeSession) -> None:
    storage = InMemoryStorage()
    results = [result("a", "passed", 0, float(number)) for number in range(1, 101)]
    storage.save_session(make_session(test_results=tuple(results)))
    (found,) = query.on_storage(storage).group_by_test()
    assert (found.p50, found.p95, found.maximum, found.mean) == (50.0, 95.0, 100.0, 50.5)


def test_the_mean_limits_durations_to_eleven_days(
    make_session: MakeSession,
) -> None:
    storage = InMemoryStorage()
    results = (result("a", "passed", 0, 1.7e308), result("a", "passed", 0, 0.0))
    storage.save_session(make_session(test_results=results))
    (found,) = query.on_storage(storage).group_by_test()
    assert (found.mean, found.maximum) == (500_000.0, 1.7e308)


def test_an_unknown_order_and_a_negative_limit_are_refused(storage: InMemoryStorage) -> None:
    with pytest.raises(UnknownChoiceError, match="did you mean 'mean'"):
        query.on_storage(storage).group_by_test(sort="meen")
    with pytest.raises(InvalidArgumentError, match="limit"):
        query.on_storage(storage).group_by_test(limit=-1)


def expected_summary(
    nodeid: str, sut_name: str, results: list[TestResult], *, percentiles: bool
) -> TestSummary:
    """Return the summary by its definition; the library's code is made for speed."""
    durations = [each.duration for each in results]

    def percentile(percent: int) -> float | None:
        enough = (
            each
            for each in sorted(durations)
            if 100 * sum(other <= each for other in durations) >= percent * len(durations)
        )
        return next(enough) if percentiles else None

    last = max(results, key=lambda each: (each.start_time, each.outcome != "rerun", each.outcome))
    return TestSummary(
        nodeid,
        sut_name,
        len(results),
        dict(Counter(str(each.outcome) for each in results)),
        mean=sum(map(round_micros, durations)) / len(durations) / 1e6,
        p50=percentile(50),
        p95=percentile(95),
        maximum=max(durations),
        first_seen=min(each.start_time for each in results),
        last_seen=last.start_time,
        last_outcome=last.outcome,
    )


some_results = st.lists(
    st.builds(
        TestResult,
        nodeid=st.sampled_from(["a", "b", "b[1]", "c"]),
        outcome=st.sampled_from([TestOutcome.PASSED, TestOutcome.RERUN]) | outcomes(),
        start_time=times(),
        duration=durations() | st.sampled_from([1e6, 1.7e308]),
    ),
    max_size=8,
)


@given(
    several=st.lists(st.tuples(st.sampled_from(["api", "web"]), some_results), max_size=5),
    percentiles=st.booleans(),
)
def test_summaries_follow_their_definition_in_any_order_of_results(
    several: list[tuple[str, list[TestResult]]], percentiles: bool
) -> None:
    history = [
        TestSession(f"api-{number}", sut, START, test_results=tuple(results))
        for number, (sut, results) in enumerate(several)
    ]
    by_test: dict[tuple[str, str], list[TestResult]] = {}
    for sut, results in several:
        for each in results:
            by_test.setdefault((each.nodeid, sut), []).append(each)
    found = summarize(history, percentiles=percentiles)
    assert found == [
        expected_summary(*test, results, percentiles=percentiles)
        for test, results in sorted(by_test.items())
    ]
    for summary in found:
        assert list(summary.outcomes) == sorted(summary.outcomes)
        assert {type(name) for name in summary.outcomes} == {str}


@given(st.lists(durations() | st.floats(0, 1e-5) | st.floats(0, 1e308)))
def test_a_sum_is_of_rounded_durations(some: list[float]) -> None:
    assert sum_micros(some) == sum(map(round_micros, some))
