r"""Sessions as CSV: one row per result, the session's fields repeated in each.

Nested fields (tags, testing system, code state, properties) are JSON text. A session without
results is one row whose result columns are empty. UTF-8, commas, RFC 4180 quoting, `\n` line ends.

A cell that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, or with white
space that is skipped before one) is written with an apostrophe in front, as OWASP's "CSV injection"
page advises; reading takes it off again. A cell that already begins with apostrophes and such a
character gets one more, so every text comes back as it was.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.problems import Parsed, Problem
from pytest_insight.models import TestResult, TestSession

SESSION_COLUMNS = tuple(f for f in TestSession.__struct_fields__ if f != "test_results")
RESULT_COLUMNS = TestResult.__struct_fields__
COLUMNS = SESSION_COLUMNS + RESULT_COLUMNS
JSON_COLUMNS = frozenset({"session_tags", "testing_system", "code_state", "properties"})
REQUIRED_COLUMNS = ("session_id", "sut_name", "session_start_time", "nodeid", "outcome")

_NEEDS_APOSTROPHE = re.compile(r"'*[=+\-@\t\r\n]")
_HAS_APOSTROPHE = re.compile(r"'+[=+\-@\t\r\n]")


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write the rows of all sessions under one header; returns how many sessions there were."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        count = 0
        for session in sessions:
            count += 1
            writer.writerows(_rows(session))
        text.flush()
        return count
    finally:
        text.detach()  # the file is the caller's to close


def read(data: bytes, source: str) -> Parsed:
    """Read such a file; columns may come in any order, rows of one session need not be adjacent.

    Raises:
        ExchangeError: not UTF-8, or a required column is missing.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ExchangeError(f"{source} is not CSV in UTF-8: {exc}", source) from exc
    with _cells_of_any_size():
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as exc:
            raise ExchangeError(f"{source} is not CSV: {exc}", source) from exc
    return _parse_rows(rows, source)


def _rows(session: TestSession) -> Iterator[list[str]]:
    fields = [_cell(getattr(session, name), name) for name in SESSION_COLUMNS]
    if not session.test_results:
        yield fields + [""] * len(RESULT_COLUMNS)
    for result in session.test_results:
        yield fields + [_cell(getattr(result, name), name) for name in RESULT_COLUMNS]


def _cell(value: Any, name: str) -> str:
    if value is None or value == "":
        return ""
    if name in JSON_COLUMNS:
        text = msgspec.json.encode(value).decode() if value else ""
        if name == "code_state":
            text = msgspec.json.encode(value).decode()
    elif isinstance(value, datetime):
        text = value.isoformat()
    elif isinstance(value, bool):
        text = "true" if value else ""
    elif isinstance(value, float):
        text = repr(value)
    else:
        text = str(value)
    return "'" + text if _NEEDS_APOSTROPHE.match(text) else text


def _restored(cell: str) -> str:
    return cell[1:] if _HAS_APOSTROPHE.match(cell) else cell


def _parse_rows(rows: list[list[str]], source: str) -> Parsed:
    header = [name.strip() for name in rows[0]] if rows else []
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        raise ExchangeError(
            f"{source} is not a CSV file of sessions: its first row has no "
            f"{'column' if len(missing) == 1 else 'columns'} {', '.join(missing)}",
            source,
        )
    parsed = Parsed()
    for name in header:
        if name not in COLUMNS:
            parsed.ignored[name] += 1
    drafts: dict[str | int, _Draft] = {}
    for number, row in enumerate(rows[1:], start=2):
        if row:
            _add_row(drafts, number, row, header)
    for index, draft in enumerate(drafts.values()):
        draft.finish(index, parsed)
    parsed.total = len(drafts)
    return parsed


def _add_row(
    drafts: dict[str | int, _Draft], number: int, row: list[str], header: list[str]
) -> None:
    cells = {name: _restored(cell) for name, cell in zip(header, row, strict=False)}
    session_id = cells.get("session_id", "")
    # Rows without an ID belong together no more than they belong to anything else.
    draft = drafts.setdefault(session_id or number, _Draft(session_id, number, cells))
    if len(row) != len(header):
        draft.problem(number, f"has {len(row)} cells where the first row has {len(header)}")
        return
    draft.add(number, cells)


class _Draft:
    """The rows of one session, on the way to a session or to problems."""

    def __init__(self, session_id: str, row: int, cells: dict[str, str]) -> None:
        self.session_id = session_id
        self.first_row = row
        self.fields = {name: cells.get(name, "") for name in SESSION_COLUMNS}
        self.value: dict[str, Any] = {}
        self.results: list[dict[str, Any]] = []
        self.result_rows: list[int] = []
        self.problems: list[tuple[str, str]] = []
        for name in SESSION_COLUMNS:
            self._take(self.value, name, self.fields[name], row)

    def problem(self, row: int, message: str, column: str | None = None) -> None:
        self.problems.append((f"row {row}" + (f", column {column}" if column else ""), message))

    def add(self, row: int, cells: dict[str, str]) -> None:
        for name, text in self.fields.items():
            if cells.get(name, "") != text:
                self.problem(row, f"differs from row {self.first_row} of the same session", name)
        result: dict[str, Any] = {}
        for name in RESULT_COLUMNS:
            self._take(result, name, cells.get(name, ""), row)
        if result:
            self.results.append(result)
            self.result_rows.append(row)

    def finish(self, index: int, parsed: Parsed) -> None:
        from pytest_insight.exchange.incoming import read_session

        session, mistakes, _ = read_session(
            self.value | {"test_results": self.results}, typed=False
        )
        for path, message in mistakes:
            self.problems.append((self._place(path), message))
        if session is not None and not self.problems:
            parsed.sessions.append(session)
        parsed.problems += (
            Problem(index, place, message, self.session_id or None)
            for place, message in self.problems
        )

    def _take(self, into: dict[str, Any], name: str, text: str, row: int) -> None:
        if not text:
            return
        if name not in JSON_COLUMNS:
            into[name] = text
            return
        try:
            into[name] = json.loads(text)
        except (ValueError, RecursionError) as exc:
            self.problem(row, f"is not JSON: {exc}", name)

    def _place(self, path: tuple[str | int, ...]) -> str:
        match path:
            case ("test_results", int(position), *rest):
                row, column = self.result_rows[position], rest
            case _:
                row, column = self.first_row, list(path)
        name = ".".join(str(part) for part in column)
        return f"row {row}" + (f", column {name}" if name else "")


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """The csv module refuses cells over 128 KiB; captured output can be longer."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
