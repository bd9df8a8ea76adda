"""Results as Arrow data, one row a result, for data frames and Parquet files.

pyarrow (the extra `arrow`) is imported when the first row is made. Every column is described in the
manual, page "python": later versions may add columns, but rename and retype none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from pytest_insight.errors import InsightError

if TYPE_CHECKING:
    from pytest_insight.models import TestResult, TestSession

BATCH_BYTES = 1 << 24
"""About the size of a record batch in memory."""
ROW_BYTES = 512
"""What a row without long texts counts for: a batch has at most 32,768 rows."""

_TEXTS = ("message", "crash", "longreprtext", "capstdout", "capstderr", "caplog")
"""The fields of a result that are text columns of the same name."""


def arrow_stream(sessions: Iterable[TestSession]) -> Any:
    """Return a `pyarrow.RecordBatchReader` that makes its batches when they are read.

    Args:
        sessions: read once, one after the other.

    Raises:
        InsightError: pyarrow is not installed.
    """
    pa = _pyarrow()
    schema = _schema(pa)
    return pa.RecordBatchReader.from_batches(schema, _batches(pa, schema, sessions))


def arrow_table(sessions: Iterable[TestSession]) -> Any:
    """Return a `pyarrow.Table`; equal texts of all batches have one entry in a dictionary.

    Raises:
        InsightError: pyarrow is not installed.
    """
    return arrow_stream(sessions).read_all().unify_dictionaries()


def data_frame(sessions: Iterable[TestSession]) -> Any:
    """Return a `pandas.DataFrame`.

    Raises:
        InsightError: pyarrow or pandas is not installed.
    """
    try:
        import pandas  # noqa: F401 - pyarrow's own error does not say what to install
    except ModuleNotFoundError as exc:
        raise InsightError("to_frame() needs pandas: pip install pandas") from exc
    return arrow_table(sessions).to_pandas()


def write_parquet(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write the results of sessions as Parquet; returns the number of sessions.

    Raises:
        InsightError: pyarrow is not installed.
    """
    pa = _pyarrow()
    from pyarrow import parquet

    schema = _schema(pa)
    count = 0

    def counted() -> Iterator[TestSession]:
        nonlocal count
        for session in sessions:
            count += 1
            yield session

    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(pa, schema, counted()):
            writer.write_batch(batch)
    return count


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError as exc:
        raise InsightError(
            "Arrow tables, data frames and Parquet need pyarrow: "
            "pip install 'pytest-insight[arrow]'"
        ) from exc
    return pyarrow


def _schema(pa: Any) -> Any:
    text, time, number = pa.string(), pa.timestamp("us", tz="UTC"), pa.float64()
    repeated = pa.dictionary(pa.int32(), text)
    return pa.schema(
        [
            ("session", repeated),
            ("session_started", time),
            ("sut", repeated),
            ("branch", repeated),
            ("commit", repeated),
            ("nodeid", repeated),
            ("file", repeated),
            ("outcome", repeated),
            ("phase", repeated),
            ("started", time),
            ("duration", number),
            ("message", text),
            ("crash", text),
            ("worker", repeated),
            ("has_warning", pa.bool_()),
            ("longreprtext", text),
            ("capstdout", text),
            ("capstderr", text),
            ("caplog", text),
            ("properties", repeated),
            ("tags", repeated),
            ("session_stopped", time),
            ("session_duration", number),
            ("testing_system", repeated),
        ]
    )


class _Part(NamedTuple):
    """Results of one session that are in one batch."""

    session: TestSession
    results: Sequence[TestResult]


def _batches(pa: Any, schema: Any, sessions: Iterable[TestSession]) -> Iterator[Any]:
    parts: list[_Part] = []
    size = 0
    for session in sessions:
        results = session.test_results
        begin = 0
        for position, result in enumerate(results):
            size += _size(result)
            if size >= BATCH_BYTES:
                parts.append(_Part(session, results[begin : position + 1]))
                yield _batch(pa, schema, parts)
                parts, size, begin = [], 0, position + 1
        if begin < len(results):
            parts.append(_Part(session, results[begin:] if begin else results))
    if parts:
        yield _batch(pa, schema, parts)


def _size(result: TestResult) -> int:
    texts = len(result.nodeid) + len(result.message) + len(result.longreprtext)
    output = len(result.capstdout) + len(result.capstderr) + len(result.caplog)
    values = len(_json(result.properties)) if result.properties else 0
    return ROW_BYTES + texts + output + values


def _batch(pa: Any, schema: Any, parts: Sequence[_Part]) -> Any:
    arrays = {**_session_columns(pa, schema, parts), **_result_columns(pa, schema, parts)}
    return pa.record_batch([arrays[name] for name in schema.names], schema=schema)


def _session_columns(pa: Any, schema: Any, parts: Sequence[_Part]) -> dict[str, Any]:
    """Return the columns that have one value in all rows of a part."""
    sessions = [part.session for part in parts]
    codes = [session.code_state for session in sessions]
    values: dict[str, list[Any]] = {
        "session": [session.session_id for session in sessions],
        "session_started": [session.session_start_time for session in sessions],
        "session_stopped": [session.session_stop_time for session in sessions],
        "session_duration": [session.session_duration for session in sessions],
        "sut": [session.sut_name for session in sessions],
        "branch": [code and code.branch for code in codes],
        "commit": [code and code.commit for code in codes],
        "tags": [_json(session.session_tags) for session in sessions],
        "testing_system": [_json(session.testing_system) for session in sessions],
    }
    rows = pa.array([n for n, part in enumerate(parts) for _ in part.results], pa.int32())
    return {name: _array(pa, schema, name, column).take(rows) for name, column in values.items()}


def _result_columns(pa: Any, schema: Any, parts: Sequence[_Part]) -> dict[str, Any]:
    results = [result for part in parts for result in part.results]
    values: dict[str, list[Any]] = {
        "nodeid": [result.nodeid for result in results],
        "file": [result.nodeid.partition("::")[0] for result in results],
        "outcome": [str(result.outcome) for result in results],
        "phase": [result.phase or "call" for result in results],
        "started": [result.start_time for result in results],
        "duration": [result.duration for result in results],
        "has_warning": [result.has_warning for result in results],
        "worker": [result.worker for result in results],
        "properties": [_json(result.properties) for result in results],
    }
    values |= {name: [getattr(result, name) for result in results] for name in _TEXTS}
    return {name: _array(pa, schema, name, column) for name, column in values.items()}


def _array(pa: Any, schema: Any, name: str, values: list[Any]) -> Any:
    kind = schema.field(name).type
    if not pa.types.is_dictionary(kind):
        return pa.array(values, kind)
    index: dict[str, int] = {}
    numbers = [None if text is None else index.setdefault(text, len(index)) for text in values]
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers, kind.index_type), pa.array([*index], kind.value_type)
    )


def _json(value: Any) -> str:
    """Return a nested value as JSON: not every program that takes Arrow data has maps."""
    return msgspec.json.encode(value).decode()
