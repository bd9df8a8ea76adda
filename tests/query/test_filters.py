"""Filters as data. The storage contract (`pytest_insight.testing`) tests what each keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_insight import filters as f
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from tests.conftest import START, MakeSession
from tests.strategies import (
    examples,
    result_filters,
    selections,
    session_filters,
    sessions,
)

NOW = datetime(2026, 11, 8, 12, tzinfo=UTC)

EXAMPLES: list[f.SessionFilter | f.TestFilter] = [
    f.SutIs("api"),
    f.StartedWithin(60.0),
    f.StartedBetween(START, None),
    f.HasTag("ci", "a"),
    f.SessionIdMatches(("api-*",)),
    f.SessionIdIn(frozenset(("a",))),
    f.IsPinned(),
    f.TestingSystemIs("host", "h"),
    f.BranchIs("main"),
    f.CommitIs("abcd"),
    f.InRun("77"),
    f.HasOutcome(frozenset((TestOutcome.FAILED,))),
    f.HasWarning(),
    f.HasReruns(wanted=False),
    f.HasNodeidContaining("x"),
    f.HasTest((f.NodeidContains("x"), f.TestHasWarning())),
    f.OutcomeIn(frozenset((TestOutcome("flaky"),))),
    f.PatternMatches("x*", "caplog", use_regex=True),
    f.NodeidContains("x"),
    f.NodeidUnder(("tests", "a.py::test_x")),
    f.KeywordsMatch("a and not b"),
    f.ErrorContains("x"),
    f.OutputContains("x"),
    f.PhaseIs("setup"),
    f.DurationBetween(0.5, None),
    f.TestHasWarning(),
]
by_kind = pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: type(each).__name__)


def kinds() -> list[type[Any]]:
    return [*f.SessionFilter.__subclasses__(), *f.TestFilter.__subclasses__()]


def test_every_class_of_filters_has_an_example_here() -> None:
    assert {type(example) for example in EXAMPLES} | {f.Custom} == set(kinds())


def test_every_class_of_filters_has_its_own_tag() -> None:
    tags = [kind.__struct_config__.tag for kind in kinds()]
    assert len(set(tags)) == len(tags)
    assert all(isinstance(tag, str) for tag in tags)


@by_kind
def test_filters_are_immutable_comparable_hashable_and_printable(example: Any) -> None:
    fields = {name: getattr(example, name) for name in example.__struct_fields__}
    same = type(example)(**fields)
    assert repr(same) == repr(example)
    assert repr(example).startswith(f"{type(example).__name__}({next(iter(fields))}=")
    assert same == example
    assert hash(same) == hash(example)
    assert example != EXAMPLES[EXAMPLES.index(example) - 1]
    with pytest.raises(AttributeError):
        setattr(example, example.__struct_fields__[0], None)


# Saving -----------------------------------------------------------------------------------------


def selection_of(example: f.SessionFilter | f.TestFilter) -> f.Selection:
    return (
        f.Selection((example,), limit=3)
        if isinstance(example, f.SessionFilter)
        else f.Selection((f.HasTest((example,)),), (example,))  # type: ignore[arg-type]
    )


@by_kind
def test_a_saved_selection_is_read_back_equal(example: Any) -> None:
    selection = selection_of(example)
    assert f.Selection.from_dict(json.loads(json.dumps(selection.to_dict()))) == selection


@given(selections())
def test_any_selection_is_saved_and_read_back_equal_or_refused(selection: f.Selection) -> None:
    shown = repr(selection)
    try:
        data = selection.to_dict()
    except InvalidArgumentError:
        assert "Custom(" in shown or "\\ud" in shown  # a function, a lone surrogate
    else:
        assert "Custom(" not in shown
        if "seconds=1172" not in shown:  # the offset 00:19:32
            assert f.Selection.from_dict(data) == selection


def test_a_saved_selection_is_plain_data() -> None:
    both = frozenset((TestOutcome.FAILED, TestOutcome.ERROR))
    selection = f.Selection((f.SutIs("a"), f.HasOutcome(both)), (f.TestHasWarning(),), 2)
    assert selection.to_dict() == {
        "session_filters": [
            {"filter": "sut", "pattern": "a"},
            {"filter": "has-outcome", "outcomes": ["error", "failed"]},
        ],
        "test_filters": [{"filter": "warning", "wanted": True}],
        "limit": 2,
    }
    assert f.Selection.from_dict({}) == f.Selection()


def test_a_custom_filter_cannot_be_saved() -> None:
    for selection in (selection_of(f.Custom(bool)), f.Selection((f.HasTest((f.Custom(bool),)),))):
        with pytest.raises(InvalidArgumentError, match="custom filter <class 'bool'> cannot be"):
            selection.to_dict()


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (None, "object"),
        ({"filters": []}, "filters"),
        ({"session_filters": [{"filter": "sut"}]}, r"\$\.session_filters\[0\]"),
        ({"session_filters": [{"filter": "nope"}]}, "nope"),
        ({"session_filters": [{"filter": "outcome", "outcomes": ["failed"]}]}, "outcome"),
        ({"test_filters": [{"filter": "custom", "predicate": "bool"}]}, "predicate"),
        ({"limit": "2"}, "limit"),
        (
            {"session_filters": [{"filter": "started-between", "since": "2026-11-01T00:00:00"}]},
            "since",
        ),
    ],
)
def test_invalid_saved_data_is_refused_with_the_location(data: Any, where: str) -> None:
    with pytest.raises(InvalidArgumentError, match=where):
        f.Selection.from_dict(data)


@given(sessions(), session_filters().filter(lambda each: not each.needs_results))
@settings(deadline=None, max_examples=examples(30))
def test_filters_that_do_not_need_results_ignore_them(
    session: TestSession, session_filter: f.SessionFilter
) -> None:
    assert session_filter.matches(session) == session_filter.matches(session.with_results(()))


@given(selections())
def test_a_selection_separates_filters_that_read_results(selection: f.Selection) -> None:
    parts = (*selection.header_filters, *selection.result_filters)
    assert sorted(map(repr, parts)) == sorted(map(repr, selection.session_filters))
    assert not any(each.needs_results for each in selection.header_filters)
    assert all(each.needs_results for each in selection.result_filters)


@given(sessions(), st.lists(result_filters(), max_size=3))
@settings(deadline=None, max_examples=examples(30))
def test_narrowing_keeps_all_fields_and_the_matching_results_in_order(
    session: TestSession, test_filters: list[f.TestFilter]
) -> None:
    narrowed = f.Selection(test_filters=tuple(test_filters)).narrowed(session)
    kept = [r for r in session.test_results if all(each.matches(r) for each in test_filters)]
    if test_filters and not kept:
        assert narrowed is None
    else:
        assert narrowed == session.with_results(kept)


def test_only_test_filters_drop_a_session_without_results(
    make_session: MakeSession,
) -> None:
    empty = make_session(test_results=())
    assert f.Selection().narrowed(empty) is empty
    assert f.Selection(test_filters=(f.NodeidContains("x"),)).narrowed(empty) is None


# Time -------------------------------------------------------------------------------------------


def test_resolving_a_selection_makes_relative_times_absolute() -> None:
    selection = f.Selection((f.StartedWithin(60), f.SutIs("api"), f.StartedWithin(3600)), limit=3)
    assert selection.resolved(NOW) == f.Selection(
        (
            f.StartedBetween(NOW - timedelta(minutes=1), NOW + f.MAX_AHEAD),
            f.SutIs("api"),
            f.StartedBetween(NOW - timedelta(hours=1), NOW + f.MAX_AHEAD),
            f.StartedBetween(until=NOW + f.MAX_AHEAD),
        ),
        limit=3,
    )
    assert selection.session_filters[0] == f.StartedWithin(60)


def test_the_bound_of_a_relative_time_is_inclusive(make_session: MakeSession) -> None:
    session = make_session()
    within = f.StartedWithin(10.0)
    assert within.resolved(START + timedelta(seconds=10)).matches(session)
    assert not within.resolved(START + timedelta(seconds=10, microseconds=1)).matches(session)


def test_only_a_start_that_no_clock_explains_is_in_no_period(make_session: MakeSession) -> None:
    tomorrow = f.StartedWithin(0).resolved(START - timedelta(days=1))
    assert tomorrow.matches(make_session())
    later = f.StartedWithin(0).resolved(START - timedelta(days=1, microseconds=1))
    assert not later.matches(make_session())
    end = f.ANY_TIME.resolved(datetime.max.replace(tzinfo=UTC))
    assert end.matches(make_session())


@pytest.mark.parametrize("seconds", [1e11, 1e300, float("inf")])
def test_a_period_longer_than_the_calendar_keeps_all_sessions(
    make_session: MakeSession, seconds: float
) -> None:
    early = make_session(session_start_time=datetime(1, 1, 1, tzinfo=UTC))
    assert f.StartedWithin(seconds).matches(early)


# Corner cases of single filters ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("api", "api", True),
        ("api", "API", False),
        ("api", "my-api", False),
        ("*api", "my-api", True),
        ("api[1]", "api[1]", True),  # exactly
        ("api[1]", "api1", True),  # as a wildcard
        ("api?", "api\n", True),
        ("a*", "a\nb", True),
        ("[", "[", True),
        ("[z-a]", "z", False),
        ("api.", "apix", False),
    ],
)
def test_patterns_match_equal_names_or_whole_names_by_wildcards(
    make_session: MakeSession, pattern: str, name: str, matches: bool
) -> None:
    assert f.SutIs(pattern).matches(make_session(sut_name=name)) is matches
    assert f.SessionIdMatches((pattern,)).matches(make_session(session_id=name)) is matches
    on_branch = make_session(code_state=CodeState(branch=name))
    assert f.BranchIs(pattern).matches(on_branch) is matches
    at_host = make_session(testing_system={"host": name})
    assert f.TestingSystemIs("host", pattern).matches(at_host) is matches


@pytest.mark.parametrize("facts", [{}, {"a": None}, {"a": "b"}, {"a": {"c": 1}}, {"a": ["b"]}])
def test_a_missing_fact_never_matches(make_session: MakeSession, facts: dict[str, Any]) -> None:
    assert not f.TestingSystemIs("a.b", "*").matches(make_session(testing_system=facts))


def test_a_dotted_key_is_a_path_unless_a_fact_has_that_name(make_session: MakeSession) -> None:
    nested = make_session(testing_system={"a": {"b.c": 1, "b": {"c": {"d": 2}}}})
    assert f.TestingSystemIs("a.b.c", "1").matches(nested)
    assert f.TestingSystemIs("a.b.c.d", "2").matches(nested)
    flat = make_session(testing_system={"a.b": "flat", "a": {"b": "nested"}})
    assert f.TestingSystemIs("a.b", "flat").matches(flat)
    assert not f.TestingSystemIs("a.b", "nested").matches(flat)


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (8, "8"), (1.5, "1.5"), ([1], "[1]")])
def test_facts_other_than_strings_are_compared_by_their_json(
    make_session: MakeSession, value: object, text: str
) -> None:
    session = make_session(testing_system={"a": value})
    assert f.TestingSystemIs("a", text).matches(session)
    assert not f.TestingSystemIs("a", "True").matches(session)


def test_unknown_branches_and_commits_never_match(
    make_session: MakeSession,
) -> None:
    for state in (None, CodeState()):
        session = make_session(code_state=state)
        assert not f.BranchIs("*").matches(session)
        assert not f.CommitIs("").matches(session)


# Runs -------------------------------------------------------------------------------------------

MAIN = CodeState("abcd" * 10, "m[ai]n")


def runs_of(make_session: MakeSession, **more: Any) -> Callable[[float], TestSession]:
    def session(minutes: float) -> TestSession:
        start = START + timedelta(minutes=minutes)
        return make_session(0, session_id=f"at-{minutes}", session_start_time=start, **more)

    return session


def test_the_run_of_a_session_in_ci_is_its_ci_run_whenever_and_whatever(
    make_session: MakeSession,
) -> None:
    mine = make_session(1, testing_system={"ci": {"run_id": "[7]*"}}, code_state=MAIN)
    run = f.same_run(mine)
    assert f.all_match(run, mine)
    assert f.all_match(run, make_session(99, testing_system={"ci": {"run_id": "[7]*"}}))
    others: list[dict[str, Any]] = [{"ci": {"run_id": "7x"}}, {"ci": {}}, {"ci": "[7]*"}, {}]
    for other in others:
        assert not f.all_match(run, make_session(1, testing_system=other, code_state=MAIN))


def test_the_run_of_a_session_without_ci_is_its_commit_and_branch_within_an_hour(
    make_session: MakeSession,
) -> None:
    session = runs_of(make_session, code_state=MAIN)
    run, last_run = f.same_run(session(0)), f.same_run(session(0), is_newest=True)
    assert [m for m in (-61, -60, 0, 60, 61) if f.all_match(run, session(m))] == [-60, 0, 60]
    assert [m for m in (-61, -60, 0, 60) if f.all_match(last_run, session(m))] == [-60, 0]
    in_ci = {"ci": {"run_id": "7"}}
    others: list[dict[str, Any]] = [
        {"code_state": CodeState("abcd" * 10, "main")},
        {"code_state": CodeState("abce" * 10, "m[ai]n")},
        {"code_state": None},
        {"code_state": MAIN, "testing_system": in_ci},
    ]
    for other in others:
        assert not f.all_match(run, runs_of(make_session, **other)(0))


def test_the_run_of_a_session_without_ci_and_commit_is_that_session(
    make_session: MakeSession,
) -> None:
    for code in (None, CodeState(branch="main")):
        session = runs_of(make_session, code_state=code)
        assert [m for m in (0, 1) if f.all_match(f.same_run(session(0)), session(m))] == [0]


def test_a_run_at_the_ends_of_the_calendar_can_be_selected_and_saved(
    make_session: MakeSession,
) -> None:
    for time in (datetime.min, datetime.max - timedelta(minutes=1)):
        mine = make_session(0, session_start_time=time.replace(tzinfo=UTC), code_state=MAIN)
        run = f.same_run(mine)
        assert f.all_match(run, mine)
        assert f.Selection.from_dict(f.Selection(run).to_dict()) == f.Selection(run)


@pytest.mark.parametrize(
    ("pattern", "use_regex", "matches"),
    [
        ("test_x[a-1]", False, True),  # literally: as a wildcard it would not
        ("test_x", False, True),
        ("test_X", False, False),
        ("*[[]a-1]", False, True),
        ("test_x*", False, False),  # a wildcard has to match the whole
        ("test_.", False, False),
        ("test_.", True, True),
        ("^test_", True, False),
        (r"\[a-\d\]$", True, True),
        ("(?i)TEST_X", True, True),
    ],
)
def test_a_text_contains_a_pattern_or_matches_it_as_wildcard_or_regex(
    pattern: str, use_regex: bool, matches: bool
) -> None:
    result = TestResult("tests/a.py::test_x[a-1]", TestOutcome.PASSED, START)
    assert f.PatternMatches(pattern, use_regex=use_regex).matches(result) is matches


def test_output_is_any_of_stdout_stderr_and_log() -> None:
    for name in ("capstdout", "capstderr", "caplog"):
        fields: dict[str, Any] = {name: "the needle"}
        assert f.OutputContains("needle").matches(
            TestResult("x", TestOutcome.PASSED, START, **fields)
        )
    other = TestResult("needle", TestOutcome.FAILED, START, longreprtext="needle")
    assert not f.OutputContains("needle").matches(other)


def test_the_bounds_of_durations_are_inclusive() -> None:
    result = TestResult("x", TestOutcome.PASSED, START, 0.5)
    assert f.DurationBetween(0.5, 0.5).matches(result)
    assert not f.DurationBetween(0.5000001, None).matches(result)
    assert not f.DurationBetween(None, 0.4999999).matches(result)
    assert f.DurationBetween().matches(result)


def test_the_result_of_a_custom_function_is_converted_to_bool() -> None:
    result = TestResult("x", TestOutcome.PASSED, START, longreprtext="text")
    assert f.Custom(lambda each: each.longreprtext).matches(result) is True
    assert f.Custom(lambda each: each.caplog).matches(result) is False


def test_all_match_is_true_without_filters(make_session: MakeSession) -> None:
    assert f.all_match((), make_session())
    assert not f.all_match((f.SutIs("api"), f.SutIs("web")), make_session())
