"""What is wrong with a file: every mistake, in plain words, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_insight.errors import ExchangeError
from tests.exchange.helpers import read, result_object, session_object


def problems(**fields: Any) -> list[tuple[str, str]]:
    """What is wrong with a session that has these fields, after one with nothing wrong."""
    parsed = read([session_object("good"), session_object("bad", **fields)])
    assert [s.session_id for s in parsed.sessions] == ["good"]
    assert {p.session_index for p in parsed.problems} == {1}
    return [(p.place.removeprefix("sessions[1]"), p.message) for p in parsed.problems]


def result_problems(**fields: Any) -> list[tuple[str, str]]:
    found = problems(test_results=[result_object(), result_object(**fields)])
    return [(place.removeprefix(".test_results[1]"), message) for place, message in found]


@pytest.mark.parametrize(
    "text",
    [
        *("2026-13-01T12:00:00", "2026-02-30T12:00:00", "2026-11-01T25:00:00"),
        *("yesterday", "", "12:00", "2026-11-01T12:00:00 CET"),
    ],
)
def test_an_impossible_time_is_refused(text: str) -> None:
    for place, message in (
        *problems(session_start_time=text),
        *problems(session_stop_time=text),
        *result_problems(start_time=text),
        *result_problems(stop_time=text),
    ):
        assert place.endswith("_time")
        assert message == f"must be an ISO 8601 time, not {text!r}"


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+00:01"]
)
def test_a_time_outside_the_calendar_in_utc_is_refused(text: str) -> None:
    assert problems(session_start_time=text)[0] == (
        ".session_start_time",
        f"must be between the years 1 and 9999 in UTC, not {text!r}",
    )


@pytest.mark.parametrize("value", [1793534400, 1.5, True, [], {}])
def test_a_time_that_is_not_text_is_refused(value: object) -> None:
    place, message = problems(session_start_time=value)[0]
    assert place == ".session_start_time"
    assert message.startswith("must be an ISO 8601 time, not ")


def test_a_stop_before_the_start_is_refused() -> None:
    early = "2026-11-01T11:59:59Z"
    assert problems(session_stop_time=early) == [
        ("", "session_stop_time is before session_start_time")
    ]
    assert result_problems(stop_time=early) == [("", "stop_time is before start_time")]


def test_a_duration_past_the_end_of_the_calendar_is_refused() -> None:
    assert "leads past the end of the calendar" in problems(session_duration=1e15)[0][1]
    (found,) = problems(test_results=[result_object("t", duration=1e15)])
    assert found == ("", "the duration 1e+15 s of 't' ends after the year 9999")


@pytest.mark.parametrize("value", ["", " ", 1, True, [], {}])
def test_an_outcome_that_is_not_a_name_is_refused(value: object) -> None:
    place, message = result_problems(outcome=value)[0]
    assert (place, message.partition(",")[0]) == (".outcome", "must be the name of an outcome")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "must be zero or more, not -1"),
        (-0.001, "must be zero or more, not -0.001"),
        (True, "must be a number, not true"),
        ("1.5", "must be a number, not '1.5'"),
        ([], "must be a number, not a list"),
        (float("nan"), "must be a finite number, not nan"),
        (float("inf"), "must be a finite number, not inf"),
        (10**400, f"must be a number, not {'1' + '0' * 37}...{'0' * 39}"),
    ],
)
def test_an_invalid_duration_is_refused(value: object, message: str) -> None:
    assert result_problems(duration=value) == [(".duration", message)]
    assert problems(session_duration=value) == [(".session_duration", message)]


@pytest.mark.parametrize("value", [True, 1.0, "1", []])
def test_an_invalid_exit_status_is_refused(value: object) -> None:
    ((place, message),) = problems(exit_status=value)
    assert (place, message.partition(",")[0]) == (".exit_status", "must be a whole number")


@pytest.mark.parametrize("field", ["session_id", "sut_name"])
@pytest.mark.parametrize("value", ["", " ", "\n", "\u00a0"])
def test_a_blank_name_is_refused(field: str, value: str) -> None:
    parsed = read([session_object() | {field: value}])
    assert [(p.place, p.message) for p in parsed.problems] == [
        (f"sessions[0].{field}", f"must be a text that is not blank, not {value!r}")
    ]


def test_an_empty_nodeid_is_refused_and_a_blank_one_is_not() -> None:
    assert result_problems(nodeid=None) == [(".nodeid", "is missing")]
    parsed = read([session_object(test_results=[result_object(""), result_object(" ")])])
    assert [(p.place, p.message) for p in parsed.problems] == [
        ("sessions[0].test_results[0].nodeid", "must not be empty")
    ]


@pytest.mark.parametrize("value", [5, "ab", ["ab"], [["a"]], [["a", 1, 2]], [[1, 2]], [{"a": 1}]])
def test_invalid_properties_are_refused(value: object) -> None:
    ((place, message),) = result_problems(properties=value)
    assert place == ".properties"
    assert message.startswith("must be a list of [name, value] pairs, or an object, not ")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("session_tags", [], (".session_tags", "must be an object, not a list")),
        ("session_tags", {"k": 1}, (".session_tags.k", "must be a text, not 1")),
        ("session_tags", {"k": None}, (".session_tags.k", "must be a text, not null")),
        ("testing_system", "linux", (".testing_system", "must be an object, not 'linux'")),
        ("code_state", "main", (".code_state", "must be an object, not 'main'")),
        ("code_state", {"commit": 5}, (".code_state.commit", "must be a text, not 5")),
        ("test_results", {}, (".test_results", "must be a list, not an object")),
        ("test_results", [None], (".test_results[0]", "must be an object, not null")),
        ("test_results", ["x"], (".test_results[0]", "must be an object, not 'x'")),
        ("session_id", 5, (".session_id", "must be a text, not 5")),
    ],
)
def test_a_wrong_type_is_named_by_its_json_name(
    field: str, value: object, expected: tuple[str, str]
) -> None:
    parsed = read([session_object() | {field: value}])
    assert [(p.place.removeprefix("sessions[0]"), p.message) for p in parsed.problems] == [expected]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("nodeid", 5, "must be a text, not 5"),
        ("capstdout", ["a"], "must be a text, not a list"),
        ("worker", {}, "must be a text, not an object"),
        ("has_warning", "yes", "must be true or false, not 'yes'"),
        ("has_warning", 1, "must be true or false, not 1"),
    ],
)
def test_a_wrong_type_in_a_result_is_named_by_its_json_name(
    field: str, value: object, message: str
) -> None:
    value = result_object() | {field: value}
    assert problems(test_results=[value]) == [(f".test_results[0].{field}", message)]


def test_every_problem_of_every_session_is_listed_with_its_place() -> None:
    parsed = read(
        [
            session_object("good", test_results=[result_object()]),
            {"session_id": "b", "test_results": [result_object(), {"outcome": 5}, 7]},
            42,
            session_object("d", sut_name="", session_start_time="x", session_duration=-1),
        ]
    )
    assert [s.session_id for s in parsed.sessions] == ["good"]
    assert (parsed.total, parsed.invalid) == (4, 3)
    assert [(p.session_index, p.session_id, p.place) for p in parsed.problems] == [
        (1, "b", "sessions[1].sut_name"),
        (1, "b", "sessions[1].session_start_time"),
        (1, "b", "sessions[1].test_results[1].nodeid"),
        (1, "b", "sessions[1].test_results[1].outcome"),
        (1, "b", "sessions[1].test_results[1].start_time"),
        (1, "b", "sessions[1].test_results[2]"),
        (2, None, "sessions[2]"),
        (3, "d", "sessions[3].sut_name"),
        (3, "d", "sessions[3].session_start_time"),
        (3, "d", "sessions[3].session_duration"),
    ]
    assert str(parsed.problems[0]) == "sessions[1].sut_name: is missing (session 'b')"
    assert str(parsed.problems[6]) == "sessions[2]: must be an object, not 42"


def test_a_problem_is_one_short_printable_line_whatever_the_file_holds() -> None:
    name = "\x1b[31m\nred" + "x" * 10_000
    value = session_object(name, session_tags={name: 1, "\ud800": 2}, sut_name=["y" * 10_000])
    parsed = read([value | {"session_start_time": "z" * 10_000}])
    assert len(parsed.problems) == 4
    for problem in parsed.problems:
        line = str(problem)
        assert line.isprintable()
        assert len(line) < 400
        line.encode()
        assert problem.session_id
        problem.session_id.encode()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, "an empty object"),
        ({"runs": [], "total": 3}, "an object with the keys runs, total"),
        ({"a\nb": 1}, r"an object with the keys 'a\\nb'"),
        (session_object(), "keys session_id, session_start_time, sut_name"),
        ("text", "found 'text'"),
        (5, "found 5"),
        (None, "found null"),
        (True, "found true"),
    ],
)
def test_json_of_another_shape_says_what_was_expected_and_what_was_found(
    value: object, found: str
) -> None:
    expected = rf'expected a list of sessions or an object with a list "sessions", .*{found}'
    with pytest.raises(ExchangeError, match=expected):
        read(json.dumps(value))


@pytest.mark.parametrize("value", [{}, {"a": session_object()}, "x", 5, None])
def test_sessions_that_are_not_a_list_are_refused(value: object) -> None:
    with pytest.raises(ExchangeError, match='"sessions" in the file must be a list, not '):
        read({"sessions": value})
