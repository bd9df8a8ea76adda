"""The records: what they refuse, what they derive, and their way to bytes and back."""

from __future__ import annotations

import copy
import math
import pickle
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_insight._util.storable import storable_text
from pytest_insight.document import codec
from pytest_insight.errors import InsightError, InvalidSessionError
from pytest_insight.models import (
    CodeState,
    RerunTestGroup,
    TestOutcome,
    TestResult,
    TestSession,
)
from tests.conftest import START, MakeSession
from tests.strategies import examples, sessions, texts


class SetBack(tzinfo):
    """Where the clocks went from 3:00 back to 2:00 on 2026-10-25, as in Berlin."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        winter = when >= datetime(2026, 10, 25, 3, tzinfo=self) or (when.hour == 2 and when.fold)
        return timedelta(hours=1 if winter else 2)

    def dst(self, when: datetime | None) -> timedelta:
        return self.utcoffset(when) - timedelta(hours=1)

    def tzname(self, when: datetime | None) -> str:
        return "set back"


def result(outcome: str, nodeid: str = "test_x", second: float = 0) -> TestResult:
    return TestResult(nodeid, TestOutcome(outcome), START + timedelta(seconds=second), 0.5)


# Outcomes ---------------------------------------------------------------------------------------


def test_the_outcomes_are_the_words_of_pytests_closing_line() -> None:
    assert [str(outcome) for outcome in TestOutcome] == [
        "passed",
        "failed",
        "skipped",
        "xfailed",
        "xpassed",
        "rerun",
        "error",
    ]


def test_an_outcome_of_another_plugin_is_an_outcome_too() -> None:
    flaky = TestOutcome("flaky")
    assert isinstance(flaky, TestOutcome)
    assert flaky == TestOutcome("flaky") == "flaky"
    assert hash(flaky) == hash("flaky")
    assert flaky in {"flaky"}
    assert str(flaky) == f"{flaky}" == "flaky"
    assert "flaky" in repr(flaky)
    assert flaky not in list(TestOutcome)
    for again in (copy.deepcopy(flaky), pickle.loads(pickle.dumps(flaky))):
        assert again == flaky
        assert isinstance(again, TestOutcome)
    assert msgspec.json.decode(msgspec.json.encode(flaky), type=TestOutcome) == flaky


def test_an_outcome_of_any_name_can_be_printed() -> None:
    odd = TestOutcome("\udc80")
    assert repr(odd) == r"<TestOutcome.\udc80: '\udc80'>"
    assert r"\udc80" in repr(result("\udc80"))


@pytest.mark.parametrize("value", ["", None, 1])
def test_only_a_text_that_is_not_empty_is_an_outcome(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid TestOutcome"):
        TestOutcome(value)


# Results ----------------------------------------------------------------------------------------


def test_a_result_stops_after_its_duration() -> None:
    assert result("passed").stop_time == START + timedelta(seconds=0.5)


def test_a_result_that_runs_while_the_clocks_are_set_back_stops_after_its_duration() -> None:
    start = datetime(2026, 10, 25, 2, 59, 59, tzinfo=SetBack())
    stop = TestResult("test_x", TestOutcome.PASSED, start, 2.0).stop_time
    assert (stop.astimezone(UTC) - start.astimezone(UTC)).total_seconds() == 2.0


def test_the_repr_of_a_result_is_one_line_with_name_outcome_and_duration() -> None:
    def shown(nodeid: str, outcome: str, duration: float) -> str:
        return repr(TestResult(nodeid, outcome, START, duration, longreprtext="E\n" * 100))

    name = "tests/unit/test_cart.py::TestCart::test_total[a::b-mixed]"
    assert shown(name, "failed", 0.0012) == "TestResult('…::test_total[a::b-mixed]', failed, 1 ms)"
    assert shown("test_x", "passed", 75) == "TestResult('test_x', passed, 1m15s)"
    assert shown("\udc80", "\udc80", 1) == r"TestResult('\udc80', \udc80, 1.00 s)"
    unchecked = TestResult(None, None, None, "long")  # type: ignore[arg-type]
    assert repr(unchecked) == "TestResult('None', None, 'long')"


# Sessions ---------------------------------------------------------------------------------------


def test_the_repr_of_a_session_is_one_line_with_its_counts() -> None:
    results = [result("passed", f"test_{number}") for number in range(3)]
    results += [result("rerun"), result("failed"), result("flaky", "test_y")]
    session = TestSession("shop-1", "shop", START, test_results=results)
    assert repr(session) == "TestSession('shop-1', 5 tests: 1 failed, 1 rerun, 3 passed, 1 flaky)"
    assert repr(session.with_results(results[:1])) == "TestSession('shop-1', 1 test: 1 passed)"
    assert repr(session.with_results(())) == "TestSession('shop-1', no tests)"


def test_a_duration_gives_the_stop_time_and_a_stop_time_the_duration() -> None:
    stop = START + timedelta(seconds=90)
    by_duration = TestSession("a", "api", START, session_duration=90.0)
    by_stop = TestSession("a", "api", START, session_stop_time=stop)
    assert by_duration == by_stop
    assert (by_stop.session_stop_time, by_stop.session_duration) == (stop, 90.0)


def test_without_stop_time_and_duration_a_session_took_no_time() -> None:
    session = TestSession("a", "api", START)
    assert (session.session_stop_time, session.session_duration) == (START, 0.0)


def test_a_stop_time_and_a_duration_are_both_kept() -> None:
    stop = START + timedelta(seconds=90)
    session = TestSession("a", "api", START, stop, 80.0)
    assert (session.session_stop_time, session.session_duration) == (stop, 80.0)


def test_times_are_kept_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    session = TestSession("a", "api", START.astimezone(east), START.astimezone(east))
    assert session.session_start_time.tzinfo is session.session_stop_time.tzinfo is UTC
    assert session == TestSession("a", "api", START)


def test_a_session_that_runs_while_the_clocks_are_set_back_lasts_as_long_as_it_lasted() -> None:
    zone = SetBack()
    start = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    stop = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=zone)  # 45 minutes later
    assert TestSession("a", "api", start, stop).session_duration == 45 * 60
    by_duration = TestSession("a", "api", start, session_duration=45 * 60)
    assert by_duration.session_stop_time == stop.astimezone(UTC)
    again = TestSession("a", "api", datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zone))
    assert again.session_stop_time == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


INVALID: dict[str, tuple[Mapping[str, Any], str]] = {
    "no ID": ({"session_id": ""}, "session_id must be a text"),
    "a blank ID": ({"session_id": " \n"}, "session_id must be a text"),
    "an ID that is no text": ({"session_id": 7}, "session_id must be a text"),
    "a blank SUT": ({"sut_name": "\t"}, "sut_name must be a text"),
    "a SUT that is no text": ({"sut_name": None}, "sut_name must be a text"),
    "a naive start": (
        {"session_start_time": datetime(2026, 11, 1)},
        r"session_start_time must be a datetime with a time zone.*timezone\.utc",
    ),
    "a start that is no time": ({"session_start_time": "now"}, "session_start_time must be a"),
    "a naive stop": ({"session_stop_time": datetime(2026, 11, 2)}, "session_stop_time must be a"),
    "a stop before the start": (
        {"session_stop_time": START - timedelta(microseconds=1)},
        "session_stop_time is before session_start_time",
    ),
    "a negative duration": ({"session_duration": -0.1}, "finite and not negative"),
    "a NaN duration": ({"session_duration": math.nan}, "finite and not negative"),
    "an endless duration": ({"session_duration": math.inf}, "finite and not negative"),
    "a duration past the calendar": ({"session_duration": 1e300}, "past the end of the calendar"),
    "a start before the calendar": (
        {"session_start_time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
        "outside the calendar in UTC",
    ),
}


@pytest.mark.parametrize(("fields", "message"), INVALID.values(), ids=INVALID.keys())
def test_a_session_with_an_impossible_field_cannot_be_made(
    fields: Mapping[str, Any], message: str
) -> None:
    possible = {"session_id": "a", "sut_name": "api", "session_start_time": START}
    with pytest.raises(InvalidSessionError, match=message) as caught:
        TestSession(**{**possible, **fields})
    assert isinstance(caught.value, InsightError)
    assert isinstance(caught.value, ValueError)


NOT_SAVED: dict[str, tuple[Mapping[str, Any], str]] = {
    "a number as a tag": ({"session_tags": {"a": 1}}, "session_tags must be a dictionary of texts"),
    "a fact that JSON has not": (
        {"testing_system": {"a": object}},
        "testing_system must be a dictionary of JSON values, not {'a': <class 'object'>}",
    ),
    "a status as a text": (
        {"exit_status": "0"},
        "exit_status must be a whole number or None, not '0'",
    ),
    "a text as code": ({"code_state": "x"}, "code_state must be a CodeState or None, not 'x'"),
    "a text as a result": (
        {"test_results": ["x"]},
        "test_results[0] must be a TestResult, not 'x'",
    ),
    "a NaN duration": (
        {"test_results": [TestResult("a", TestOutcome.PASSED, START, math.nan)]},
        "test_results[0].duration must be a finite number of seconds, zero or more, not nan",
    ),
    "a naive time": (
        {"test_results": [TestResult("a", TestOutcome.PASSED, datetime(2026, 11, 1))]},
        "test_results[0].start_time must be a datetime with a time zone, not datetime.datetime(",
    ),
    "a property without a value": (
        {"test_results": [TestResult("a", "passed", START, properties=[("b",)])]},  # type: ignore[list-item]  # what is tested
        "test_results[0].properties must be pairs of a name and a JSON value, not [('b',)]",
    ),
}


@pytest.mark.parametrize(("fields", "message"), NOT_SAVED.values(), ids=NOT_SAVED.keys())
def test_what_cannot_be_saved_is_named_with_what_it_must_be(
    make_session: MakeSession, fields: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(InvalidSessionError) as caught:
        codec.checked(make_session(**fields))
    assert f"session 'api-0' cannot be saved: {message}" in str(caught.value)


def test_every_field_with_a_value_of_no_type_is_named_in_our_words(
    make_session: MakeSession,
) -> None:
    for field in msgspec.structs.fields(TestSession):
        broken = copy.copy(make_session())
        msgspec.structs.force_setattr(broken, field.name, (object,))
        with pytest.raises(InvalidSessionError) as caught:
            codec.checked(broken)
        assert re.search(rf": {field.name}(\[0\])? must be ", str(caught.value))
    for field in msgspec.structs.fields(TestResult):
        broken_result = copy.copy(result("passed"))
        msgspec.structs.force_setattr(broken_result, field.name, object)
        with pytest.raises(InvalidSessionError) as caught:
            codec.checked(make_session(test_results=[broken_result]))
        assert f": test_results[0].{field.name} must be " in str(caught.value)


def test_only_a_session_can_be_saved() -> None:
    with pytest.raises(InvalidSessionError, match=r"^only a TestSession can be saved, not 'x'$"):
        codec.checked("x")  # type: ignore[arg-type]  # what is tested


def test_results_may_come_in_any_iterable(make_session: MakeSession) -> None:
    results = [result("passed"), result("failed")]
    assert make_session(test_results=results).test_results == tuple(results)
    assert make_session(test_results=iter(results)).test_results == tuple(results)


def test_records_cannot_be_changed(make_session: MakeSession) -> None:
    session = make_session()
    with pytest.raises(AttributeError):
        session.sut_name = "web"  # type: ignore[misc]  # what is tested
    with pytest.raises(AttributeError):
        session.test_results[0].duration = 0.0  # type: ignore[misc]  # what is tested


def test_other_results_keep_every_other_field() -> None:
    session = TestSession(
        "a", "api", START, START, 3.0, {"k": "v"}, {"host": "h"}, CodeState("c"), exit_status=1
    )
    changed = session.with_results([result("passed")])
    assert changed.test_results == (result("passed"),)
    assert changed.with_results(()) == session


def test_outcomes_are_counted_as_pytest_counts_them(make_session: MakeSession) -> None:
    session = make_session(
        test_results=[result(name) for name in ("passed", "error", "passed", "flaky")]
    )
    assert session.outcome_counts == {"passed": 2, "error": 1, "flaky": 1}
    assert session.outcome_counts[TestOutcome.FAILED] == 0


# Reruns -----------------------------------------------------------------------------------------


def test_a_session_without_reruns_has_no_groups(make_session: MakeSession) -> None:
    assert make_session().rerun_test_groups == []


def test_the_attempts_of_a_test_are_a_group_with_the_final_result_last(
    make_session: MakeSession,
) -> None:
    session = make_session(
        test_results=[
            result("passed", "test_b", 5),
            result("rerun", "test_a", 1),
            result("passed", "test_c", 2),
            result("rerun", "test_b", 4),
            result("failed", "test_a", 3),
            result("rerun", "test_a", 2),
        ]
    )
    groups = session.rerun_test_groups
    assert [group.nodeid for group in groups] == ["test_b", "test_a"]
    assert [[str(t.outcome) for t in group.tests] for group in groups] == [
        ["rerun", "passed"],
        ["rerun", "rerun", "failed"],
    ]
    assert [test.start_time.second for test in groups[1].tests] == [1, 2, 3]
    assert [group.final_outcome for group in groups] == ["passed", "failed"]


def test_the_final_result_is_last_even_if_clocks_disagree(make_session: MakeSession) -> None:
    session = make_session(test_results=[result("passed", second=1), result("rerun", second=2)])
    assert session.rerun_test_groups == [
        RerunTestGroup("test_x", (result("rerun", second=2), result("passed", second=1)))
    ]


# Bytes ------------------------------------------------------------------------------------------


@given(sessions())
@settings(deadline=None, max_examples=examples(30))
def test_a_checked_session_survives_the_way_to_bytes_and_back(session: TestSession) -> None:
    kept = codec.checked(session)
    data = codec.encode_session(kept)
    assert codec.decode_session(data) == kept
    assert codec.encode_session(codec.decode_session(data)) == data
    assert codec.checked(kept) == kept
    assert kept.session_start_time == session.session_start_time
    assert [r.start_time for r in kept.test_results] == [r.start_time for r in session.test_results]
    assert [r.duration for r in kept.test_results] == [r.duration for r in session.test_results]


@given(sessions())
@settings(deadline=None, max_examples=examples(30))
def test_line_breaks_occur_only_in_the_places_of_the_layout(session: TestSession) -> None:
    data = codec.encode_session(codec.checked(session))
    lines = data.split(b"\n")
    results = len(session.test_results)
    assert len(lines) == results + 2
    assert lines[0].startswith(b'{"session_id":')
    assert lines[0].endswith(b',"test_results":[')
    assert all(line.startswith(b' {"nodeid":') for line in lines[1:-1])
    assert lines[-1] == b"]}"
    header = codec.decode_header(lines[0].removesuffix(b',"test_results":['))
    assert header == codec.decode_session(data).with_results(())


@given(texts(), texts())
def test_clean_text_can_be_held_by_every_store(one: str, other: str) -> None:
    clean = storable_text(one)
    assert "\0" not in clean
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert storable_text(clean) == clean
    assert storable_text(one + other) == clean + storable_text(other)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_clean_text_does_not_change_text_that_stores_can_hold(text: str) -> None:
    assert storable_text(text) == text
