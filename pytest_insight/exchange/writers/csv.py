r"""Write sessions as CSV: one row per result, with the session's short fields in each row.

Nested fields (tags, arguments, properties, ...) are JSON. Those of the session may be long, and are
only in its first row: repeated in each, a session of 500 KB with 1,000 results would take 500 MB.
A session without results is one row with empty result columns. UTF-8, commas, quoting and line ends
as in RFC 4180. (`\r\n` also because Python's csv module before 3.13 does not quote a lone `\r`
otherwise.)

A cell that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, or with white
space that is skipped before one) is written with an apostrophe in front, as OWASP's "CSV injection"
page advises; the reader removes it. A cell that already begins with apostrophes and such a
character gets one more, so that every text comes back unchanged.

CSV has no end mark: a file that was cut off between two rows, or before the last cell of a row,
looks complete. To be sure, compress it (`.csv.gz`): gzip has a checksum.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from pytest_insight._util.user_warnings import warn_user
from pytest_insight.models import TestResult, TestSession

SESSION_COLUMNS = tuple(f for f in TestSession.__struct_fields__ if f != "test_results")
RESULT_COLUMNS = TestResult.__struct_fields__
COLUMNS = SESSION_COLUMNS + RESULT_COLUMNS
JSON_COLUMNS = frozenset(
    {"session_tags", "testing_system", "code_state", "arguments", "warnings", "source"}
    | {"properties"}
)
FIRST_ROW_COLUMNS = JSON_COLUMNS.intersection(SESSION_COLUMNS)
"""The columns that are empty in all rows of a session but the first."""

# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
EXCEL_CELL = 32_767
"""UTF-16 code units in a cell of Excel."""
EXCEL_ROWS = 1_048_576

# Spreadsheets of East Asian locales also take the full-width forms.
_FORMULA = r"(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_NEEDS_APOSTROPHE = re.compile("'*" + _FORMULA)
_HAS_APOSTROPHE = re.compile("'+" + _FORMULA)


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write a header and the rows of all sessions; returns the number of sessions."""
    return _write(sessions, file, lambda row: row)


def write_for_excel(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write with a byte order mark, without which Excel takes UTF-8 for another encoding.

    Texts that are too long for a cell are cut, nested fields left out; a UserWarning counts them.
    """
    file.write(codecs.BOM_UTF8)
    rows = 1
    cut: Counter[str] = Counter()

    def fit(row: list[str]) -> list[str]:
        nonlocal rows
        rows += 1
        if all(len(cell) <= EXCEL_CELL // 2 for cell in row):  # nearly always
            return row
        return [_fit(name, cell, cut) for name, cell in zip(COLUMNS, row, strict=True)]

    count = _write(sessions, file, fit)
    if cut:
        cells = ", ".join(f"{count:,} of {name}" for name, count in sorted(cut.items()))
        warn_user(
            UserWarning(
                f"Excel shows at most {EXCEL_CELL:,} characters in a cell; cut or left out: "
                f"{cells}. An export without --excel has all."
            )
        )
    if rows > EXCEL_ROWS:
        warn_user(UserWarning(f"Excel shows only {EXCEL_ROWS:,} of the {rows:,} rows"))
    return count


def _write(
    sessions: Iterable[TestSession], file: BinaryIO, fit: Callable[[list[str]], list[str]]
) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        count = 0
        for session in sessions:
            count += 1
            writer.writerows(map(fit, _rows(session)))
        return count
    finally:
        text.detach()  # flushes; the caller closes the file


def _fit(name: str, cell: str, cut: Counter[str]) -> str:
    """Return a cell that Excel shows; counts it in `cut` if it is another one."""
    units = cell.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * EXCEL_CELL:
        return cell
    cut[name] += 1
    if name in JSON_COLUMNS:
        return ""  # a part of it is no JSON
    return units[: 2 * (EXCEL_CELL - 1)].decode("utf-16-le", "ignore") + "…"


def format_cell(value: Any) -> str:
    """Return a value as the text of a cell: nested values as JSON, "" for None, False and empty."""
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


def parse_cell(cell: str) -> str:
    """Return the text that `format_cell` wrote into a cell."""
    return cell[1:] if cell[:1] == "'" and _HAS_APOSTROPHE.match(cell) else cell


def _rows(session: TestSession) -> Iterator[list[str]]:
    fields = [format_cell(getattr(session, name)) for name in SESSION_COLUMNS]
    if not session.test_results:
        yield fields + [""] * len(RESULT_COLUMNS)
    for result in session.test_results:
        yield fields + [format_cell(getattr(result, name)) for name in RESULT_COLUMNS]
        if result is session.test_results[0]:
            pairs = zip(SESSION_COLUMNS, fields, strict=True)
            fields = ["" if name in FIRST_ROW_COLUMNS else cell for name, cell in pairs]
