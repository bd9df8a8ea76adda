"""Helpers for tests of exchange."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.exchange.write_formats import FORMATS
from pytest_insight.models import TestSession

TIME = "2026-11-01T12:00:00+00:00"
NOBODY = 65534


def written(sessions: Iterable[TestSession], format_name: str) -> bytes:
    file = io.BytesIO()
    FORMATS[format_name].write(sessions, file)
    return file.getvalue()


def read(data: bytes | str | object, format_name: str = "json") -> FileContent:
    """Read bytes, text, or any other value as JSON."""
    if not isinstance(data, bytes | str):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return read_bytes(data, "the file", format_name)


def session_object(session_id: str = "a", /, **fields: Any) -> dict[str, Any]:
    """A session as another program writes it; fields that are None are left out."""
    value = {"session_id": session_id, "sut_name": "api", "session_start_time": TIME, **fields}
    return {name: field for name, field in value.items() if field is not None}


def result_object(nodeid: str = "t.py::test_x", /, **fields: Any) -> dict[str, Any]:
    value = {"nodeid": nodeid, "outcome": "passed", "start_time": TIME, **fields}
    return {name: field for name, field in value.items() if field is not None}


def csv_rows(data: bytes) -> list[dict[str, str]]:
    """The rows as any CSV reader sees them."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def csv_file(*rows: dict[str, str], columns: Iterable[str] | None = None) -> str:
    """A CSV file with the columns that the rows have, or with those given."""
    names = (
        list(columns) if columns is not None else list(dict.fromkeys(n for r in rows for n in r))
    )
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def csv_row(session_id: str = "a", nodeid: str = "t.py::test_x", /, **cells: str) -> dict[str, str]:
    """A row with a result, or without one if the nodeid is empty."""
    row = {"session_id": session_id, "sut_name": "api", "session_start_time": TIME}
    row |= {"nodeid": nodeid, "outcome": "passed", "start_time": TIME}
    if not nodeid:
        row |= {"outcome": "", "start_time": ""}
    return row | cells


@contextmanager
def without_root() -> Iterator[None]:
    """Give up root, for whom permissions do not hold, for a block."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
