r"""Write sessions as CSV: one row per result, with the session's fields repeated in each row.

Nested fields (tags, arguments, properties, ...) are JSON. A session without results is
one row with empty result columns. UTF-8, commas, quoting and line ends as in RFC 4180. (`\r\n` also
because Python's csv module before 3.13 does not quote a lone `\r` otherwise.)

A cell that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, or with white
space that is skipped before one) is written with an apostrophe in front, as OWASP's "CSV injection"
page advises; the reader removes it. A cell that already begins with apostrophes and such a
character gets one more, so that every text comes back unchanged.

CSV has no end mark: a file that was cut off between two rows, or before the last cell of a row,
looks complete. To be sure, compress it (`.csv.gz`): gzip has a checksum.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from pytest_insight.models import TestResult, TestSession

SESSION_COLUMNS = tuple(f for f in TestSession.__struct_fields__ if f != "test_results")
RESULT_COLUMNS = TestResult.__struct_fields__
COLUMNS = SESSION_COLUMNS + RESULT_COLUMNS
JSON_COLUMNS = frozenset(
    {"session_tags", "testing_system", "code_state", "arguments", "warnings", "source"}
    | {"properties"}
)

# Spreadsheets of East Asian locales also take the full-width forms.
_FORMULA = r"(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_NEEDS_APOSTROPHE = re.compile("'*" + _FORMULA)
_HAS_APOSTROPHE = re.compile("'+" + _FORMULA)


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write a header and the rows of all sessions; returns the number of sessions."""
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
        text.detach()  # flushes; the caller closes the file


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
