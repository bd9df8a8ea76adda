"""Limits for files with many problems, and how JSON is cut into sessions."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_insight import limits
from pytest_insight.errors import ExchangeError, InvalidImportError
from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.read_formats import read_file
from pytest_insight.exchange.readers.json import read as read_json
from pytest_insight.limits import MAX_IGNORED_NAMES, MAX_PROBLEMS, MAX_PROBLEMS_KEPT
from pytest_insight.recording.facts import run
from pytest_insight.storage import InMemoryStorage
from tests.exchange.helpers import csv_file, csv_row, read, result_object, session_object


def many_wrong(name: str, number: int) -> str:
    """A file with one valid session and this number of invalid ones."""
    if name == "csv":
        wrong = [csv_row(f"x{index}", start_time="soon") for index in range(number - 1)]
        return csv_file(*wrong, csv_row("good"), csv_row("", outcome="passed"))
    return json.dumps([*range(number - 1), session_object("good"), None])


@pytest.mark.parametrize("name", ["json", "csv"])
def test_problems_beyond_ten_thousand_are_only_counted(name: str) -> None:
    number = MAX_PROBLEMS_KEPT + 2_345
    parsed = read(many_wrong(name, number), name)
    assert (len(parsed.problems), parsed.problem_count) == (MAX_PROBLEMS_KEPT, number)
    assert (parsed.total, parsed.invalid) == (number + 1, number)
    assert [session.session_id for session in parsed.sessions] == ["good"]


@pytest.mark.parametrize("name", ["json", "csv"])
def test_a_refused_import_shows_a_thousand_problems_and_how_many_more_there_are(name: str) -> None:
    Path(f"a.{name}").write_text(many_wrong(name, 1_234))
    storage = InMemoryStorage()
    with pytest.raises(InvalidImportError) as caught:
        storage.import_sessions(f"a.{name}")
    assert len(caught.value.problems) == caught.value.problem_count == 1_234
    lines = str(caught.value).split("\n")
    assert lines[0].endswith("it has 1,234 problems:")
    assert lines[1:-2] == [f"  {problem}" for problem in caught.value.problems[:1_000]]
    assert lines[-2] == "  and 234 more"
    report = storage.import_sessions(f"a.{name}", skip_invalid=True)
    assert (report.imported, report.problem_count) == (1, 1_234)


def test_a_thousand_problems_are_all_shown() -> None:
    Path("a.json").write_text(many_wrong("json", 1_000))
    with pytest.raises(InvalidImportError) as caught:
        InMemoryStorage().import_sessions("a.json")
    assert str(caught.value).count("\n  sessions[") == 1_000
    assert "more" not in str(caught.value)


@pytest.mark.parametrize("name", ["results", "rows"])
def test_reading_stops_after_a_million_problems(name: str) -> None:
    if name == "results":
        results: list[Any] = [{}] * (MAX_PROBLEMS // 3 + 1)  # three fields are missing in each
        text, suffix = json.dumps([session_object("a", test_results=results)]), "json"
    else:
        text, suffix = csv_file(csv_row("a")) + "b\r\n" * (MAX_PROBLEMS + 1), "csv"
    Path(f"a.{suffix}").write_text(text)
    storage = InMemoryStorage()
    for skip in (False, True):
        with pytest.raises(ExchangeError, match=rf"a\.{suffix} has more than 1,000,000 problems"):
            storage.import_sessions(f"a.{suffix}", skip_invalid=skip)
    assert storage.session_ids() == []


def test_mistakes_in_results_of_every_batch_are_named_by_their_position() -> None:
    results = [result_object() for _ in range(3_000)]
    results[2_500] = result_object(duration=-1)
    results[999] = {}
    parsed = read([session_object("a", sut_name=" ", test_results=results)])
    assert [problem.place for problem in parsed.problems] == [
        "sessions[0].sut_name",
        "sessions[0].test_results[999].nodeid",
        "sessions[0].test_results[999].outcome",
        "sessions[0].test_results[999].start_time",
        "sessions[0].test_results[2500].duration",
    ]


def test_the_tags_of_a_session_are_named_one_by_one_unless_there_are_thousands() -> None:
    few = read([session_object(session_tags={str(n): n for n in range(1_000)})])
    assert few.problem_count == 1_000
    many = read([session_object(session_tags={str(n): n for n in range(1_001)})])
    assert [str(problem) for problem in many.problems] == [
        "sessions[0].session_tags: must be an object of texts, not an object (session 'a')"
    ]
    good = read([session_object(session_tags={str(n): "x" for n in range(1_001)})])
    assert len(good.sessions[0].session_tags) == 1_001


def test_unknown_fields_beyond_a_thousand_are_counted_together() -> None:
    unknown = {f"field {number}": 1 for number in range(MAX_IGNORED_NAMES + 50)}
    parsed = read([{**session_object(), **unknown}])
    assert len(parsed.ignored) == MAX_IGNORED_NAMES + 1
    assert parsed.ignored["others"] == 50


blank = st.text(" \t\r\n", max_size=2)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def spaced(draw: st.DrawFn, parts: list[str]) -> str:
    return "".join(part + draw(blank) for part in ["", *parts])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A list or an object, in JSON with blanks between its parts."""
    inner = [json.dumps(value) for value in draw(st.lists(values, max_size=4))]
    if draw(st.booleans()):
        parts = [part for text in inner for part in (",", text)][1:]
        return spaced(draw, ["[", *parts, "]"])
    keys = [json.dumps(draw(st.text(max_size=3))) for _ in inner]
    pairs = [part for key, text in zip(keys, inner, strict=True) for part in (",", key, ":", text)]
    return spaced(draw, ["{", *pairs[1:], "}"])


def read_any(text: str) -> FileContent:
    """Read JSON whose elements are not sessions: each is a problem, or the file is refused."""
    return read_json(text.encode(), "the file")


def as_file(text: str) -> str:
    """A file with this text as a value of its object and as two of its sessions."""
    return f'{{"x":{text},"sessions":[{text},{text}]}}'


@given(texts())
def test_each_element_of_a_list_is_found(text: str) -> None:
    found = read_any(as_file(text))
    assert found.total == 2
    if text.lstrip().startswith("["):
        expected = json.loads(text)
        found = read_any(text)
        assert found.total == len(expected)
        indices = [problem.session_index for problem in found.problems]
        assert sorted(set(indices)) == list(range(len(expected)))  # type: ignore[type-var]  # none is None


@given(texts(), st.data())
def test_a_text_that_is_cut_short_or_goes_on_is_refused(text: str, data: st.DataObject) -> None:
    text = as_file(text)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ExchangeError, match="cannot be read as JSON"):
        read_any(text[:cut])
    with pytest.raises(ExchangeError, match="unexpected data after the end: line"):
        read_any(text + "1")


@pytest.mark.parametrize(
    "text",
    [
        *("[1 2]", "[,1]", "[1,]", "{1:2}", '{"a" 1}', '{"a":}', '{"a":1,}', "[1}", "[foo]"),
        *('[{"a":[1}]', '[{"a":1]}', '{"sessions":[{]}]}', '{"x":foo,"sessions":[]}', '["a"b]'),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExchangeError, match=r"cannot be read as JSON: .*: line 1 column \d"):
        read_any(text)


def test_the_place_of_an_error_is_its_place_in_the_file() -> None:
    text = f'[\n {json.dumps(session_object())},\n {{"é": 1 2}}\n]'
    with pytest.raises(ExchangeError, match=r"delimiter: line 3 column 11$"):
        read_any(text)


def test_a_document_that_only_begins_and_ends_like_ours_is_read_as_any_json() -> None:
    """A raw line break inside a nested list looks like the next session of our layout."""
    nested = f"[1,\n{json.dumps(session_object('no'), separators=(',', ':'))}]"
    one = json.dumps(session_object("a"), separators=(",", ":"))
    one = one.replace("}", f',"testing_system":{{"a":{nested}}},"test_results":[\n]}}')
    content = read_any(f'{{"format":"pytest-insight","version":1,"sessions":[\n{one}\n]}}\n')
    assert [session.session_id for session in content.sessions] == ["a"]


def test_nested_lists_are_refused_beyond_a_limit_wherever_they_are() -> None:
    for text in ("[" * 5_000 + "]" * 5_000, '{"a":[' + "[" * 5_000 + "]" * 5_000 + "]}"):
        with pytest.raises(ExchangeError, match="nested too deeply"):
            read_any(text)


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("a.json", b"", "cannot be read as JSON: Expecting value: line 1 column 1"),
        ("a.json", b"\n \xffx", "cannot be read as JSON: Expecting value: line 2 column 2"),
        (
            "a.csv",
            b"sut_name,outcome\n",
            "lacks the columns session_id, sess[^,]*, nodeid, start_time",
        ),
    ],
)
def test_a_large_file_of_another_format_is_refused_by_its_first_bytes(
    name: str, start: bytes, said: str
) -> None:
    with Path(name).open("wb") as file:
        file.write(start)
        file.truncate(8 << 20)  # sparse
    tracemalloc.start()
    try:
        with pytest.raises(ExchangeError, match=f"{said}$"):
            read_file(Path(name))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_an_import_keeps_as_many_warnings_as_the_recorder() -> None:
    assert limits.MAX_WARNINGS == run.MAX_WARNINGS
