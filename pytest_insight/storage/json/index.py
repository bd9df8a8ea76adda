"""Finding sessions in the bytes of a JSON store without decoding them (see `layout.py`).

Scanning looks for the one byte sequence that begins a session, chunk by chunk, so memory does not
grow with the file: 173 MB take about 60 ms, 15 of them reading. Measured: a pattern that ends in
`":` is found three times faster than the bare line break plus brace, and a file read in pieces
of 1 MiB beats a memory map, which pays for each page it touches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from pytest_insight._util.files import read_into
from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    MIDDLE_END,
    RESULTS_MARK,
    SESSION_END,
    SESSION_MARK,
)
from pytest_insight.limits import MAX_FREE_VALUES
from pytest_insight.models import TestSession
from pytest_insight.storage.json.append import CHUNK_BYTES

LOOK_BEHIND = len(MIDDLE_END)

MOST_LOOKS = 32
"""How often, on average, `salvage` looks at a byte. Bytes of ill will could make it go over all of
them for each thing in them that begins like a session; damaged ones need two looks or three."""
LOOK_COST = 2_000
"""What it costs to begin to look, in bytes."""

_BYTE = re.compile(r"\(byte (\d+)\)$")


class Span(NamedTuple):
    """Where one session stands in the file.

    Attributes:
        start: the offset of its first byte.
        end: the offset where the next session starts, or the end of the file.
        fields: its bytes before `,"test_results":[`; None where the layout is not as we write it,
            and only a full decode can say what stands there.
    """

    start: int
    end: int
    fields: bytes | None


class Piece(NamedTuple):
    """A session salvaged from bytes that are not as we write them; offsets into those bytes."""

    start: int
    end: int
    session: TestSession


def scan(file: BinaryIO, size: int) -> Iterator[Span]:
    """Every session of a native file, in file order.

    Args:
        file: opened unbuffered.
        size: how far to read: the size when the file was opened, so that a session that another
            process appends meanwhile is not seen in part.
    """
    window = _Window(file, size)
    current: tuple[int, bytes | None] | None = None
    regular = True
    while (mark := window.find_next(SESSION_MARK)) is not None:
        if not window.follows(mark, b"\n"):
            # Inside a value, or a damaged line break: whoever reads this session must look closely.
            regular = False
            continue
        if current is not None:
            regular = regular and window.follows(mark, MIDDLE_END)
            yield Span(current[0], mark, current[1] if regular else None)
        current, regular = (mark, window.take_fields(mark)), True
    if current is not None:
        yield Span(current[0], size, current[1] if regular else None)


class _Window:
    """A piece of the file in memory, moved forward by the search; offsets are the file's."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._buffer = bytearray(CHUNK_BYTES)
        self._base = 0
        self._filled = 0
        self._position = 0
        self._load(0)

    def find_next(self, pattern: bytes) -> int | None:
        """The next occurrence; the search goes on behind it."""
        while True:
            found = self._buffer.find(pattern, self._position, self._filled)
            if found >= 0:
                self._position = found + len(pattern)
                return self._base + found
            if self._base + self._filled >= self._size:
                return None
            # The pattern may stand across the border.
            self._position = max(self._position, self._filled - len(pattern) + 1)
            self._load(self._base + max(self._position - LOOK_BEHIND, 0))

    def follows(self, offset: int, before: bytes) -> bool:
        """Whether `before`, of at most `LOOK_BEHIND` bytes, stands right before the offset."""
        at = offset - self._base
        return at >= len(before) and self._buffer[at - len(before) : at] == before

    def take_fields(self, mark: int) -> bytes | None:
        """The bytes from a mark to its results; the search goes on behind them."""
        while (end := self._buffer.find(b"\n", mark - self._base, self._filled)) < 0:
            if self._base + self._filled >= self._size:
                return None
            if mark == self._base:
                self._buffer.extend(bytes(len(self._buffer)))
            self._load(mark)
        line = bytes(self._buffer[mark - self._base : end + 1])
        if not line.endswith(RESULTS_MARK):
            return None
        self._position = end
        return line[: -len(RESULTS_MARK)]

    def _load(self, base: int) -> None:
        self._position += self._base - base
        self._base = base
        self._file.seek(base)
        self._filled = read_into(self._file, self._buffer, self._size - base)
        if self._filled < len(self._buffer):
            self._size = base + self._filled  # the end, or a file that was cut meanwhile


def session_bytes(data: bytes) -> bytes:
    """What of a span's bytes is the session itself: without what separates or ends the document."""
    for ending in (MIDDLE_END, COMPLETE_TAIL):
        if data.endswith(ending):
            return data[: len(data) - len(ending) + len(SESSION_END)]
    return data


def is_cut_off(data: bytes) -> bool:
    """Whether bytes are the beginning of a JSON value whose end is missing, as a torn write leaves.

    Damage of any other kind is malformed before its end.
    """
    # A number cut off behind its point or sign is malformed, until a digit follows.
    return any(_is_truncated(data + more) for more in (b"", b"0"))


def _is_truncated(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except UNDECODABLE as exc:
        return "truncated" in str(exc)
    return False


def salvage_tail(data: bytes) -> tuple[list[Piece], list[tuple[int, int]]]:
    """As `salvage`, for the end of a file: a session that is cut off there counts as never written.

    A write was interrupted, or is going on; either way nobody was told that it is saved.
    """
    pieces, gaps = salvage(data)
    if gaps and gaps[-1][1] == len(data):
        start, end = gaps[-1]
        if is_cut_off(data[start:end].lstrip(_STRUCTURE)):
            gaps.pop()
    return pieces, gaps


def salvage(data: bytes) -> tuple[list[Piece], list[tuple[int, int]]]:
    """Every session that can be read from bytes in any state, and the ranges that cannot.

    A session is tried wherever one may begin; what decodes and is a session is kept. No bytes take
    longer than `MOST_LOOKS` at each of them: what is left then counts as unreadable.
    """
    pieces: list[Piece] = []
    position = 0
    work = MOST_LOOKS * (len(data) + LOOK_COST)
    while work > 0 and (start := _candidate(data, position)) is not None:
        end, seen = _end_of_value(data, start)
        session = read_any(data[start:end]) if end is not None else None
        if end is None or session is None:
            position = start + 1
            work -= seen + LOOK_COST
            continue
        pieces.append(Piece(start, end, session))
        position = end
    return pieces, _gaps(data, pieces)


def _end_of_value(data: bytes, start: int) -> tuple[int | None, int]:
    """Where the JSON value ends that begins here, if it is one; and how many bytes were looked at.

    Not by the standard library's decoder, which makes objects of what is only skipped here, and
    whose errors count the lines before them.
    """
    try:
        msgspec.json.decode(memoryview(data)[start:], type=msgspec.Raw)
    except RecursionError:
        return None, LOOK_COST
    except UNDECODABLE as exc:
        found = _BYTE.search(str(exc))
        if found is None:
            return None, len(data) - start  # cut off at the end
        at = int(found[1])
        if "trailing" in str(exc):  # the byte behind the value and what is blank behind it
            return start + len(data[start : start + at - 1].rstrip()), at
        if data[start + at : start + at + 1] in (b"N", b"I"):  # NaN, Infinity: not ours, but JSON's
            return _end_with_nan(data, start), len(data) - start
        return None, at
    return len(data.rstrip()), len(data) - start


def _end_with_nan(data: bytes, start: int) -> int | None:
    if data.count(b",", start) > MAX_FREE_VALUES:
        return None
    import json  # only for what another program wrote

    try:
        # As Latin-1 every byte is one character, so offsets agree; structure is ASCII in UTF-8.
        return start + json.JSONDecoder().raw_decode(data[start:].decode("latin-1"))[1]
    except (ValueError, RecursionError):
        return None


def read_any(data: bytes) -> TestSession | None:
    """One session in our own form or another's; None where it is none."""
    try:
        return decode_session(data)
    except UNDECODABLE:
        pass  # perhaps another writer's: a naive time, an unknown field
    if data.count(b",") > MAX_FREE_VALUES:
        return None
    import json

    from pytest_insight.exchange.readers.json import read_object

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return read_object(value)


_SEPARATORS = b" \t\r\n,"
_STRUCTURE = b" \t\r\n,]}"
_ID = re.compile(rb'"session_id":\s*"((?:[^"\\\n]|\\.){1,200})"')


def lost_session_id(data: bytes) -> str | None:
    """The ID that damaged bytes still show."""
    found = _ID.search(data)
    return found[1].decode("utf-8", "replace") if found else None


def _candidate(data: bytes, position: int) -> int | None:
    """Where the next session may begin: right here after separators, or at the next mark."""
    here = position
    while here < len(data) and data[here] in _SEPARATORS:
        here += 1
    # Only at the start or right behind a session: anywhere else a brace is an inner one.
    if here < len(data) and data[here : here + 1] == b"{" and (here > position or not position):
        return here
    found = data.find(SESSION_MARK, position)
    return found if found >= 0 else None


def _gaps(data: bytes, pieces: list[Piece]) -> list[tuple[int, int]]:
    borders = [0, *(at for piece in pieces for at in (piece.start, piece.end)), len(data)]
    gaps = []
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        if data[start:end].strip(_STRUCTURE):
            gaps.append((start, end))
    return gaps
