"""Load only those results of a session that may contain a text, without decoding the others.

Each result is a line (`document/layout.py`), and a text without escapes is in it as it is. To find
the lines of one test takes a third of the time of decoding all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from pytest_insight._util.files import read_range
from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.document.layout import RESULTS_MARK, SESSION_END
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession
from pytest_insight.storage.json.scan import Entry, IrregularError, load, session_bytes

_ESCAPED = r'["\\\x00-\x1f\ud800-\udfff]'
"""Characters that JSON in UTF-8 has only as escapes."""
_ESCAPE = rb"\\[u/]"
"""Escapes of characters that JSON may also have as they are."""
RESULT_START = b' {"nodeid":"'
"""What the line of a result begins with."""


def loader(wanted: Selection) -> Callable[[BinaryIO, Entry], TestSession]:
    """Return the function that loads at least those results of a session that are selected."""
    text = wanted.required_text
    if not text or wanted.result_filters or re.search(_ESCAPED, text):
        return load
    return partial(load_excerpt, required=text.encode())


def load_excerpt(file: BinaryIO, entry: Entry, required: bytes) -> TestSession:
    """Return a session with the results whose lines may contain the bytes, perhaps none.

    Another writer may have written the bytes as escapes: all lines with such an escape count.

    Raises:
        IrregularError: something that was looked at is not as we write it.
    """
    if entry.session is not None:
        return entry.session
    data = session_bytes(read_range(file, entry.start, entry.end))
    head, mark, results = data.partition(RESULTS_MARK)
    if not mark or not results.endswith(b"]}") or b"\0" in results:
        raise IrregularError
    lines = _lines_with(results, required)
    if not all(line.startswith(RESULT_START) for line in lines):
        raise IrregularError
    try:
        return decode_session(b"".join((head, mark, b",\n".join(lines), SESSION_END)))
    except UNDECODABLE as exc:
        raise IrregularError from exc


def _lines_with(text: bytes, required: bytes) -> list[bytes]:
    """Return the lines that contain some bytes or an escape, in order, without a final comma."""
    found: dict[int, bytes] = {}

    def add_line(at: int) -> int:
        start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        if end < 0:
            raise IrregularError  # the last line is only the end of the session
        found[start] = text[start:end].removesuffix(b",")
        return end

    at = text.find(required)
    while at >= 0:
        at = text.find(required, add_line(at))
    end = 0
    for escape in re.finditer(_ESCAPE, text):  # three times as fast as finding two bytes twice
        if escape.start() >= end:
            end = add_line(escape.start())
    return [found[start] for start in sorted(found)]
