"""Sessions of the upstream pytest-insight and of pytest-recap."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import completed, folded, read_bytes, read_input
from pytest_insight.models import TestSession

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def result(outcome: str = "passed", second: int = 0, /, **fields: Any) -> dict[str, Any]:
    start = f"2026-11-01T12:00:{second:02}"
    return {
        "nodeid": "t.py::test_a",
        "outcome": outcome,
        "start_time": start,
        "duration": 0.5,
        **fields,
    }


def upstream(*results: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "sut_name": "api",
        "session_id": "api-1",
        "session_start_time": "2026-11-01T12:00:00",
        "session_duration": 3,
        "session_tags": {"env": "ci"},
        "test_results": results,
        **fields,
    }


def recap(*results: dict[str, Any], **fields: Any) -> dict[str, Any]:
    given = {"session_id": "r", "session_start_time": "2026-11-01T12:00:00+00:00"}
    rest = {"system_under_test": {"name": "api"}, "testing_system": {"hostname": "h"}}
    return {**given, **rest, "test_results": results, **fields}


def read(value: object, options: ReadOptions = ReadOptions()) -> FileContent:  # noqa: B008
    return read_bytes(json.dumps(value).encode(), "old.json", None, options)


def only(value: object, options: ReadOptions = ReadOptions()) -> TestSession:  # noqa: B008
    (session,) = read(value, options).sessions
    return session


def losses(value: object, options: ReadOptions = ReadOptions()) -> set[Loss]:  # noqa: B008
    return {loss.kind for found in read(value, options).losses.values() for loss in found}


@pytest.mark.parametrize("wrapped", [False, True])
def test_naive_times_are_in_the_given_zone_else_guessed_to_be_utc(wrapped: bool) -> None:
    value: object = {"sessions": [upstream(result())]} if wrapped else [upstream(result())]
    assert only(value).session_start_time == NOON
    assert Loss.TIME_ZONE_GUESSED in losses(value)
    berlin = ReadOptions(timezone=ZoneInfo("Europe/Berlin"))
    assert only(value, berlin).session_start_time == NOON - timedelta(hours=1)
    assert only(value, berlin).test_results[0].start_time == NOON - timedelta(hours=1)
    assert Loss.TIME_ZONE_GUESSED not in losses(value, berlin)


def test_outcomes_in_capitals_are_those_of_pytest_and_others_are_kept() -> None:
    found = only([upstream(result("XFAILED"), result("Flaky", 1), result("RERUN", 2))])
    assert [str(each.outcome) for each in found.test_results] == ["xfailed", "Flaky", "rerun"]


def test_results_are_in_time_order_without_the_output_of_earlier_ones() -> None:
    error = result("error", 2, capstdout="one\ntwo\n", caplog="a\nb")
    passed = result("passed", 1, capstdout="one\n", caplog="a")
    found = only([upstream(error, passed)]).test_results
    texts = [(str(each.outcome), each.capstdout, each.caplog) for each in found]
    assert texts == [("passed", "one\n", "a"), ("error", "two\n", "b")]


def test_the_message_and_the_place_come_from_the_text() -> None:
    text = "def test_a():\n>       assert 0\nE       assert 0\n\nt.py:7: AssertionError"
    skip = "('/ci/api/t.py', 5, 'Skipped: later')"
    found = only(
        [upstream(result("failed", longreprtext=text), result("skipped", 1, longreprtext=skip))]
    ).test_results
    assert [(each.message, each.crash) for each in found] == [
        ("assert 0", "t.py:7"),
        ("later", "t.py:5"),
    ]


def test_the_sessions_of_the_workers_of_one_run_are_folded_if_that_is_asked_for() -> None:
    first, second = upstream(result()), upstream(result(nodeid="t.py::test_b"))
    later = upstream(result(), session_start_time="2026-11-01T13:00:00")
    data = json.dumps([first, second, later]).encode()
    options = ReadOptions()
    (content,) = folded([read_input(Input("old.json", data), None, options)])
    assert [len(each.test_results) for each in completed(content, options).sessions] == [2, 1]
    assert len(read([first, second, later]).sessions) == 3


@pytest.mark.parametrize("shape", ["one", "list", "store"])
def test_a_recap_is_one_session_or_a_list_of_them(shape: str) -> None:
    value: Any = recap(result(start_time="2026-11-01T12:00:01+00:00"))
    value = {"one": value, "list": [value], "store": {"sessions": [value]}}[shape]
    session = only(value)
    assert (session.sut_name, session.session_start_time) == ("api", NOON)
    assert session.session_duration == 1.5  # it ends with its last result
    assert losses(value) == {Loss.NO_PHASES, Loss.NO_CODE_STATE}


def test_a_recap_that_names_no_system_needs_a_name() -> None:
    value = recap(result(), system_under_test={"name": "pytest-recap"})
    with pytest.raises(ExchangeError, match="name it with --sut"):
        only(value)
    assert only(value, ReadOptions(sut="shop")).sut_name == "shop"


def test_a_recap_names_phases_files_that_were_not_collected_and_who_warned() -> None:
    events = [
        {"nodeid": "b.py", "when": "collect", "longrepr": "E   ImportError: no"},
        {"nodeid": "t.py::test_a", "when": "teardown", "longrepr": "E   torn"},
    ]
    warning = {"nodeid": "t.py::test_a", "category": "UserWarning", "message": "careful"}
    place = {"filename": "t.py", "lineno": 3}
    results = [result("error", 1, longreprtext="E   torn"), result("passed", 0)]
    session = only(recap(*results, errors=events, warnings=[{**warning, **place}]))
    found = [(each.nodeid, str(each.outcome), each.phase) for each in session.test_results]
    assert found == [
        ("b.py", "error", ""),
        ("t.py::test_a", "passed", ""),
        ("t.py::test_a", "error", "teardown"),
    ]
    assert [each.has_warning for each in session.test_results] == [False, True, True]
    assert [(each.text, each.location) for each in session.warnings] == [("careful", "t.py:3")]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([upstream(result(duration=-1))], "[0].test_results[0].duration must be zero or more"),
        ([upstream(result(start_time="soon"))], "[0].test_results[0].start_time must be an ISO"),
        ([upstream(result(), {"outcome": "passed"})], "[0].test_results[1] has no 'nodeid'"),
        ({"sessions": [upstream(result(""))]}, "sessions[0].test_results[0] has no outcome"),
        ([upstream(result(), session_tags={"a": 1})], "[0].session_tags"),
        (recap(result(duration=float("nan"))), "the session.test_results[0].duration must be"),
        (recap(result(), errors=[{"when": "collect", "longrepr": [1]}]), "errors[0].longrepr must"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(value: object, said: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        read(value)
    assert str(caught.value).startswith("old.json cannot be read as ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
