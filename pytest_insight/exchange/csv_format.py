r"""Sessions as CSV: one row per result, the session's fields repeated in each.

Nested fields (tags, testing system, code state, properties) are JSON text. A session without
results is one row whose result columns are empty. UTF-8, commas, quoting and line ends as RFC 4180
has them. (`\r\n` also because Python's csv module before 3.13 quotes no lone `\r` otherwise.)

A cell that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, or with white
space that is skipped before one) is written with an apostrophe in front, as OWASP's "CSV injection"
page advises; reading takes it off again. A cell that already begins with apostrophes and such a
character gets one more, so every text comes back as it was.

CSV has no end mark: nobody can tell that a file was cut off between two rows, or before the last
cell of one. Whoever wants to be sure compresses it (`.csv.gz`): gzip has a checksum.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from pytest_insight._util.progress import counted
from pytest_insight._util.text import clean_text
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.problems import Parsed, Problem
from pytest_insight.exchange.quotes import as_utf8, json_mistake, load_json, shown_name
from pytest_insight.models import TestResult, TestSession

SESSION_COLUMNS = tuple(f for f in TestSession.__struct_fields__ if f != "test_results")
RESULT_COLUMNS = TestResult.__struct_fields__
COLUMNS = SESSION_COLUMNS + RESULT_COLUMNS
JSON_COLUMNS = frozenset({"session_tags", "testing_system", "code_state", "properties"})
REQUIRED_COLUMNS = (
    *("session_id", "sut_name", "session_start_time"),
    *("nodeid", "outcome", "start_time"),
)

# Spreadsheets of East Asian locales also take the full-width forms.
_FORMULA = r"(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_NEEDS_APOSTROPHE = re.compile("'*" + _FORMULA)
_HAS_APOSTROPHE = re.compile("'+" + _FORMULA)

_MAX_CELL = 2**31 - 1  # the largest limit that the csv module takes on every platform
_LIMIT_LOCK = threading.Lock()


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write the rows of all sessions under one header; returns how many sessions there were."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        count = 0
        for session in sessions:
            count += 1
            writer.writerows(_rows(session))
        return count
    finally:
        text.detach()  # writes what it still holds; the file is the caller's to close


def read(data: bytes, source: str) -> Parsed:
    """Read such a file; columns may come in any order, rows of one session need not be adjacent.

    Raises:
        ExchangeError: not CSV in UTF-8, or not with the columns of sessions.
    """
    data = as_utf8(data, source)
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ExchangeError(
            f"{source} is not CSV in UTF-8: {exc.reason} in line {line}; save it as UTF-8", source
        ) from exc
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    rows = csv.reader(lines, strict=True)
    with _cells_of_any_size():
        try:
            return _parsed(rows, source)
        except csv.Error as exc:
            raise ExchangeError(
                f"{source} cannot be read as CSV: {exc} (line {rows.line_num})", source
            ) from exc


def _rows(session: TestSession) -> Iterator[list[str]]:
    fields = [cell(getattr(session, name)) for name in SESSION_COLUMNS]
    if not session.test_results:
        yield fields + [""] * len(RESULT_COLUMNS)
    for result in session.test_results:
        yield fields + [cell(getattr(result, name)) for name in RESULT_COLUMNS]


def cell(value: Any) -> str:
    """A value as it stands in a cell: nested ones as JSON, nothing for None, False and empty."""
    if value is None or value is False:
        return ""
    if isinstance(value, dict | list | tuple | msgspec.Struct):
        return msgspec.json.encode(value).decode() if value else ""
    if value is True:
        return "true"
    if isinstance(value, float):
        return repr(value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return "'" + text if _NEEDS_APOSTROPHE.match(text) else text


def _restored(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _HAS_APOSTROPHE.match(cell) else cell


def _parsed(rows: Iterator[list[str]], source: str) -> Parsed:
    header = _Header(next(rows, []), source)
    parsed = Parsed(source, ignored=header.ignored())
    drafts: dict[str, _Draft] = {}
    for number, row in enumerate(rows, start=2):
        if not any(map(str.strip, row)):
            continue
        session_id = header.session_id(row)
        draft = drafts.get(session_id)
        if draft is None:
            draft = _Draft(header, parsed, session_id)
            parsed.total += 1
        draft.add(number, row)
        if session_id:
            drafts[session_id] = draft
        else:  # rows without an ID belong together no more than they belong to anything else
            draft.finish()
    for draft in counted(drafts.values(), f"reading {source}"):
        draft.finish()
    parsed.problems.sort(key=lambda problem: problem.session_index or 0)
    return parsed


class _Header:
    """The first row: which cell of a row is what."""

    def __init__(self, row: list[str], source: str) -> None:
        self.names = [name.strip() for name in row]
        missing = [name for name in REQUIRED_COLUMNS if name not in self.names]
        if missing:
            line = ",".join(row)
            hint = "; its cells must be separated by commas" if ";" in line or "\t" in line else ""
            raise ExchangeError(
                f"{source} is not a CSV file of sessions: its first row has no "
                f"{'column' if len(missing) == 1 else 'columns'} {', '.join(missing)}{hint}",
                source,
            )
        twice = [name for name in COLUMNS if self.names.count(name) > 1]
        if twice:
            raise ExchangeError(
                f"{source} has the column {twice[0]} twice: remove one of them", source
            )
        self.session = [(n, self.names.index(n)) for n in SESSION_COLUMNS if n in self.names]
        self.result = [(n, self.names.index(n)) for n in RESULT_COLUMNS if n in self.names]

    def ignored(self) -> Counter[str]:
        """The columns that are not kept; one without a name is called by its number."""
        return Counter(
            shown_name(name) if name else f"column {number}"
            for number, name in enumerate(self.names, start=1)
            if name not in COLUMNS
        )

    def session_id(self, row: list[str]) -> str:
        """The session's ID; empty where the row is too short to have one."""
        position = self.names.index("session_id")
        return _restored(row[position]) if position < len(row) else ""


class _Draft:
    """The rows of one session, on the way to a session or to problems of a file."""

    def __init__(self, header: _Header, parsed: Parsed, session_id: str) -> None:
        self.header = header
        self.parsed = parsed
        self.index = parsed.total
        self.session_id = session_id
        self.first_row = 0
        self.cells: list[str] = []
        self.value: dict[str, Any] = {}
        self.results: list[dict[str, Any]] = []
        self.result_rows: list[int] = []
        self.valid = True

    def problem(self, row: int, message: str, column: str | None = None) -> None:
        self.valid = False
        place = f"row {row}" + (f", column {column}" if column else "")
        name = clean_text(self.session_id) or None
        self.parsed.add_problems([Problem(self.index, place, message, name)])

    def add(self, number: int, row: list[str]) -> None:
        width = len(self.header.names)
        if len(row) != width:
            self.problem(number, f"has {len(row)} cells where the first row has {width}")
            return
        cells = [row[position] for _, position in self.header.session]
        if not self.first_row:
            self.first_row, self.cells = number, cells
            self._take(self.value, self.header.session, row, number)
        elif cells != self.cells:
            for (name, _), cell, first in zip(self.header.session, cells, self.cells, strict=True):
                if _restored(cell) != _restored(first):
                    self.problem(
                        number, f"differs from row {self.first_row} of the same session", name
                    )
        result: dict[str, Any] = {}
        self._take(result, self.header.result, row, number)
        if result:
            self.results.append(result)
            self.result_rows.append(number)

    def finish(self) -> None:
        """All rows are there: add the session to those of the file, or what is wrong with it."""
        from pytest_insight.exchange.validation import read_session

        if not self.first_row:
            return
        value = self.value | {"test_results": self.results}
        read = read_session(value, typed=False, most=self.parsed.room)
        for path, message in read.mistakes:
            self.problem(*self._place(path, message))
        self.parsed.add_problems((), read.more)
        if read.session is not None and self.valid:
            self.parsed.sessions.append(read.session)

    def _take(
        self, into: dict[str, Any], columns: list[tuple[str, int]], row: list[str], number: int
    ) -> None:
        for name, position in columns:
            cell = row[position]
            if not cell:
                continue
            if name not in JSON_COLUMNS:
                into[name] = _restored(cell)
                continue
            try:
                into[name] = load_json(cell)
            except (ValueError, RecursionError) as exc:
                self.problem(number, f"is not JSON: {json_mistake(exc)}", name)

    def _place(self, path: tuple[str | int, ...], message: str) -> tuple[int, str, str]:
        row, rest = self.first_row, path
        if path[:1] == ("test_results",):
            row, rest = self.result_rows[int(path[1])], path[2:]
        return row, message, ".".join(shown_name(str(part)) for part in rest)


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """The csv module refuses cells over 128 KiB; captured output can be longer.

    The limit is one for the whole process, hence the lock: two readers at once would each take the
    other's for the one to put back.
    """
    with _LIMIT_LOCK:
        before = csv.field_size_limit(_MAX_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)
