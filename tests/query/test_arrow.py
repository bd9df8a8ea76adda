"""Results as Arrow data, which polars, pandas, DuckDB and Parquet files take."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from pytest_insight import frames, query
from pytest_insight.errors import ExchangeError, InsightError, StorageError
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.query import Query
from pytest_insight.storage import InMemoryStorage, JSONStorage
from tests.conftest import START, MakeSession
from tests.exchange.golden import SESSIONS

COLUMNS = {
    "session": "text",
    "session_started": "time",
    "sut": "text",
    "branch": "text",
    "commit": "text",
    "nodeid": "text",
    "file": "text",
    "outcome": "text",
    "phase": "text",
    "started": "time",
    "duration": "number",
    "message": "text",
    "crash": "text",
    "worker": "text",
    "has_warning": "bool",
    "longreprtext": "text",
    "capstdout": "text",
    "capstderr": "text",
    "caplog": "text",
    "properties": "text",
    "tags": "text",
    "session_stopped": "time",
    "session_duration": "number",
    "testing_system": "text",
}
"""The documented columns, in order; a later version may only add some."""


def kind_of(column: pa.DataType) -> str:
    kind = column.value_type if pa.types.is_dictionary(column) else column
    return {
        pa.string(): "text",
        pa.timestamp("us", "UTC"): "time",
        pa.float64(): "number",
        pa.bool_(): "bool",
    }[kind]


@pytest.fixture
def storage() -> InMemoryStorage:
    storage = InMemoryStorage()
    storage.save_sessions(SESSIONS)
    return storage


@pytest.fixture
def asked(storage: InMemoryStorage) -> Query:
    return query.on_storage(storage)


def test_the_columns_are_those_of_the_manual_with_their_types(asked: Query) -> None:
    schema = asked.execute().to_arrow().schema
    assert {name: kind_of(schema.field(name).type) for name in schema.names} == COLUMNS
    assert schema.names == list(COLUMNS)
    for name in ("sut", "branch", "commit", "nodeid", "outcome"):
        assert pa.types.is_dictionary(schema.field(name).type), name


def test_a_row_has_every_field_of_a_result_and_those_of_its_session(asked: Query) -> None:
    rows = [row | {"tags": json.loads(row["tags"])} for row in asked.to_arrow().to_pylist()]
    dictionaries = asked.execute().to_dicts()
    assert len(rows) == len(dictionaries) == 3
    renamed = {"session_start": "session_started", "start": "started"}
    for row, known in zip(rows, dictionaries, strict=True):
        same = {renamed.get(name, name): value for name, value in known.items()}
        assert {name: row[name] for name in same} == same
    pairs = [(s, r) for s in asked.execute() for r in s.test_results]
    assert [row["capstdout"] for row in rows] == [result.capstdout for _, result in pairs]
    assert [row["session_stopped"] for row in rows] == [s.session_stop_time for s, _ in pairs]
    fields = set(TestResult.__struct_fields__) - {"start_time"}
    assert fields <= set(rows[0])


def test_nested_values_are_json(make_session: MakeSession) -> None:
    storage = InMemoryStorage()
    properties = (("ticket", 7), ("ticket", "x"), ("nested", {"a": [None]}))
    result = TestResult("t.py::test_x", "passed", START, properties=properties)
    facts = {"python": "3.12.4", "plugins": {"xdist": "3.8.0"}}
    storage.save_session(make_session(test_results=(result,), testing_system=facts))
    (row,) = query.on_storage(storage).to_arrow().to_pylist()
    assert json.loads(row["properties"]) == [list(pair) for pair in properties]
    assert json.loads(row["testing_system"]) == facts
    assert row["tags"] == "{}"


@pytest.mark.parametrize("executed", [True, False], ids=["result", "query"])
def test_polars_pandas_and_duckdb_read_a_result_and_a_query(asked: Query, executed: bool) -> None:
    source: Any = asked.execute() if executed else asked
    expected = asked.execute().to_dicts()
    nodeids = [row["nodeid"] for row in expected]

    polars_frame = pl.DataFrame(source)
    assert polars_frame.columns == list(COLUMNS)
    assert polars_frame["nodeid"].to_list() == nodeids
    assert polars_frame["started"].to_list() == [row["start"] for row in expected]

    pandas_frame = pd.DataFrame.from_arrow(source)
    assert list(pandas_frame.columns) == list(COLUMNS)
    assert list(pandas_frame["outcome"]) == [row["outcome"] for row in expected]

    with duckdb.connect() as connection:
        counted = connection.sql("select count(*), sum(duration) from source").fetchall()
    assert counted == [(len(expected), pytest.approx(sum(row["duration"] for row in expected)))]
    assert pa.table(source).num_rows == len(expected)


def test_to_frame_is_a_pandas_frame_with_categories_and_times(asked: Query) -> None:
    frame = asked.execute().to_frame()
    assert type(frame) is pd.DataFrame
    assert frame["outcome"].dtype == "category"
    assert str(frame["started"].dtype) == "datetime64[us, UTC]"
    assert frame.groupby("outcome", observed=True)["duration"].sum().sum() > 0


def test_a_query_that_finds_nothing_gives_the_same_columns(asked: Query) -> None:
    nothing: Any = asked.for_sut("no-such-sut").execute()
    assert pl.DataFrame(nothing).columns == list(COLUMNS)
    assert pl.DataFrame(nothing).height == 0
    assert nothing.to_frame().shape == (0, len(COLUMNS))
    assert nothing.to_arrow().schema == asked.to_arrow().schema


def test_only_matching_results_are_rows(asked: Query) -> None:
    failed = asked.filter_by_test().with_outcome("failed").apply()
    assert set(failed.to_arrow()["outcome"].to_pylist()) == {"failed"}


# Streams ----------------------------------------------------------------------------------------


def large_session(make_session: MakeSession, number: int, results: int) -> TestSession:
    return make_session(
        number,
        test_results=tuple(
            TestResult(f"t.py::test_{n % 7}", TestOutcome.PASSED, START + timedelta(seconds=n))
            for n in range(results)
        ),
    )


def test_sessions_are_read_one_batch_at_a_time(make_session: MakeSession) -> None:
    read = 0

    def sessions() -> Iterator[TestSession]:
        nonlocal read
        for number in range(100):
            read += 1
            yield large_session(make_session, number, 1_000)

    stream = frames.arrow_stream(sessions())
    assert read == 0
    first = stream.read_next_batch()
    assert read < 40
    rest = stream.read_all()
    assert read == 100
    assert first.num_rows + rest.num_rows == 100_000
    assert first.num_rows <= frames.BATCH_BYTES // frames.ROW_BYTES


def test_a_session_that_is_larger_than_a_batch_is_divided(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "BATCH_BYTES", 10 * frames.ROW_BYTES)
    sessions = [
        large_session(make_session, number, results) for number, results in [(0, 25), (1, 3)]
    ]
    table = frames.arrow_stream(iter(sessions)).read_all()
    assert [len(chunk) for chunk in table["nodeid"].chunks] == [10, 10, 8]
    expected = [result for session in sessions for result in session.test_results]
    assert table["started"].to_pylist() == [result.start_time for result in expected]
    assert table["nodeid"].to_pylist() == [result.nodeid for result in expected]
    assert table["session"].to_pylist() == ["api-0"] * 25 + ["api-1"] * 3


def test_long_texts_make_batches_smaller(make_session: MakeSession) -> None:
    text = "x" * (frames.BATCH_BYTES // 3)
    results = [TestResult("t.py::test_x", "failed", START, capstdout=text)] * 7
    stream = frames.arrow_stream([make_session(test_results=results)])
    assert [batch.num_rows for batch in stream] == [3, 3, 1]


def test_an_error_of_the_store_is_raised_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "folder.json"
    path.mkdir()
    broken = query.on_storage(JSONStorage(path))
    with pytest.raises(StorageError, match="folder"):
        broken.to_arrow()
    with pytest.raises(StorageError, match="folder"):
        broken.to_parquet("a.parquet")
    assert list(Path().iterdir()) == []


# Parquet ----------------------------------------------------------------------------------------


def test_a_parquet_file_has_what_the_table_has(asked: Query) -> None:
    assert asked.to_parquet("from_query.parquet") == len(SESSIONS)
    assert asked.execute().to_parquet(Path("from_result.parquet")) == len(SESSIONS)
    table = asked.to_arrow()
    for name in ("from_query.parquet", "from_result.parquet"):
        assert parquet.read_table(name).to_pylist() == table.to_pylist()
        assert parquet.read_schema(name).names == list(COLUMNS)


def test_a_parquet_file_replaces_a_file_only_when_it_is_complete(storage: InMemoryStorage) -> None:
    class Broken(InMemoryStorage):
        def iter_sessions(self, *arguments: Any, **named: Any) -> Iterator[TestSession]:
            yield next(storage.iter_sessions())
            raise StorageError("the disk is gone", "memory")

    target = Path("a.parquet")
    target.write_bytes(b"before")
    with pytest.raises(StorageError, match="the disk is gone"):
        query.on_storage(Broken()).to_parquet(target)
    assert target.read_bytes() == b"before"
    assert list(Path().iterdir()) == [target]


def test_a_parquet_file_does_not_replace_the_store_it_is_made_of(tmp_path: Path) -> None:
    storage = JSONStorage(tmp_path / "store.json")
    storage.save_sessions(SESSIONS)
    before = storage.file_path and storage.file_path.read_bytes()
    for source in (query.on_storage(storage), query.on_storage(storage).execute()):
        with pytest.raises(ExchangeError, match="is the store itself"):
            source.to_parquet(tmp_path / "store.json", force=True)
    assert (tmp_path / "store.json").read_bytes() == before


def test_a_parquet_file_is_not_compressed_a_second_time(asked: Query) -> None:
    with pytest.raises(ExchangeError, match=r"compressed already; name a file without \.gz"):
        asked.to_parquet("a.parquet.gz")
    assert list(Path().iterdir()) == []


# Without the libraries --------------------------------------------------------------------------


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def uses(source: Query) -> Iterable[Any]:
    return (
        source.to_arrow,
        source.to_frame,
        source.__arrow_c_stream__,
        lambda: source.to_parquet("a.parquet"),
    )


def test_without_pyarrow_the_error_names_the_extra(asked: Query, not_installed: Any) -> None:
    not_installed("pyarrow")
    for use in uses(asked):
        with pytest.raises(InsightError, match=r"pip install 'pytest-insight\[arrow\]'"):
            use()
    assert list(Path().iterdir()) == []


def test_without_pandas_to_frame_says_what_is_missing(asked: Query, not_installed: Any) -> None:
    not_installed("pandas")
    with pytest.raises(InsightError, match="needs pandas: pip install pandas"):
        asked.to_frame()
    assert asked.to_arrow().num_rows > 0
