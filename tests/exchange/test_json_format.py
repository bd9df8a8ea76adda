"""The JSON reader and writer."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_insight.document.codec import checked
from pytest_insight.document.layout import VERSION
from pytest_insight.errors import ExchangeError, NewerFormatError
from pytest_insight.exchange.readers.json import read_object
from pytest_insight.exchange.writers.json import write
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.storage.json.storage import JSONStorage
from tests.conftest import MakeSession
from tests.exchange.golden import JSON_FILE, JSON_FILE_2, SESSIONS, SESSIONS_2
from tests.exchange.helpers import read, result_object, session_object, written

OWN = {"format": "pytest-insight", "version": VERSION}


@pytest.mark.parametrize(("file", "sessions"), [(JSON_FILE, SESSIONS), (JSON_FILE_2, SESSIONS_2)])
def test_the_golden_file_of_each_version_can_be_read(
    file: Path, sessions: tuple[TestSession, ...]
) -> None:
    parsed = read(file.read_bytes())
    assert parsed.sessions == list(sessions)
    assert (parsed.total, parsed.problems, parsed.ignored) == (2, [], {})


def test_the_written_file_equals_the_golden_file_byte_by_byte() -> None:
    assert VERSION == 2
    assert written(SESSIONS_2, "json") == JSON_FILE_2.read_bytes()


def test_an_export_is_the_same_document_as_a_store(make_session: MakeSession) -> None:
    sessions = [make_session(number) for number in range(3)]
    storage = JSONStorage("store.json")
    storage.save_sessions(sessions)
    file = io.BytesIO()
    assert write(sessions, file) == 3
    assert file.getvalue() == Path("store.json").read_bytes()


def test_no_sessions_are_a_valid_document_too() -> None:
    data = written([], "json")
    assert json.loads(data) == OWN | {"sessions": []}
    assert read(data).total == 0


def test_of_two_sessions_with_one_id_in_our_own_document_the_later_counts(
    make_session: MakeSession,
) -> None:
    first, other = make_session(0), make_session(1)
    later = make_session(0, sut_name="later")
    parsed = read(written([first, other, later], "json"))
    assert parsed.sessions == [later, other]
    assert (parsed.total, parsed.invalid) == (2, 0)


def test_an_id_twice_in_a_foreign_file_is_two_sessions() -> None:
    parsed = read([session_object("a"), session_object("a", sut_name="web")])
    assert [s.sut_name for s in parsed.sessions] == ["api", "web"]
    assert parsed.total == 2


def test_a_repeated_id_does_not_hide_an_invalid_session() -> None:
    sessions = [session_object("a"), session_object("a"), session_object("b", sut_name="")]
    parsed = read(OWN | {"sessions": sessions})
    assert (parsed.total, len(parsed.sessions), parsed.invalid) == (2, 1, 1)
    assert parsed.problems[0].session_index == 2


def test_indenting_and_another_order_of_keys_change_nothing() -> None:
    document = json.loads(JSON_FILE.read_bytes())
    turned = [dict(reversed(session.items())) for session in document["sessions"]]
    text = json.dumps({"sessions": turned} | OWN, indent=4)
    assert read(text).sessions == list(SESSIONS)


def test_outcomes_of_our_own_document_are_kept_as_they_are(make_session: MakeSession) -> None:
    result = make_session().test_results[0]
    strange = make_session(0, test_results=(replace(result, outcome=TestOutcome("Flaky")),))
    assert read(written([strange], "json")).sessions == [strange]


@pytest.mark.parametrize("version", [VERSION + 1, 99, 2**70])
def test_a_newer_version_is_refused_whatever_it_holds(version: int) -> None:
    contents: list[dict[str, object]] = [{"sessions": [session_object()]}, {"sessions": 1}, {}]
    for content in contents:
        with pytest.raises(
            NewerFormatError, match=f"format {version}; this one reads {VERSION}"
        ) as info:
            read(OWN | {"version": version} | content)
        assert (info.value.found, info.value.known) == (version, VERSION)
        assert "pip install --upgrade pytest-insight" in str(info.value)


@pytest.mark.parametrize("version", [None, 0, -1, "1", "2", 1.0, 1.5, True, [], {}])
def test_an_invalid_version_is_refused(version: object) -> None:
    with pytest.raises(ExchangeError, match='with an unknown version: expected "version":2'):
        read(OWN | {"version": version, "sessions": []})


def test_a_missing_version_of_our_format_is_refused() -> None:
    with pytest.raises(ExchangeError, match="found null"):
        read({"format": "pytest-insight", "sessions": []})


def test_the_version_of_another_format_is_ignored() -> None:
    assert read({"format": "other", "version": 7, "sessions": [session_object()]}).total == 1


def test_two_lists_of_sessions_in_one_object_are_refused_because_one_would_be_lost() -> None:
    one = json.dumps(session_object("a"))
    with pytest.raises(ExchangeError, match='has "sessions" twice'):
        read(f'{{"sessions":[{one}],"sessions":[]}}')


def test_two_lists_of_results_in_one_session_are_a_problem_of_that_session() -> None:
    results = f'"test_results":[{json.dumps(result_object())}]'
    doubled = json.dumps(session_object("b"))[:-1] + f",{results},{results}}}"
    parsed = read(f"[{json.dumps(session_object('a'))},{doubled}]")
    assert [s.session_id for s in parsed.sessions] == ["a"]
    assert str(parsed.problems[0]) == (
        'sessions[1]: one object has "test_results" twice; merge the two lists'
    )


def test_a_tag_named_test_results_is_not_a_second_list() -> None:
    tags = {"test_results": "sessions", "sessions": '"sessions"'}
    results = [result_object(properties={"test_results": ["test_results"]})]
    parsed = read({"sessions": [session_object(session_tags=tags, test_results=results)]})
    assert parsed.problems == []
    assert parsed.sessions[0].session_tags == tags


def test_of_any_other_duplicate_key_the_last_value_counts() -> None:
    text = json.dumps(session_object())[:-1] + ',"sut_name":"web"}'
    assert read(f"[{text}]").sessions[0].sut_name == "web"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_to_read_the_file(encoding: str) -> None:
    text = json.dumps([session_object("ä🧪")], ensure_ascii=False)
    assert read(text.encode(encoding)).sessions[0].session_id == "ä🧪"


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_are_white_space(newline: str) -> None:
    text = json.dumps([session_object()], indent=1).replace("\n", newline)
    assert read(text + newline).total == 1


def test_every_session_is_cleaned_as_in_a_store() -> None:
    east = "2026-11-01T13:00:00+01:00"
    text = json.dumps(
        [
            session_object("a\0", session_start_time=east, session_duration=1.0),
            session_object("b\ud800", testing_system={"\udc80": ["\0", {"x": "\ud800"}]}),
            session_object("c", session_tags={"\ud800": "\0"}, unknown=1),
            session_object("d", test_results=[result_object("\ud800\0", capstdout="\udfff")]),
        ]
    )
    sessions = read(text).sessions
    assert [s.session_id for s in sessions] == ["a\\x00", "b\\ud800", "c", "d"]
    assert sessions[0].session_start_time.isoformat() == "2026-11-01T12:00:00+00:00"
    assert sessions[1].testing_system == {"\\udc80": ["\\x00", {"x": "\\ud800"}]}
    assert sessions[2].session_tags == {"\\ud800": "\\x00"}
    assert sessions[3].test_results[0].nodeid == "\\ud800\\x00"
    assert sessions[3].test_results[0].capstdout == "\\udfff"
    assert [checked(s) for s in sessions] == sessions


def test_nan_and_infinity_in_free_values_become_null() -> None:
    text = json.dumps([session_object(testing_system={"load": [float("nan"), float("inf"), 1.5]})])
    assert read(text).sessions[0].testing_system == {"load": [None, None, 1.5]}


def test_read_object_returns_a_valid_session_or_none() -> None:
    found = read_object(session_object("a"))
    assert isinstance(found, TestSession)
    assert found.session_id == "a"
    assert read_object({"session_id": "a"}) is None
    assert read_object(None) is None
