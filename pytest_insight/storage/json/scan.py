"""Read the file of a JSON store: find sessions in its bytes without decoding them, and load them.

A scan looks for the one byte sequence that begins a session (`document/layout.py`), chunk by chunk,
so memory does not grow with the file: 173 MB take about 60 ms, 15 of them reading. Measured: a
pattern that ends in `":` is found three times faster than the line break and the brace alone, and
reading chunks of 1 MiB is faster than a memory map, which pays for each page it touches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from pytest_insight._util.files import CHUNK_BYTES, os_error_text, read_into, read_range
from pytest_insight._util.progress import counted
from pytest_insight.document.codec import UNDECODABLE, decode_header, decode_session, encode_session
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    EMPTY_DOCUMENT,
    EMPTY_DOCUMENTS,
    IN_ORDER_MIDDLE_END,
    MIDDLE_END,
    NATIVE_START,
    RESULTS_MARK,
    SESSION_END,
    SESSION_MARK,
    is_native,
)
from pytest_insight.errors import StorageError
from pytest_insight.limits import MAX_FIELDS_BYTES
from pytest_insight.models import TestSession
from pytest_insight.storage.sqlite_files import (
    MAGIC,
    has_magic,
    wrong_type_error,
)
from pytest_insight.storage.store_file import is_in_use, store_exists

LOOK_BEHIND = len(IN_ORDER_MIDDLE_END)

HEADER_BYTES = 1 << 11
"""How much is read of a header first; most are shorter."""

full_scans: Counter[Path] = Counter()
"""How often this process has read the whole of each store; for tests and benchmarks."""


class IrregularError(Exception):
    """Something in the file is not as we write it: read it again, thoroughly."""


class Span(NamedTuple):
    """The bytes of one session in the file.

    Attributes:
        start: the offset of its first byte.
        end: the offset where the next session starts, or the end of the file.
        fields: its bytes before `,"test_results":[`; None if the layout is not as we write it, so
            that only decoding all of it can tell what it is.
    """

    start: int
    end: int
    fields: bytes | None


class Loss(NamedTuple):
    """A part of a store that cannot be read.

    Attributes:
        text: which, for people.
        start, end: its bytes in the file; equal if they are not known.
    """

    text: str
    start: int = 0
    end: int = 0


class Entry(NamedTuple):
    """One session of a store.

    Attributes:
        start_time, session_id: sessions are ordered by these.
        start, end: its bytes in the file.
        session: the session itself, if those bytes are not as we write them.
    """

    start_time: datetime
    session_id: str
    start: int
    end: int
    session: TestSession | None = None


Found = Iterable[tuple[TestSession, Entry]]
"""Sessions of a file, most without results, with their entries; superseded ones included."""


def entry_of(
    header: TestSession, start: int, end: int, session: TestSession | None = None
) -> Entry:
    """Return the entry of a session."""
    return Entry(header.session_start_time, header.session_id, start, end, session)


@contextmanager
def open_for_reading(path: Path) -> Iterator[tuple[BinaryIO, int] | None]:
    """As `open_store`, for a block that only reads.

    Raises:
        StorageError: also if the block raised OSError.
    """
    try:
        with open_store(path) as store:
            yield store
    except OSError as exc:
        raise _unreadable(path, exc) from exc


@contextmanager
def open_store(path: Path) -> Iterator[tuple[BinaryIO, int] | None]:
    """Open the file of a store; yield it with its size now, or None if it is missing.

    Raises:
        StorageError: it is not a regular file, cannot be opened, or is an SQLite database.
    """
    try:
        exists = store_exists(path)
        if exists and is_in_use(path):
            raise wrong_type_error(path)
        file = path.open("rb", buffering=0) if exists else None
    except FileNotFoundError:  # it was deleted just now
        file = None
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if file is None:
        yield None
        return
    with file:
        if has_magic(read_range(file, 0, len(MAGIC))):
            # Its rows hold JSON in which sessions would be found, and only those would be kept.
            raise wrong_type_error(path)
        yield file, file.seek(0, 2)


def _unreadable(path: Path, exc: OSError) -> StorageError:
    return StorageError(f"cannot read the store {path}: {os_error_text(exc)}", path)


def is_in_our_layout(file: BinaryIO, size: int) -> bool:
    """Return whether a file begins as we write it."""
    return is_native(read_range(file, 0, min(size, len(NATIVE_START))))


def is_complete(file: BinaryIO, size: int) -> bool:
    """Return whether a file in our layout ends as a complete document does."""
    if size == len(EMPTY_DOCUMENT):
        return read_range(file, 0, size) in EMPTY_DOCUMENTS
    return read_range(file, max(size - len(COMPLETE_TAIL), 0), size) == COMPLETE_TAIL


def is_unfinished(file: BinaryIO, size: int) -> bool:
    """Return whether a file in our layout ends in the middle of a write."""
    return is_in_our_layout(file, size) and not is_complete(file, size)


def spans(file: BinaryIO, size: int) -> Iterator[Span]:
    """Yield every session of a file in our layout, in file order.

    Args:
        file: opened unbuffered.
        size: how much to read: the size when the file was opened, so that a session that another
            process is appending is not seen in part.
    """
    window = _Window(file, size)
    current: tuple[int, bytes | None] | None = None
    regular = True
    while (mark := window.find_next(SESSION_MARK)) is not None:
        if not window.follows(mark, b"\n"):
            # Inside a value, or after a damaged line break: the header alone tells too little.
            regular = False
            continue
        if current is not None:
            endings = (MIDDLE_END, IN_ORDER_MIDDLE_END)
            regular = regular and any(window.follows(mark, ending) for ending in endings)
            yield Span(current[0], mark, current[1] if regular else None)
        current, regular = (mark, window.take_fields(mark)), True
    if current is not None:
        yield Span(current[0], size, current[1] if regular else None)


def find_bytes(file: BinaryIO, size: int, pattern: bytes) -> int | None:
    """Return the offset of the first occurrence in a file; None if it does not occur."""
    return _Window(file, size).find_next(pattern)


class _Window:
    """A part of the file in memory, moved forward by the search; offsets are the file's."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._buffer = bytearray(CHUNK_BYTES)
        self._base = 0
        self._filled = 0
        self._position = 0
        self._load(0)

    def find_next(self, pattern: bytes) -> int | None:
        """Return the offset of the next occurrence; the next search starts after it."""
        while True:
            found = self._buffer.find(pattern, self._position, self._filled)
            if found >= 0:
                self._position = found + len(pattern)
                return self._base + found
            if self._base + self._filled >= self._size:
                return None
            # The pattern may lie across the border.
            self._position = max(self._position, self._filled - len(pattern) + 1)
            self._load(self._base + max(self._position - LOOK_BEHIND, 0))

    def follows(self, offset: int, before: bytes) -> bool:
        """Return whether `before`, of at most `LOOK_BEHIND` bytes, is right before the offset."""
        at = offset - self._base
        return at >= len(before) and self._buffer[at - len(before) : at] == before

    def take_fields(self, mark: int) -> bytes | None:
        """Return the bytes from a mark to its results; the next search starts after them."""
        while (end := self._buffer.find(b"\n", mark - self._base, self._filled)) < 0:
            if self._base + self._filled >= self._size:
                return None
            if mark == self._base:
                if len(self._buffer) >= MAX_FIELDS_BYTES:
                    return None
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
            self._size = base + self._filled  # the end, or the file was truncated just now


def session_bytes(data: bytes) -> bytes:
    """Return a span's bytes without the separator after the session or the document's ending."""
    for ending in (MIDDLE_END, IN_ORDER_MIDDLE_END, COMPLETE_TAIL):
        if data.endswith(ending):
            return data[: len(data) - len(ending) + len(SESSION_END)]
    return data


def read_header(file: BinaryIO, start: int, end: int) -> TestSession:
    """Return the session between two offsets without its results.

    Raises:
        IrregularError: its bytes are not as we write them.
    """
    line, size = b"", HEADER_BYTES
    while b"\n" not in line and len(line) < end - start:
        line = read_range(file, start, min(start + size, end))
        size *= 4
    fields, mark, _ = line.partition(RESULTS_MARK)
    if not mark:
        raise IrregularError
    try:
        return decode_header(fields)
    except UNDECODABLE as exc:
        raise IrregularError from exc


def load_header(file: BinaryIO, entry: Entry) -> TestSession:
    """Return a session, with or without its results.

    Raises:
        IrregularError: its bytes are not as we write them.
    """
    return entry.session or read_header(file, entry.start, entry.end)


def load(file: BinaryIO, entry: Entry) -> TestSession:
    """Return a session with its results.

    Raises:
        IrregularError: its bytes are not as we write them.
    """
    if entry.session is not None:
        return entry.session
    try:
        return decode_session(session_bytes(read_range(file, entry.start, entry.end)))
    except UNDECODABLE as exc:
        raise IrregularError from exc


def copyable_bytes(file: BinaryIO, entry: Entry) -> bytes:
    """Return a session's bytes, fit to be copied into a new document.

    Raises:
        IrregularError: they are not one JSON object.
    """
    if entry.session is not None:
        return encode_session(entry.session)
    data = session_bytes(read_range(file, entry.start, entry.end))
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        data.decode("utf-8")  # msgspec does not look inside what it leaves raw
    except UNDECODABLE as exc:
        raise IrregularError from exc
    return data


def copy_selected(file: BinaryIO, entries: Iterable[Entry], left: set[str]) -> Iterator[bytes]:
    """Yield the bytes of the entries whose IDs are in `left`, and remove each from it."""
    for entry in entries:
        if entry.session_id in left:
            yield copyable_bytes(file, entry)
            left.discard(entry.session_id)


def copy_all(file: BinaryIO, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Yield the bytes of all entries, for a new file."""
    for entry in counted(entries, "copying sessions"):
        yield copyable_bytes(file, entry)
