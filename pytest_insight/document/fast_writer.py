"""Writing the lines of a journal, and the session they become; `entries.py` reads them.

By hand and without the records of `models.py`: a run writes two lines for every test, and importing
what makes the records would cost it more than writing two thousand lines. A test shows that what is
written here is what encoding the record would have given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import compress, repeat
from typing import Any

from pytest_insight.document.layout import BETWEEN_RESULTS, laid_out
from pytest_insight.document.plain_json import plain_json, text_json

VERSION = 1
"""Of a journal; see `entries.py`."""

RESULT_MARK = b'{"nodeid":'
WARNED_MARK = b'{"warned":'
_BEHIND_NAME = b',"outcome":'
"""Cannot stand inside a text, where the quotation marks would be escaped."""

# Microseconds: that is what clocks are good for, and digits are most of what is stored.
_RESULT = b'{"nodeid":%b,"outcome":%b,"start_time":"%b%09.6fZ","duration":%.6f'
PASSED = b'{"nodeid":%b,"outcome":"passed","start_time":"%b%09.6fZ","duration":%.6f}\n'
"""With name, minute, second and duration what `result_line` gives for a test that passed and has no
other fields, as nearly all do."""
_LAST_MICROSECOND = 59.999999


def new_session_id(sut_name: str, start: datetime) -> str:
    """A fresh ID: `<sut>-<YYYYMMDD>-<HHMMSS>-<8 hex>`, the time in UTC."""
    return f"{sut_name}-{start.astimezone(UTC):%Y%m%d-%H%M%S}-{os.urandom(4).hex()}"


class Timestamps:
    """Times as JSON has them: UTC, to the microsecond. Fast for many of one minute."""

    def __init__(self) -> None:
        # Bound here: a test may patch datetime in every module there is.
        self._time_at = datetime.fromtimestamp
        self._minute = 0
        self._text = b"1970-01-01T00:00:"

    def parts(self, seconds: float) -> tuple[bytes, float]:
        """The text of a time up to its minute, and its seconds in that; `%b%09.6fZ` joins them.

        Args:
            seconds: since 1970.
        """
        seconds += 0.0  # a zero with a sign would be written with it
        second = seconds - self._minute
        if not 0 <= second < _LAST_MICROSECOND:
            self._minute = minute = int(seconds // 60) * 60
            self._text = self._time_at(minute, UTC).isoformat()[:17].encode()
            second = min(seconds - minute, _LAST_MICROSECOND)  # which would be written as 60
        return self._text, second

    def text(self, seconds: float) -> str:
        """A time in seconds since 1970."""
        return (b"%b%09.6fZ" % self.parts(seconds)).decode()


def head_line(session: Mapping[str, Any], target: Mapping[str, str]) -> bytes:
    """The first line: the session's own fields as they are known by now, and its target."""
    return plain_json({"journal": VERSION, "session": session, "target": target}) + b"\n"


def result_line(
    name: bytes,
    outcome: str,
    start: tuple[bytes, float],
    duration: float,
    fields: Mapping[str, Any],
    properties: bytes = b"",
) -> bytes:
    """A result.

    Args:
        name: JSON of the nodeid.
        outcome: what pytest counted it as.
        start: see `Timestamps.parts`.
        duration: seconds, finite, not negative.
        fields: the other fields that are not empty, by name.
        properties: JSON of them, if there are any.
    """
    line = _RESULT % (name, text_json(outcome), *start, duration)
    if fields:
        line += b",%b" % plain_json(fields)[1:-1]
    if properties:
        line += b',"properties":%b' % properties
    return line + b"}\n"


def results_of(journal: bytes) -> list[bytes]:
    """Those lines of a journal that are results, without their ends."""
    lines = journal.split(b"\n")
    # Without a step of Python's for each line, which would cost as much as the rest.
    return list(compress(lines, map(bytes.startswith, lines, repeat(RESULT_MARK))))


def session_of(fields: Mapping[str, Any], results: list[bytes], journal: bytes) -> bytes:
    """The session in the layout of a store.

    Args:
        fields: its own.
        results: lines of the journal.
        journal: it says which tests had warnings.
    """
    if b"\n" + WARNED_MARK in journal:
        lines = journal.split(b"\n")
        warned = {line[len(WARNED_MARK) : -1] for line in lines if line.startswith(WARNED_MARK)}
        results = [_marked(line) if _name(line) in warned else line for line in results]
    return laid_out(plain_json(fields), BETWEEN_RESULTS.join(results))


def _name(result: bytes) -> bytes:
    return result[len(RESULT_MARK) : result.index(_BEHIND_NAME)]


def _marked(result: bytes) -> bytes:
    return result[:-1] + b',"has_warning":true}'
