"""`analyze`: which sessions a query judges, and what its results are like in Python."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from pytest_insight import analyze, query
from pytest_insight.analysis.results import Verdicts
from pytest_insight.analysis.values import VERDICTS
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.query import Query
from pytest_insight.storage import InMemoryStorage

NOW = datetime.now(UTC)
ORDER, LOGIN = "tests/test_queue.py::test_order", "tests/test_api.py::test_login"


def history(
    outcomes: str, *, commits: str, branch: str = "main", sut: str = "shop", ago: float = 0
) -> list[TestSession]:
    """Return sessions, a day apart, in which ORDER failed (F) or passed, and LOGIN passed."""
    found = []
    for number, (mark, commit) in enumerate(zip(outcomes, commits, strict=True)):
        start = NOW - timedelta(days=len(outcomes) - 1 - number + ago, hours=1)
        message = "TimeoutError: <redis>" if mark == "F" else ""
        outcome = "failed" if mark == "F" else "passed"
        order = TestResult(ORDER, outcome, start, 0.1, message=message)
        found.append(
            TestSession(
                f"{sut}-{branch}-{number}",
                sut,
                start,
                session_duration=1.0,
                code_state=CodeState(commit * 40, branch),
                test_results=(order, TestResult(LOGIN, "passed", start, 0.1)),
            )
        )
    return found


def asked(*sessions: TestSession) -> Query:
    storage = InMemoryStorage()
    storage.save_sessions(sessions)
    return query.on_storage(storage)


def test_a_query_is_analyzed_in_one_step() -> None:
    found = asked(*history("..F...", commits="011234")).for_sut("shop").analyze()
    assert [each.nodeid for each in found] == [LOGIN, ORDER]
    assert [each.nodeid for each in found.flaky] == [ORDER]
    assert found[ORDER].evidence == ("shop-main-1", "shop-main-2")
    assert found[LOGIN].verdict == "stable"
    assert [run.is_bad for run in found.runs(found[ORDER])].count(True) == 1
    with pytest.raises(KeyError):
        _ = found["tests/test_api.py::test_nothing"]


def test_verdicts_can_be_pickled_with_their_runs() -> None:
    found = asked(*history("..F...", commits="011234")).analyze()
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.runs(again[ORDER]) == found.runs(found[ORDER]) != ()


def test_results_say_what_they_are_in_one_line_and_as_a_table() -> None:
    steps = asked(*history("..F...", commits="011234"))
    found = steps.analyze()
    assert repr(found) == "<Verdicts: 2 tests: 1 flaky, 1 stable>"
    assert "TimeoutError: &lt;redis&gt;" in found._repr_html_()
    assert LOGIN not in found._repr_html_()
    every = Verdicts(tuple(replace(found[ORDER], verdict=name) for name in VERDICTS))
    assert repr(every).count(" 1 ") == len(VERDICTS)
    one = analyze.history(ORDER, steps)
    assert repr(one) == f"<History: {ORDER!r}, 1 of 6 runs bad>"
    assert "TimeoutError: &lt;redis&gt;" in one._repr_html_()
    assert one.durations == [0.1] * 6


def test_the_evidence_of_other_branches_counts_though_a_branch_is_judged() -> None:
    main = history("......", commits="012345")
    fix = history("F", commits="5", branch="fix", ago=0.5)
    steps = asked(*main, *fix)
    judged = steps.with_branch("main").analyze()
    assert judged[ORDER].verdict == "flaky"
    assert (judged[ORDER].runs, judged[ORDER].bad) == (6, 0)
    (what,) = judged.judged
    assert (what.line.branch, len(what.sessions)) == ("main", 6)


def test_without_a_branch_that_of_the_newest_session_is_judged() -> None:
    main = history("F.....", commits="012345", ago=1)
    fix = history(".F", commits="67", branch="fix")
    found = asked(*main, *fix).analyze()
    assert found.judged[0].line.branch == "fix"
    assert [each.nodeid for each in found.new_failures or found.suspect] == [ORDER]


def test_a_window_of_30_days_applies_unless_a_step_says_which_sessions() -> None:
    steps = asked(*history("..F...", commits="011234", ago=40))
    assert len(steps.analyze()) == 0
    for wide in (steps.in_last_days(90), steps.latest(10), steps.with_session_id_pattern("*")):
        assert len(wide.analyze().flaky) == 1


def test_steps_about_names_choose_tests_and_others_are_refused() -> None:
    tests = asked(*history("..F...", commits="011234")).filter_by_test()
    assert [each.nodeid for each in tests.with_keywords("login").apply().analyze()] == [LOGIN]
    with pytest.raises(InvalidArgumentError, match="a verdict needs all runs of a test"):
        tests.with_outcome("failed").apply().analyze()


def test_a_verdict_on_one_test_knows_of_incidents_that_hit_the_others() -> None:
    night = [
        replace(each, test_results=[replace(order, nodeid=f"{ORDER}[{n}]") for n in range(20)])
        for each in history("..F.", commits="0112")
        for order in each.test_results[:1]
    ]
    judged = asked(*night)
    assert [each.excluded != () for each in judged.analyze()] == [True] * 20
    for every in judged.analyze():
        named = judged.filter_by_test().with_nodeid(every.nodeid).apply().analyze()
        assert list(named) == [every]


def test_a_history_that_no_session_or_that_two_suts_have_is_refused() -> None:
    steps = asked(*history("..", commits="01"), *history("..", commits="01", sut="api"))
    with pytest.raises(InvalidArgumentError, match="no selected session has a test 'x'"):
        analyze.history("x", steps)
    with pytest.raises(InvalidArgumentError, match=r"several SUTs .*: api, shop; choose one"):
        analyze.history(ORDER, steps)
    assert len(analyze.history(ORDER, steps.for_sut("api")).runs) == 2


def test_sessions_dated_in_the_future_are_not_judged() -> None:
    found = asked(*history("..F...", commits="011234", ago=-400)).latest(10).analyze()
    assert len(found.flaky) == 0
