"""What is written by hand is what encoding the records would have given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_insight._util.storable import storable_text, storable_value
from pytest_insight.document.codec import decode_session, encode_clean
from pytest_insight.document.fast_writer import (
    PASSED_LINE,
    Timestamps,
    encode_head,
    encode_result,
    encode_text,
    encode_value,
    new_session_id,
    result_lines,
    session_document,
)
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.journal.parser import parse
from tests.strategies import json_values, names, texts

MICROSECOND = timedelta(microseconds=1)
# Seconds since 1970 that a clock may show, 1901 to 2106, on the edges of minutes too.
moments = st.one_of(
    st.floats(-(2**31), 2**32),
    st.integers(-(2**25), 2**26).map(lambda minute: minute * 60),
    st.integers(-(2**25), 2**26).map(lambda minute: minute * 60 - 1e-7),
).map(lambda seconds: seconds + 0.0)  # no clock shows a negative zero


@given(texts())
def test_a_text_is_encoded_as_in_a_record(text: str) -> None:
    assert encode_text(text) == encode_clean(text)


@given(json_values())
def test_a_value_is_encoded_as_in_a_record(value: Any) -> None:
    assert msgspec.json.decode(encode_value(value)) == msgspec.json.decode(encode_clean(value))
    assert msgspec.json.decode(encode_value(value)) == storable_value(value)


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, b"", {1}], ids=repr)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_value(value)


@example([-0.0, 60.0, -0.0])
@given(st.lists(moments, min_size=1))
def test_a_time_is_that_of_the_clock(seconds: list[float]) -> None:
    text = Timestamps().text
    for second in seconds:
        found = msgspec.json.decode(b'"%b"' % text(second).encode(), type=datetime)
        assert found.tzinfo is UTC
        assert abs(found - datetime.fromtimestamp(second, UTC)) <= MICROSECOND


fields = st.fixed_dictionaries(
    {},
    optional={
        name: texts().filter(bool)
        for name in ("longreprtext", "capstdout", "capstderr", "caplog", "worker")
    },
)
properties = st.lists(st.tuples(texts(), json_values()), max_size=2)
durations = st.floats(0, 1e9)


@given(names(), texts().filter(bool), moments, durations, fields, properties)
def test_the_line_of_a_result_is_that_result(
    name: str,
    outcome: str,
    start: float,
    duration: float,
    other: dict[str, str],
    pairs: list[tuple[str, Any]],
) -> None:
    encoded = encode_value(pairs) if pairs else b""
    parts = Timestamps().parts(start)
    line = encode_result(encode_text(name), outcome, parts, duration, other, encoded)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    result = msgspec.json.decode(line, type=TestResult)
    assert abs(result.start_time - datetime.fromtimestamp(start, UTC)) <= MICROSECOND
    assert result.duration == round(duration, 6)
    assert result == TestResult(
        nodeid=storable_text(name),
        outcome=TestOutcome(storable_text(outcome)),
        start_time=result.start_time,
        duration=result.duration,
        properties=tuple((storable_text(key), storable_value(value)) for key, value in pairs),
        **storable_value(other),
    )


@given(names(), moments, durations)
def test_the_short_way_for_what_passed_is_the_long_one(
    name: str, start: float, duration: float
) -> None:
    parts, encoded = Timestamps().parts(start), encode_text(name)
    short = PASSED_LINE % (encoded, *parts, duration)
    assert short == encode_result(encoded, "passed", parts, duration, {})


SYSTEM = {"host": "h", "plugins": {"xdist": "3"}, "workers": 2}
FIELDS = {
    "session_id": "api-1",
    "sut_name": "api",
    "session_start_time": "2026-11-01T12:00:00.000000Z",
    "session_stop_time": "2026-11-01T12:00:00.000000Z",
    "session_duration": 0.0,
    "session_tags": {"a": "b"},
    "testing_system": SYSTEM,
}
ENDING = {
    "session_stop_time": "2026-11-01T12:00:01.500000Z",
    "session_duration": 1.5,
    "exit_status": 1,
    "code_state": {"commit": "c"},
}


@example(["a", "b"], ["b"])
@given(st.lists(names(), max_size=4), st.lists(names(), max_size=2))
def test_a_session_is_the_same_by_hand_and_by_its_records(
    nodeids: list[str], warned: list[str]
) -> None:
    parts = Timestamps().parts(1.5)
    lines = b"".join(
        b'{"running":%b}\n' % encode_text(name)
        + encode_result(encode_text(name), "failed", parts, 0.5, {"longreprtext": name})
        for name in nodeids
    )
    lines += b"".join(b'{"warned":%b}\n' % encode_text(name) for name in [*warned, *nodeids[:1]])
    head = encode_head(FIELDS, {"storage_type": "json", "file_path": "/a", "profile": "team"})
    journal = head + lines + b'{"ended":%b}\n' % encode_value(ENDING)
    records = parse(journal)
    assert records.profile == StorageProfile("team", "json", "/a")
    session = decode_session(session_document(FIELDS | ENDING, result_lines(journal), journal))
    assert session == records.session
    assert session == TestSession(
        session_id="api-1",
        sut_name="api",
        session_start_time=datetime(2026, 11, 1, 12, tzinfo=UTC),
        session_duration=1.5,
        session_tags={"a": "b"},
        testing_system=SYSTEM,
        code_state=CodeState("c"),
        exit_status=1,
        test_results=session.test_results,
    )
    marked = {*map(storable_text, warned), *map(storable_text, nodeids[:1])}
    assert [(r.nodeid, r.has_warning) for r in session.test_results] == [
        (storable_text(name), storable_text(name) in marked) for name in nodeids
    ]


def test_a_new_id_says_what_and_when_in_utc_and_is_unique() -> None:
    start = datetime(2026, 11, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=3)))
    ids = {new_session_id("api", start, f"{number}") for number in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"api-20261031-220203-[0-9a-f]{8}", name) for name in ids)
