"""Whatever can be stored comes back equal, through every format."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_insight.document.codec import checked
from pytest_insight.errors import InsightError
from pytest_insight.exchange.read_formats import read_bytes, read_file
from pytest_insight.exchange.write_formats import FORMATS, write_file
from pytest_insight.exchange.writers.csv import COLUMNS, RESULT_COLUMNS, SESSION_COLUMNS
from pytest_insight.models import TestSession
from pytest_insight.storage.memory import InMemoryStorage
from tests.exchange.golden import SESSIONS
from tests.exchange.helpers import csv_rows, read, result_object, session_object, written
from tests.strategies import examples, sessions, texts

some = settings(deadline=None, max_examples=examples(15))  # the machine may be busy
few = settings(some, max_examples=examples(13))
many = settings(some, max_examples=examples(40))
formats = st.sampled_from(list(FORMATS))

FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def histories() -> st.SearchStrategy[list[TestSession]]:
    """Sessions as a store hands them out, each ID once."""
    return st.lists(sessions().map(checked), max_size=4, unique_by=lambda s: s.session_id)


@some
@given(histories())
def test_json_comes_back_equal(history: list[TestSession]) -> None:
    parsed = read(written(history, "json"), "json")
    assert parsed.sessions == history
    assert (parsed.total, parsed.problems, parsed.ignored) == (len(history), [], {})


@some
@given(histories())
def test_csv_comes_back_equal(history: list[TestSession]) -> None:
    parsed = read(written(history, "csv"), "csv")
    assert parsed.sessions == history
    assert (parsed.total, parsed.problems, parsed.ignored) == (len(history), [], {})


@few
@given(histories())
def test_sessions_read_by_pydantic_equal_those_read_by_msgspec(history: list[TestSession]) -> None:
    document = json.loads(written(history, "json"))
    for session in document["sessions"]:
        session["of another writer"] = True
    assert read(document).sessions == history


@few
@given(histories(), st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]), formats)
def test_another_encoding_changes_nothing(
    history: list[TestSession], encoding: str, name: str
) -> None:
    data = written(history, name).decode().encode(encoding)
    assert read_bytes(data, f"a.{name}").sessions == history


@few
@given(histories(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_of_columns_matters_in_csv(
    history: list[TestSession], random: Random
) -> None:
    rows = csv_rows(written(history, "csv"))
    random.shuffle(rows)
    columns = random.sample(COLUMNS, len(COLUMNS))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(rows)

    def unordered(session: TestSession) -> TestSession:
        return session.with_results(sorted(session.test_results, key=repr))

    def by_id(found: list[TestSession]) -> dict[str, TestSession]:
        return {session.session_id: unordered(session) for session in found}

    assert by_id(read(file.getvalue(), "csv").sessions) == by_id(history)


@some
@given(histories())
def test_any_reader_sees_the_same_texts_and_numbers_and_no_formula(
    history: list[TestSession],
) -> None:
    rows = csv_rows(written(history, "csv"))
    pairs = [(s, r) for s in history for r in s.test_results or [None]]
    assert len(rows) == len(pairs)
    for row, (session, result) in zip(rows, pairs, strict=True):
        assert not [cell for cell in row.values() if FORMULA.match(cell)]
        assert float(row["session_duration"]) == session.session_duration
        if result is None:
            assert {row[name] for name in RESULT_COLUMNS} == {""}
            continue
        assert float(row["duration"]) == result.duration
        for name in ("nodeid", "outcome", "longreprtext", "capstdout", "worker"):
            text = getattr(result, name)
            assert row[name] in (text, f"'{text}")
        assert json.loads(row["properties"] or "[]") == [list(pair) for pair in result.properties]
    assert set(SESSION_COLUMNS) < set(rows[0] if rows else COLUMNS)


@many
@given(texts(max_size=20), st.sampled_from(["", "'", "''", "\t", "=", " ", "\r"]))
@example("a\rb", "")
@example("\r\n", "'")
@example("\u2028=1", "\u00a0")
def test_every_text_survives_in_a_cell(text: str, lead: str) -> None:
    result = replace(SESSIONS[0].test_results[0], nodeid=f"{lead}{text}x", capstdout=lead + text)
    session = checked(replace(SESSIONS[1], sut_name=f"{lead}{text}x", test_results=(result,)))
    for name in FORMATS:
        assert read(written([session], name), name).sessions == [session]


@settings(some, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), name=st.sampled_from(["a.json", "a.csv", "a.json.gz", "a.csv.gz"]))
def test_an_export_into_another_store_and_back_is_the_same(
    tmp_path: Path, history: list[TestSession], name: str
) -> None:
    storage, other = InMemoryStorage(), InMemoryStorage()
    storage.save_sessions(history)
    path = tmp_path / name
    path.unlink(missing_ok=True)  # an earlier example's, with other sessions
    assert storage.export_sessions(path) == len(history)
    assert other.import_sessions(path).imported == len(history)
    assert other.load_sessions() == storage.load_sessions()
    assert other.import_sessions(path).skipped == len(history)


@few
@given(st.data())
def test_a_cut_json_export_is_never_read(data: st.DataObject) -> None:
    whole = written(data.draw(histories()), "json").rstrip()
    size = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InsightError):
        read(whole[:size], "json")


@many
@given(st.data(), formats, st.binary(max_size=6))
def test_a_damaged_export_is_an_error_with_a_sentence_or_sessions(
    data: st.DataObject, name: str, junk: bytes
) -> None:
    whole = written(SESSIONS, name)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 40, len(whole))))
    try:
        parsed = read(whole[:start] + junk + whole[end:], name)
    except InsightError as exc:
        assert "the file" in str(exc)  # noqa: PT017 - it may as well be read
    else:
        assert [checked(session) for session in parsed.sessions] == parsed.sessions
        assert parsed.total >= len(parsed.sessions)
        assert all(str(problem).isprintable() for problem in parsed.problems)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=5,
)
maybe_results = st.builds(
    lambda fields: result_object() | fields,
    st.dictionaries(st.sampled_from(RESULT_COLUMNS) | texts(), anything, max_size=2),
)
maybe_sessions = st.builds(
    lambda fields, results: session_object() | {"test_results": results} | fields,
    st.dictionaries(st.sampled_from(SESSION_COLUMNS) | texts(), anything, max_size=2),
    st.lists(maybe_results | anything, max_size=2),
)


@many
@given(
    anything
    | st.lists(maybe_sessions | anything, max_size=3)
    | st.dictionaries(st.sampled_from(["sessions", "format", "version"]), anything)
)
def test_any_json_is_sessions_or_an_error_with_a_sentence(value: object) -> None:
    try:
        parsed = read(json.dumps(value))
    except InsightError as exc:
        assert str(exc).isprintable()  # noqa: PT017 - it may as well be read
    else:
        assert parsed.total == len(parsed.sessions) + len(
            {p.session_index for p in parsed.problems}
        )


def test_a_large_history_survives_a_file(tmp_path: Path) -> None:
    results = tuple(replace(SESSIONS[0].test_results[1], nodeid=f"t::{n}") for n in range(2_000))
    history = [
        replace(SESSIONS[0], session_id=f"s{number}", test_results=results) for number in range(3)
    ]
    for name in ("a.json.gz", "a.csv"):
        assert write_file(history, tmp_path / name, None) == 3
        assert read_file(tmp_path / name).sessions == history
