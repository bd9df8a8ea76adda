"""Queries: each step adds one filter, refuses invalid arguments at once and changes nothing."""

from __future__ import annotations

import datetime as datetime_module
import inspect
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from pytest_insight import filters as f
from pytest_insight import query
from pytest_insight.errors import InsightError, InvalidArgumentError
from pytest_insight.models import TestOutcome
from pytest_insight.query import Query, QueryTestFilter
from pytest_insight.storage import InMemoryStorage
from tests.conftest import START, MakeSession

FAILED, ERROR = TestOutcome.FAILED, TestOutcome.ERROR
LATER = START + timedelta(hours=5)
NAIVE = datetime(2026, 11, 1)

SESSION_STEPS: list[tuple[str, Callable[[Any], Query], tuple[f.SessionFilter, ...]]] = [
    ("for_sut", lambda q: q.for_sut("api-*"), (f.SutIs("api-*"),)),
    ("in_last_days", lambda q: q.in_last_days(2), (f.StartedWithin(172_800),)),
    ("in_last_hours", lambda q: q.in_last_hours(1.5), (f.StartedWithin(5_400),)),
    ("in_last_minutes", lambda q: q.in_last_minutes(2), (f.StartedWithin(120),)),
    ("in_last_seconds", lambda q: q.in_last_seconds(0), (f.StartedWithin(0),)),
    ("after", lambda q: q.after(START), (f.StartedBetween(since=START),)),
    ("before", lambda q: q.before(START), (f.StartedBetween(until=START),)),
    ("between", lambda q: q.between(START, LATER), (f.StartedBetween(START, LATER),)),
    ("between", lambda q: q.between(START, START), (f.StartedBetween(START, START),)),
    ("date_range", lambda q: q.date_range(START, LATER), (f.StartedBetween(START, LATER),)),
    ("with_session_tag", lambda q: q.with_session_tag("ci"), (f.HasTag("ci"),)),
    ("with_session_tag", lambda q: q.with_session_tag("ci", ""), (f.HasTag("ci", ""),)),
    (
        "with_session_id_pattern",
        lambda q: q.with_session_id_pattern("a-*", "b"),
        (f.SessionIdMatches(("a-*", "b")),),
    ),
    (
        "with_testing_system",
        lambda q: q.with_testing_system({"plugins.xdist": "3.*"}, host="ci", cpus=8, ci=True),
        (
            f.TestingSystemIs("plugins.xdist", "3.*"),
            f.TestingSystemIs("host", "ci"),
            f.TestingSystemIs("cpus", "8"),
            f.TestingSystemIs("ci", "true"),
        ),
    ),
    ("with_branch", lambda q: q.with_branch("release/*"), (f.BranchIs("release/*"),)),
    ("with_commit", lambda q: q.with_commit("01aB"), (f.CommitIs("01aB"),)),
    ("with_run", lambda q: q.with_run("77"), (f.InRun("77"),)),
    (
        "with_outcome",
        lambda q: q.with_outcome("failed", ERROR),
        (f.HasOutcome(frozenset((FAILED, ERROR))),),
    ),
    (
        "with_outcome",
        lambda q: q.with_outcome(" Failed ", "FAILED", "flaky"),
        (f.HasOutcome(frozenset((FAILED, TestOutcome("flaky")))),),
    ),
    ("with_warning", lambda q: q.with_warning(), (f.HasWarning(),)),
    ("with_warning", lambda q: q.with_warning(False), (f.HasWarning(wanted=False),)),
    ("with_reruns", lambda q: q.with_reruns(), (f.HasReruns(),)),
    ("with_reruns", lambda q: q.with_reruns(False), (f.HasReruns(wanted=False),)),
    (
        "test_nodeid_contains",
        lambda q: q.test_nodeid_contains("x[1]"),
        (f.HasNodeidContaining("x[1]"),),
    ),
]

TEST_STEPS: list[tuple[Callable[[QueryTestFilter], QueryTestFilter], f.TestFilter]] = [
    (lambda t: t.with_outcome("failed", ERROR), f.OutcomeIn(frozenset((FAILED, ERROR)))),
    (lambda t: t.with_pattern("x*"), f.PatternMatches("x*")),
    (
        lambda t: t.with_pattern("^x", "caplog", use_regex=True),
        f.PatternMatches("^x", "caplog", True),
    ),
    (lambda t: t.with_pattern("gw1", field_name="worker"), f.PatternMatches("gw1", "worker")),
    (lambda t: t.with_nodeid_containing("[a"), f.NodeidContains("[a")),
    (lambda t: t.with_nodeid("./tests/", "a.py::test_x"), f.NodeidUnder(("tests", "a.py::test_x"))),
    (lambda t: t.with_keywords("a and not b"), f.KeywordsMatch("a and not b")),
    (lambda t: t.with_error_containing("E  "), f.ErrorContains("E  ")),
    (lambda t: t.with_output_containing("out"), f.OutputContains("out")),
    (lambda t: t.with_phase("teardown"), f.PhaseIs("teardown")),
    (lambda t: t.with_duration_between(0, 1.5), f.DurationBetween(0, 1.5)),
    (lambda t: t.with_duration_between(shortest=1), f.DurationBetween(1, None)),
    (lambda t: t.with_duration_between(longest=0), f.DurationBetween(None, 0)),
    (lambda t: t.with_warning(), f.TestHasWarning()),
    (lambda t: t.with_warning(False), f.TestHasWarning(wanted=False)),
    (lambda t: t.with_custom_filter(bool), f.Custom(bool)),
]

NOT_AN_ARGUMENT: Any = object()
BAD_STEPS: dict[str, Callable[[Any], object]] = {
    "a SUT as an object": lambda q: q.for_sut(NOT_AN_ARGUMENT),
    "a blank SUT": lambda q: q.for_sut("  "),
    "negative days": lambda q: q.in_last_days(-1),
    "days that are NaN": lambda q: q.in_last_days(float("nan")),
    "infinite hours": lambda q: q.in_last_hours(float("inf")),
    "minutes as text": lambda q: q.in_last_minutes("5"),
    "seconds as a bool": lambda q: q.in_last_seconds(True),
    "days beyond the range of floats": lambda q: q.in_last_days(10**400),
    "a naive time": lambda q: q.after(NAIVE),
    "a date": lambda q: q.before(date(2026, 11, 1)),
    "a time as text": lambda q: q.before("2026-11-01"),
    "an end before the start": lambda q: q.between(LATER, START),
    "a naive end": lambda q: q.date_range(START, NAIVE),
    "a blank run": lambda q: q.with_run(" "),
    "a run as a number": lambda q: q.with_run(77),
    "a blank tag": lambda q: q.with_session_tag(""),
    "a tag's value as a number": lambda q: q.with_session_tag("ci", 1),
    "no session ID": lambda q: q.with_session_id_pattern(),
    "a blank session ID": lambda q: q.with_session_id_pattern("a", " "),
    "no facts": lambda q: q.with_testing_system(),
    "facts that are not a mapping": lambda q: q.with_testing_system("host"),
    "a blank fact": lambda q: q.with_testing_system({" ": 1}),
    "a fact as an object": lambda q: q.with_testing_system(host=NOT_AN_ARGUMENT),
    "a fact that is None": lambda q: q.with_testing_system(host=None),
    "a blank branch": lambda q: q.with_branch("\n"),
    "a commit of three digits": lambda q: q.with_commit("abc"),
    "a commit that is a branch": lambda q: q.with_commit("main"),
    "a commit that is a number": lambda q: q.with_commit(12345),
    "no outcome": lambda q: q.with_outcome(),
    "a blank outcome": lambda q: q.with_outcome("failed", ""),
    "outcomes in a list": lambda q: q.with_outcome(["failed"]),
    "a warning as text": lambda q: q.with_warning("no"),
    "reruns as a number": lambda q: q.with_reruns(0),
    "no text in a nodeid": lambda q: q.test_nodeid_contains(""),
    "the latest 0": lambda q: q.latest(0),
    "the latest 1.5": lambda q: q.latest(1.5),
    "the latest True": lambda q: q.latest(True),
    "a blank profile": lambda q: q.with_profile(" "),
    "a function as a session filter": lambda q: q.with_session_filters(lambda _: True),
    "a number as a test filter": lambda q: q.with_test_filters(3),
    "no storage": lambda _: query.on_storage(None),  # type: ignore[arg-type]  # the mistake
    "no test outcome": lambda q: q.filter_by_test().with_outcome(),
    "a blank pattern": lambda q: q.filter_by_test().with_pattern(""),
    "an unknown field": lambda q: q.filter_by_test().with_pattern("x", "outcome"),
    "an invalid regular expression": lambda q: q.filter_by_test().with_pattern("(", use_regex=True),
    "a regular expression beyond all limits": lambda q: q.filter_by_test().with_pattern(
        "a{99999999999999999999}", use_regex=True
    ),
    "use_regex as a number": lambda q: q.filter_by_test().with_pattern("x", use_regex=1),
    "no text in a test's nodeid": lambda q: q.filter_by_test().with_nodeid_containing(""),
    "no nodeid": lambda q: q.filter_by_test().with_nodeid(),
    "the root as a nodeid": lambda q: q.filter_by_test().with_nodeid("./"),
    "an incomplete expression": lambda q: q.filter_by_test().with_keywords("a or"),
    "a blank expression": lambda q: q.filter_by_test().with_keywords(" "),
    "no text in an error": lambda q: q.filter_by_test().with_error_containing(""),
    "no text in an output": lambda q: q.filter_by_test().with_output_containing(""),
    "an unknown phase": lambda q: q.filter_by_test().with_phase("run"),
    "no duration": lambda q: q.filter_by_test().with_duration_between(),
    "a negative duration": lambda q: q.filter_by_test().with_duration_between(-1),
    "an infinite duration": lambda q: q.filter_by_test().with_duration_between(0, float("inf")),
    "a longest below the shortest": lambda q: q.filter_by_test().with_duration_between(2, 1),
    "a test warning as text": lambda q: q.filter_by_test().with_warning("yes"),
    "a function as text": lambda q: q.filter_by_test().with_custom_filter("x"),
}


# Steps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "step", "expected"), SESSION_STEPS)
def test_each_session_level_step_adds_its_filters(
    name: str, step: Callable[[Any], Query], expected: tuple[f.SessionFilter, ...]
) -> None:
    assert step(Query()).selection == f.Selection(expected)
    assert step(query) == step(Query()), f"the module's {name} is not the method"


@pytest.mark.parametrize(("step", "expected"), TEST_STEPS)
def test_each_test_level_step_adds_its_filter(
    step: Callable[[QueryTestFilter], QueryTestFilter], expected: f.TestFilter
) -> None:
    assert step(Query().filter_by_test()).apply().selection == f.Selection((), (expected,))


def test_every_step_is_listed_here_and_is_a_function_of_the_module() -> None:
    ends = {"execute", "iter_sessions", "session_ids", "group_by_test", "explain", "open_storage"}
    ends |= {"analyze", "compare_to", "to_arrow", "to_frame", "to_parquet"}
    others = {"latest", "with_profile", "filter_by_test"}
    others |= {"with_test_filters", "with_session_filters"}
    steps = {name for name, _ in inspect.getmembers(Query, inspect.isfunction) if name[0] != "_"}
    answers = {"tests", "failures", "first"}
    assert steps == {name for name, _, _ in SESSION_STEPS} | ends | others | answers
    classes = {"Query", "QueryResult", "QueryTestFilter", "ResultList"}
    assert set(query.__all__) == steps - ends | classes | {"on_storage"}
    test_steps = {name for name in vars(QueryTestFilter) if name.startswith("with_")}
    assert {type(expected) for _, expected in TEST_STEPS} == set(f.TestFilter.__subclasses__())
    assert len(test_steps) == len({type(expected) for _, expected in TEST_STEPS})


@pytest.mark.parametrize("step", BAD_STEPS.values(), ids=BAD_STEPS.keys())
def test_steps_refuse_invalid_arguments(step: Callable[[Query], object]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        step(Query())
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InsightError)
    assert str(caught.value)


def test_session_level_steps_and_limit_combine_in_any_order() -> None:
    one = Query().for_sut("api").with_reruns().latest(3)
    other = Query().latest(3).for_sut("api").with_reruns()
    assert one == other
    assert one.selection == f.Selection((f.SutIs("api"), f.HasReruns()), limit=3)


def test_the_smallest_limit_wins() -> None:
    assert Query().latest().selection.limit == 1
    assert Query().latest(5).latest(3).selection.limit == 3
    assert Query().latest(3).latest(5).selection.limit == 3


def test_several_blocks_of_test_level_steps_combine() -> None:
    tests = Query().filter_by_test().with_warning().with_nodeid_containing("a").apply()
    both = tests.for_sut("api").filter_by_test().with_outcome("failed").apply()
    assert both.selection == f.Selection(
        (f.SutIs("api"),),
        (f.TestHasWarning(), f.NodeidContains("a"), f.OutcomeIn(frozenset((FAILED,)))),
    )


def test_a_block_without_steps_changes_nothing() -> None:
    assert Query().filter_by_test().apply() == Query()


def test_filter_objects_can_be_added() -> None:
    made = Query().with_session_filters(f.SutIs("a"), f.HasReruns())
    assert made.with_test_filters(f.NodeidContains("x")).selection == f.Selection(
        (f.SutIs("a"), f.HasReruns()), (f.NodeidContains("x"),)
    )


def test_search_texts_are_escaped_as_in_stores(make_session: MakeSession) -> None:
    storage = InMemoryStorage()
    named = "caf\udce9"  # what Python makes of a folder's name that is no UTF-8
    storage.save_session(make_session(sut_name=named, session_tags={named: named}))
    asked = query.on_storage(storage).for_sut(named).with_session_tag(named, named)
    assert len(asked.execute()) == 1


# Immutable --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [step for _, step, _ in SESSION_STEPS]
    + [lambda q: q.latest(1), lambda q: q.with_profile("x"), lambda q: q.filter_by_test()],
)
def test_a_session_level_step_does_not_change_its_query(step: Callable[[Any], Any]) -> None:
    base = Query().for_sut("base").latest(7)
    before = repr(base)
    assert step(base) is not base
    assert base == Query().for_sut("base").latest(7)
    assert repr(base) == before


@pytest.mark.parametrize("step", [step for step, _ in TEST_STEPS])
def test_a_test_level_step_does_not_change_its_query(
    step: Callable[[QueryTestFilter], QueryTestFilter],
) -> None:
    base = Query().filter_by_test().with_nodeid_containing("base")
    one, other = step(base), base.with_warning()
    assert base == Query().filter_by_test().with_nodeid_containing("base")
    assert len(one.filters) == len(other.filters) == 2
    assert base.query == Query()


def test_queries_are_immutable() -> None:
    with pytest.raises(AttributeError):
        Query().selection = f.Selection(limit=1)  # type: ignore[misc]  # what is tested
    with pytest.raises(AttributeError):
        Query().filter_by_test().filters = ()  # type: ignore[misc]  # what is tested


def test_queries_with_equal_filters_are_equal() -> None:
    assert Query().for_sut("a") == query.for_sut("a") != query.for_sut("b")
    assert query.in_last_days(1) == query.in_last_hours(24)
    assert query.with_profile("a") != Query()
    assert hash(query.for_sut("a")) == hash(Query().for_sut("a"))
    assert query.filter_by_test().with_warning() == Query().filter_by_test().with_warning()


# The repr ---------------------------------------------------------------------------------------

NAMES = {**vars(f), "datetime": datetime_module, "query": query, "Query": Query}


def evaluated(shown: object) -> Any:
    return eval(repr(shown), dict(NAMES))  # the names that the documentation imports


@pytest.mark.parametrize("step", [step for _, step, _ in SESSION_STEPS])
def test_the_repr_of_a_session_level_step_evaluates_to_an_equal_query(
    step: Callable[[Any], Query],
) -> None:
    for asked in (step(Query()), step(query.latest(3).with_profile("ci")).for_sut("last")):
        assert evaluated(asked) == asked
        assert "with_session_filters" not in repr(asked)


@pytest.mark.parametrize("step", [step for step, _ in TEST_STEPS])
def test_the_repr_of_a_test_level_step_evaluates_to_an_equal_query(
    step: Callable[[QueryTestFilter], QueryTestFilter],
) -> None:
    started = step(query.for_sut("api").filter_by_test().with_warning())
    for asked in (started, started.apply(), step(started.apply().filter_by_test())):
        if "with_custom_filter" in repr(asked):
            assert "<class 'bool'>" in repr(asked)  # a function has no code to evaluate
        else:
            assert evaluated(asked) == asked
            assert evaluated(started.whole_sessions()) == started.whole_sessions()


@pytest.mark.parametrize(
    "made",
    [f.IsPinned(), f.SessionIdIn(frozenset(["a"])), f.StartedBetween(), f.HasTest(())],
)
def test_the_repr_of_a_filter_that_no_step_adds_evaluates_too(made: f.SessionFilter) -> None:
    asked = query.with_session_filters(made)
    assert evaluated(asked) == asked


def test_the_repr_of_a_query_is_the_code_that_builds_it() -> None:
    assert repr(Query()) == "Query()"
    assert repr(query.filter_by_test()) == "query.filter_by_test()"
    asked = query.for_sut("shop-api").in_last_days(30).latest(5).with_profile("ci")
    assert repr(asked) == "query.with_profile('ci').for_sut('shop-api').in_last_days(30).latest(5)"
    assert repr(query.in_last_hours(1.5).after(START)) == (
        f"query.in_last_minutes(90).after({START!r})"
    )
    asked = query.with_outcome("\udc80", "failed").filter_by_test().with_warning(False).apply()
    assert repr(asked) == (
        r"query.with_outcome('\\udc80', 'failed').filter_by_test().with_warning(False).apply()"
    )
    storage = InMemoryStorage()
    assert repr(query.on_storage(storage)) == f"query.on_storage({storage!r})"


def test_the_run_of_a_session_is_selected_by_that_session(make_session: MakeSession) -> None:
    in_ci = make_session(0, testing_system={"ci": {"run_id": "77"}})
    assert query.with_run(in_ci) == query.with_run("77")
    alone = make_session(1)
    assert query.with_run(alone).selection.session_filters == f.same_run(alone)
    assert repr(query.with_run("77")) == "query.with_run('77')"
