"""Read sessions from CSV, as `writers/csv` describes it; columns and rows may be in any order.

Cells may be separated by semicolons or tabs too, as spreadsheets of some languages save them.
Session fields that are only in one row, and those that are repeated in each (as earlier versions
wrote them), are read.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_insight._util.progress import counted
from pytest_insight._util.storable import storable_text
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.byte_order import to_utf8
from pytest_insight.exchange.file_content import FileContent, Problem
from pytest_insight.exchange.input import HEAD_BYTES
from pytest_insight.exchange.quotes import quote_name
from pytest_insight.exchange.readers.shared.json_text import load_json
from pytest_insight.exchange.writers.csv import (
    COLUMNS,
    FIRST_ROW_COLUMNS,
    JSON_COLUMNS,
    RESULT_COLUMNS,
    SESSION_COLUMNS,
    parse_cell,
)
from pytest_insight.limits import MAX_CSV_CELL

REQUIRED_COLUMNS = (
    *("session_id", "sut_name", "session_start_time"),
    *("nodeid", "outcome", "start_time"),
)
_LIMIT_LOCK = threading.Lock()


def looks_like_csv(data: bytes) -> bool:
    """Return whether a file's bytes begin with a header that has the column `session_id`."""
    return b"session_id" in data.partition(b"\n")[0]


def refuse_other(head: bytes, source: str) -> None:
    """Raise ExchangeError if a large file begins with these bytes and lacks the header row."""
    if len(head) >= HEAD_BYTES and b"session_id" not in head:
        header = head.partition(b"\n")[0]
        missing = [name for name in REQUIRED_COLUMNS if name.encode() not in header]
        raise _no_header(missing, source)


def read(data: bytes, source: str) -> FileContent:
    """Read the sessions of a file.

    Raises:
        ExchangeError: not CSV in UTF-8, or a column is missing.
    """
    data = to_utf8(data, source)
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ExchangeError(
            f"{source} is not CSV in UTF-8: {exc.reason} in line {line}; save it as UTF-8", source
        ) from exc
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    with _long_cells():
        rows = csv.reader(lines, strict=True, delimiter=_delimiter(data))
        try:
            return _read_rows(rows, source)
        except csv.Error as exc:
            raise ExchangeError(
                f"{source} cannot be read as CSV: {exc} (line {rows.line_num})", source
            ) from exc


def _delimiter(data: bytes) -> str:
    """Return what separates the names in the first row; a comma if that is not clear."""
    line = re.split(rb"[\r\n]", data, maxsplit=1)[0].decode()
    for each in ",;\t":
        names = next(csv.reader([line], delimiter=each), [])
        if "session_id" in map(str.strip, names):
            return each
    return ","


def _read_rows(rows: Iterator[list[str]], source: str) -> FileContent:
    header = _Header(next(rows, []), source)
    content = FileContent(source, ignored=header.ignored())
    drafts: dict[str, _Draft] = {}
    for number, row in enumerate(rows, start=2):
        if not any(map(str.strip, row)):
            continue
        session_id = header.session_id(row)
        draft = drafts.get(session_id)
        if draft is None:
            draft = _Draft(header, content, session_id)
            content.total += 1
        draft.add(number, row)
        if session_id:
            drafts[session_id] = draft
        else:  # rows without an ID are not taken for one session
            draft.finish()
    for draft in counted(drafts.values(), f"reading {source}"):
        draft.finish()
    content.problems.sort(key=lambda problem: problem.session_index or 0)
    return content


def _no_header(missing: Sequence[str], source: str) -> ExchangeError:
    return ExchangeError(
        f"{source} is not a CSV file of sessions: its first row lacks the "
        f"{'column' if len(missing) == 1 else 'columns'} {', '.join(missing)}",
        source,
    )


class _Header:
    """The first row: which column is where."""

    def __init__(self, row: list[str], source: str) -> None:
        self.names = [name.strip() for name in row]
        missing = [name for name in REQUIRED_COLUMNS if name not in self.names]
        if missing:
            raise _no_header(missing, source)
        twice = [name for name in COLUMNS if self.names.count(name) > 1]
        if twice:
            raise ExchangeError(
                f"{source} has the column {twice[0]} twice; remove one of them", source
            )
        self.session = [(n, self.names.index(n)) for n in SESSION_COLUMNS if n in self.names]
        self.result = [(n, self.names.index(n)) for n in RESULT_COLUMNS if n in self.names]

    def ignored(self) -> Counter[str]:
        """Return the unknown columns; a column without a name is called by its number."""
        return Counter(
            quote_name(name) if name else f"column {number}"
            for number, name in enumerate(self.names, start=1)
            if name not in COLUMNS
        )

    def session_id(self, row: list[str]) -> str:
        """Return the session's ID; "" if the row is too short."""
        position = self.names.index("session_id")
        return parse_cell(row[position]) if position < len(row) else ""


class _Draft:
    """The rows of one session, collected until all rows of the file are read."""

    def __init__(self, header: _Header, content: FileContent, session_id: str) -> None:
        self.header = header
        self.content = content
        self.index = content.total
        self.session_id = session_id
        self.first_row = 0
        self.row_of: dict[str, int] = {}
        self.cells: list[str] = []
        self.value: dict[str, Any] = {}
        self.results: list[dict[str, Any]] = []
        self.result_rows: list[int] = []
        self.valid = True

    def add(self, number: int, row: list[str]) -> None:
        width = len(self.header.names)
        if len(row) != width:
            self._add_problem(number, f"has {len(row)} cells, but the first row has {width}")
            return
        cells = [row[position] for _, position in self.header.session]
        if not self.first_row:
            self.first_row, self.cells = number, cells
            self._parse(self.value, self.header.session, row, number)
        elif cells != self.cells:
            self._compare(number, row)
        result: dict[str, Any] = {}
        self._parse(result, self.header.result, row, number)
        if result:
            self.results.append(result)
            self.result_rows.append(number)

    def _compare(self, number: int, row: list[str]) -> None:
        """Take over what only this row has; report what differs from an earlier row."""
        for index, (name, position) in enumerate(self.header.session):
            cell, known = row[position], self.cells[index]
            if name in FIRST_ROW_COLUMNS and not cell:
                continue
            if name in FIRST_ROW_COLUMNS and not known:  # the rows were sorted
                self.cells[index] = cell
                self.row_of[name] = number
                self._parse(self.value, [(name, position)], row, number)
            elif parse_cell(cell) != parse_cell(known):
                before = self.row_of.get(name, self.first_row)
                self._add_problem(number, f"differs from row {before} of the same session", name)

    def finish(self) -> None:
        """Add the session to the file's content, or its problems."""
        from pytest_insight.exchange.validation import read_session  # slow to import

        if not self.first_row:
            return
        value = self.value | {"test_results": self.results}
        reading = read_session(value, typed=False, most=self.content.room)
        for path, message in reading.mistakes:
            self._add_problem(*self._place(path, message))
        self.content.add_problems((), reading.more)
        if reading.session is not None and self.valid:
            self.content.sessions.append(reading.session)

    def _parse(
        self, into: dict[str, Any], columns: list[tuple[str, int]], row: list[str], number: int
    ) -> None:
        for name, position in columns:
            cell = row[position]
            if not cell:
                continue
            if name not in JSON_COLUMNS:
                into[name] = parse_cell(cell)
                continue
            try:
                into[name] = load_json(cell)
            except RecursionError:
                self._add_problem(number, "is nested too deeply", name)
            except ValueError as exc:
                self._add_problem(number, f"is not valid JSON: {exc}", name)

    def _add_problem(self, row: int, message: str, column: str | None = None) -> None:
        self.valid = False
        place = f"row {row}" + (f", column {column}" if column else "")
        name = storable_text(self.session_id) or None
        self.content.add_problems([Problem(self.index, place, message, name)])

    def _place(self, path: tuple[str | int, ...], message: str) -> tuple[int, str, str]:
        row, rest = self.row_of.get(str(path[0]) if path else "", self.first_row), path
        if path[:1] == ("test_results",):
            row, rest = self.result_rows[int(path[1])], path[2:]
        return row, message, ".".join(quote_name(str(part)) for part in rest)


@contextmanager
def _long_cells() -> Iterator[None]:
    """Raise the csv module's limit for the length of a cell.

    The limit is global to the process, hence the lock: of two readers at once each would restore
    the limit of the other.
    """
    with _LIMIT_LOCK:
        before = csv.field_size_limit(MAX_CSV_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)
