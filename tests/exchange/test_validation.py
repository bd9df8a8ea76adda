"""Sessions of other writers: what is accepted, and how it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_insight.exchange.file_content import Problem
from pytest_insight.models import CodeState, TestOutcome, TestSession
from tests.exchange.helpers import TIME, read, result_object, session_object

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

UPSTREAM = {
    "sut_name": "api",
    "session_id": "api-1",
    "session_start_time": "2026-11-01T12:00:00",
    "session_duration": 3,
    "session_tags": {"environment": "ci"},
    "test_results": [
        {
            "nodeid": "test_a.py::test_x",
            "outcome": "RERUN",
            "start_time": "2026-11-01T12:00:00",
            "stop_time": "2026-11-01T12:00:00.500000",
            "caplog": "",
            "capstderr": "",
            "capstdout": "hello",
            "longreprtext": "",
            "has_warning": False,
        },
        {
            "nodeid": "test_a.py::test_x",
            "outcome": "PASSED",
            "start_time": "2026-11-01T12:00:01",
            "stop_time": "2026-11-01T12:00:02",
            "has_warning": True,
        },
    ],
    "rerun_test_groups": [{"nodeid": "test_a.py::test_x", "tests": ["anything"]}],
    "testing_system": {"hostname": "build-7"},
}


def only(value: object) -> TestSession:
    """The only session of a valid file."""
    parsed = read(value)
    assert [str(problem) for problem in parsed.problems] == []
    (session,) = parsed.sessions
    return session


def only_result(**fields: Any) -> Any:
    return only([session_object(test_results=[result_object(**fields)])]).test_results[0]


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_shape_of_the_upstream_project_is_read(wrapped: bool) -> None:
    value: object = {"sessions": [UPSTREAM], "exported": "today"} if wrapped else [UPSTREAM]
    session = only(value)
    assert session.session_start_time == NOON
    assert session.session_stop_time == NOON + timedelta(seconds=3)
    assert session.session_duration == 3.0
    assert session.testing_system == {"hostname": "build-7"}
    first, second = session.test_results
    assert (first.outcome, second.outcome) == (TestOutcome.RERUN, TestOutcome.PASSED)
    assert (first.duration, second.duration) == (0.5, 1.0)
    assert (first.has_warning, second.has_warning) == (False, True)
    assert [group.tests for group in session.rerun_test_groups] == [(first, second)]
    assert read([UPSTREAM]).ignored == {}


@pytest.mark.parametrize(
    ("fields", "stop", "duration"),
    [
        ({"session_duration": 5}, 5, 5.0),
        ({"session_stop_time": "2026-11-01T12:00:05Z"}, 5, 5.0),
        ({"session_stop_time": "2026-11-01T12:00:05Z", "session_duration": 4.5}, 5, 4.5),
        ({}, 7, 7.0),
        ({"session_duration": 0}, 0, 0.0),
    ],
)
@pytest.mark.parametrize("outcome", ["passed", "PASSED"])
@pytest.mark.parametrize("nulls", [False, True])
def test_stop_time_or_duration_or_both_may_be_left_out(
    fields: dict[str, Any], stop: int, duration: float, outcome: str, nulls: bool
) -> None:
    results = [
        result_object("1", outcome=outcome, duration=7.0),
        result_object("2", outcome=outcome, start_time="2026-11-01T12:00:02Z", duration=1.0),
    ]
    value = session_object(test_results=results, **fields)
    if nulls:
        value = {"session_stop_time": None, "session_duration": None} | value
    session = only([value])
    assert session.session_stop_time == NOON + timedelta(seconds=stop)
    assert session.session_duration == duration


def test_a_session_without_results_and_times_took_no_time() -> None:
    session = only([session_object()])
    assert (session.session_stop_time, session.session_duration) == (NOON, 0.0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-01T12:00:00", NOON),
        ("2026-11-01 12:00:00", NOON),
        ("2026-11-01T12:00", NOON),
        ("2026-11-01T12:00:00Z", NOON),
        ("2026-11-01T13:00:00+01:00", NOON),
        ("2026-11-01T06:00:00.000-06:00", NOON),
        ("20261101T120000", NOON),
        ("2026-11-01T12:00:00.123456789", NOON + timedelta(microseconds=123456)),
        ("2026-11-01", NOON - timedelta(hours=12)),
    ],
)
def test_times_are_read_in_every_iso_form_and_taken_as_utc_without_an_offset(
    text: str, meant: datetime
) -> None:
    session = only([session_object(session_start_time=text)])
    assert session.session_start_time == meant
    assert session.session_start_time.tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("PASSED", TestOutcome.PASSED),
        ("XFAILED", TestOutcome.XFAILED),
        (" ERROR ", TestOutcome.ERROR),
        ("skipped", TestOutcome.SKIPPED),
        ("flaky", "flaky"),
        ("FLAKY", "FLAKY"),
        ("subtests passed", "subtests passed"),
    ],
)
def test_outcomes_may_be_in_upper_case_and_unknown_ones_stay(given: str, meant: str) -> None:
    assert only_result(outcome=given).outcome == meant


@pytest.mark.parametrize("value", [0, 1, 2.5, 1e-9, -0.0])
def test_a_duration_is_any_number_that_is_not_negative(value: float) -> None:
    assert only_result(duration=value).duration == value
    assert only([session_object(session_duration=value)]).session_duration == value


@pytest.mark.parametrize("value", [0, 5, -9, 3221225477])
def test_an_exit_status_is_a_whole_number(value: int) -> None:
    assert only([session_object(exit_status=value)]).exit_status == value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], ()),
        ({}, ()),
        ([["a", 1], ["a", 2]], (("a", 1), ("a", 2))),
        ({"a": {"b": [None]}}, (("a", {"b": [None]}),)),
        ([["", ""]], (("", ""),)),
    ],
)
def test_properties_are_pairs_or_an_object(given: object, kept: object) -> None:
    assert only_result(properties=given, outcome="PASSED").properties == kept
    assert only_result(properties=given).properties == kept


def test_null_is_the_same_as_left_out() -> None:
    nulls = dict.fromkeys(
        [
            *("session_stop_time", "session_duration", "session_tags", "testing_system"),
            *("code_state", "exit_status", "test_results", "rerun_test_groups"),
        ]
    )
    assert only([session_object() | nulls]) == only([session_object()])
    parsed = read([session_object() | {"sut_name": None}])
    assert parsed.problems == [Problem(0, "sessions[0].sut_name", "is missing", "a")]


def test_an_empty_text_differs_from_null() -> None:
    state = only([session_object(code_state={"commit": "", "branch": None})]).code_state
    assert state == CodeState(commit="")


def test_null_inside_free_values_is_a_value() -> None:
    system = {"ci": None, "list": [None, {"a": None}]}
    results = [result_object(properties=[["p", None]], outcome="PASSED")]
    session = only([session_object(testing_system=system, test_results=results)])
    assert session.testing_system == system
    assert session.test_results[0].properties == (("p", None),)


def test_unknown_fields_are_counted_and_derived_ones_are_not() -> None:
    results = [result_object(keywords=[], stop_time=TIME), result_object(keywords=[], when="call")]
    value = session_object(
        test_results=results, code_state={"author": "x"}, colour="red", rerun_test_groups=[]
    )
    names = {"\x1b[1m": 1, "\ud800": 2, "session": 3, "__class__": 4, "model_config": 5}
    parsed = read([value, session_object("b", colour="blue"), session_object("c") | names])
    assert len(parsed.sessions) == 3
    assert parsed.ignored == {
        "colour": 2,
        "code_state.author": 1,
        "test_results[].keywords": 2,
        "test_results[].when": 1,
        "'\\x1b[1m'": 1,
        "\\ud800": 1,
        "session": 1,
        "__class__": 1,
        "model_config": 1,
    }


def test_fields_of_a_session_that_is_left_out_are_not_counted() -> None:
    assert read([session_object(colour="red", sut_name="")]).ignored == {}
