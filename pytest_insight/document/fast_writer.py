"""Write journal lines, and the stored session made of them, without the records of `models`.

The format is that of `document.codec`; `tests/recording/test_fast_writer.py` compares the two
writers. `recording.journal.parser` reads the lines.

A recorded run writes two lines for each test. Importing msgspec and the records would take longer
than writing 2,000 lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import compress, repeat
from json.encoder import encode_basestring
from typing import Any
from zlib import crc32

from pytest_insight._util.storable import storable_text, storable_value
from pytest_insight.document.layout import BETWEEN_RESULTS, laid_out

JOURNAL_VERSION = 2
"""1 is the first version; 2 has the fields of version 2 of `document.layout`."""

RESULT_MARK = b'{"nodeid":'
WARNED_MARK = b'{"warned":'
_AFTER_NAME = b',"outcome":'
"""Never part of an encoded text, in which quotation marks are escaped."""

# Microseconds: clocks are not more precise, and digits are most of what is stored.
_RESULT = b'{"nodeid":%b,"outcome":%b,"start_time":"%b%09.6fZ","duration":%.6f'
PASSED_LINE = b'{"nodeid":%b,"outcome":"passed","start_time":"%b%09.6fZ","duration":%.6f}\n'
"""Filled in with name, minute, second and duration, equal to `encode_result` for a test that passed
and has no other fields."""
_LAST_MICROSECOND = 59.999999

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def encode_text(text: str) -> bytes:
    """Return a text as JSON, cleaned as by `storable_text`."""
    if not text.isascii() or "\0" in text:
        text = storable_text(text)
    return encode_basestring(text).encode()


def encode_value(value: Any) -> bytes:
    """Return texts, finite numbers, booleans, None, lists and dictionaries as JSON.

    Texts are cleaned. The result equals that of `codec.encode_clean`.

    Raises:
        TypeError, ValueError: the value contains something else.
    """
    return _encode(storable_value(value)).encode()


def new_session_id(sut_name: str, start: datetime, origin: str) -> str:
    """Return an ID: `<sut>-<YYYYMMDD>-<HHMMSS>-<8 hex digits>`, the time in UTC.

    Args:
        sut_name: the system under test.
        start: when the run started.
        origin: a text that no other run has; the digits are its checksum.
    """
    return f"{sut_name}-{start.astimezone(UTC):%Y%m%d-%H%M%S}-{crc32(origin.encode()):08x}"


class Timestamps:
    """Formats times in UTC, to the microsecond; fast for many times of the same minute."""

    def __init__(self) -> None:
        # Bound here: tests may patch `datetime` in all modules.
        self._time_at = datetime.fromtimestamp
        self._minute = 0
        self._text = b"1970-01-01T00:00:"

    def parts(self, seconds: float) -> tuple[bytes, float]:
        """Return a time as text up to its minute, and its second; `%b%09.6fZ` joins them.

        Args:
            seconds: since 1970.
        """
        seconds += 0.0  # turns -0.0 into 0.0, which is written without a sign
        second = seconds - self._minute
        if not 0 <= second < _LAST_MICROSECOND:
            self._minute = minute = int(seconds // 60) * 60
            self._text = self._time_at(minute, UTC).isoformat()[:17].encode()
            second = min(seconds - minute, _LAST_MICROSECOND)  # more would be written as 60
        return self._text, second

    def text(self, seconds: float) -> str:
        """Return a time in ISO 8601.

        Args:
            seconds: since 1970.
        """
        return (b"%b%09.6fZ" % self.parts(seconds)).decode()


def encode_head(session: Mapping[str, Any], target: Mapping[str, str]) -> bytes:
    """Return the first line of a journal.

    Args:
        session: the fields of the session that are known at the start.
        target: the storage that the session belongs in; see `journal.writer.target_fields`.
    """
    return encode_value({"journal": JOURNAL_VERSION, "session": session, "target": target}) + b"\n"


def encode_result(
    name: bytes,
    outcome: str,
    start: tuple[bytes, float],
    duration: float,
    fields: Mapping[str, Any],
    properties: bytes = b"",
) -> bytes:
    """Return the line of a result.

    Args:
        name: the nodeid as JSON.
        outcome: what pytest counted it as.
        start: see `Timestamps.parts`.
        duration: in seconds; finite, not negative.
        fields: the other fields that are not empty, by name.
        properties: as JSON, if there are any.
    """
    line = _RESULT % (name, encode_text(outcome), *start, duration)
    if fields:
        line += b",%b" % encode_value(fields)[1:-1]
    if properties:
        line += b',"properties":%b' % properties
    return line + b"}\n"


def result_lines(journal: bytes) -> list[bytes]:
    """Return the lines of a journal that are results, without line breaks."""
    lines = journal.split(b"\n")
    # No Python code runs per line, which would double the time.
    return list(compress(lines, map(bytes.startswith, lines, repeat(RESULT_MARK))))


def session_document(fields: Mapping[str, Any], results: list[bytes], journal: bytes) -> bytes:
    """Return a session in the layout of a store.

    Args:
        fields: the fields of the session without its results.
        results: the result lines of the journal.
        journal: the whole journal, which names the tests with warnings.
    """
    if b"\n" + WARNED_MARK in journal:
        lines = journal.split(b"\n")
        warned = {line[len(WARNED_MARK) : -1] for line in lines if line.startswith(WARNED_MARK)}
        results = [_add_warning(line) if _name_of(line) in warned else line for line in results]
    return laid_out(encode_value(fields), [BETWEEN_RESULTS.join(results)])


def _name_of(result: bytes) -> bytes:
    return result[len(RESULT_MARK) : result.index(_AFTER_NAME)]


def _add_warning(result: bytes) -> bytes:
    return result[:-1] + b',"has_warning":true}'
