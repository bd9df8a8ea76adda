"""Reading a JSON store: an index of its sessions first, results only where they are asked for.

Reading takes no lock. Whatever does not look as it should may be another process's write in
progress, so it is only called damage after a second look with the lock held (`thorough`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from pytest_insight._util.files import os_error_text, read_range
from pytest_insight.document.codec import UNDECODABLE, decode_header, decode_session
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    EMPTY_DOCUMENT,
    END,
    HEAD,
    NATIVE_START,
    VERSION,
    is_native,
)
from pytest_insight.errors import ExchangeError, NewerFormatError, StorageError, first_of
from pytest_insight.models import TestSession
from pytest_insight.storage.json.index import (
    lost_session_id,
    salvage,
    salvage_tail,
    scan,
    session_bytes,
)
from pytest_insight.storage.sql.sqlite.detection import MAGIC as SQLITE_MAGIC
from pytest_insight.storage.sql.sqlite.detection import has_magic, is_in_use, wrong_type_error
from pytest_insight.storage.store_file import store_exists

Keep = Callable[[TestSession], bool]

_HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*"pytest-insight"\s*,\s*"version"\s*:\s*(\d{1,9})')


class IrregularError(Exception):
    """Something in the file is not as we write it: look again, thoroughly. Never leaves storage."""


class Entry(NamedTuple):
    """One session of a store.

    Attributes:
        start_time, session_id: by which sessions are ordered.
        start, end: its bytes in the file.
        session: the session itself, where those bytes are not as we write them.
    """

    start_time: datetime
    session_id: str
    start: int
    end: int
    session: TestSession | None = None


class Loss(NamedTuple):
    """A part of a store that cannot be read.

    Attributes:
        text: which, for people.
        start, end: its bytes in the file; the same where they are not known.
    """

    text: str
    start: int = 0
    end: int = 0


class Index(NamedTuple):
    """The sessions of a store, each ID once, in the order of start time and ID.

    Attributes:
        entries: those that were asked for.
        lost: each part that cannot be read.
        ignored: fields of another writer that will not be kept when the file is rewritten.
    """

    entries: list[Entry]
    lost: list[Loss]
    ignored: list[str]


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int] | None]:
    """The store's file and its size now; None where there is no file.

    Raises:
        StorageError: it is there, but is no file, cannot be read, or is an SQLite database.
    """
    try:
        there = store_exists(path)
        if there and is_in_use(path):
            raise wrong_type_error(path)
        file = path.open("rb", buffering=0) if there else None
    except FileNotFoundError:  # it was there a moment ago
        file = None
    except OSError as exc:
        raise StorageError(f"cannot read the store {path}: {os_error_text(exc)}", path) from exc
    if file is None:
        yield None
        return
    with file:
        if has_magic(read_range(file, 0, len(SQLITE_MAGIC))):
            # Its rows hold JSON in which sessions could be found, and would be all that stays.
            raise wrong_type_error(path)
        yield file, file.seek(0, 2)


def everything(_: TestSession) -> bool:
    """Keep every session."""
    return True


def build_index(
    file: BinaryIO, size: int, path: Path, *, keep: Keep = everything, thorough: bool = False
) -> Index:
    """Find the sessions of a file.

    Args:
        file: opened unbuffered.
        size: how much of it to read.
        path: for messages.
        keep: asked with each session, most without their results; those it refuses are left out.
        thorough: decode every session, salvage what is damaged, and say what is lost.

    Raises:
        IrregularError: not `thorough`, and something is not as we write it.
        NewerFormatError: written by a later pytest-insight.
        StorageError: the file is of another kind altogether.
    """
    if not is_in_our_layout(file, size):
        if not thorough:
            raise IrregularError
        return _foreign(read_range(file, 0, size), path, keep)
    if size == len(EMPTY_DOCUMENT) and read_range(file, 0, size) == EMPTY_DOCUMENT:
        return Index([], [], [])
    lost: list[Loss] = []
    found = _thorough(file, size, lost) if thorough else _quick(file, size)
    return _ordered(found, keep, lost, [])


def is_in_our_layout(file: BinaryIO, size: int) -> bool:
    """Whether a file begins as we write it; else it is in another shape, or damaged there."""
    return is_native(read_range(file, 0, min(size, len(NATIVE_START))))


def is_unfinished(file: BinaryIO, size: int) -> bool:
    """Whether a file in our layout does not end as a complete document does."""
    if not is_in_our_layout(file, size):
        return False
    if size == len(EMPTY_DOCUMENT):
        return read_range(file, 0, size) != EMPTY_DOCUMENT
    return read_range(file, max(size - len(COMPLETE_TAIL), 0), size) != COMPLETE_TAIL


def load(file: BinaryIO, entry: Entry) -> TestSession:
    """A session with its results.

    Raises:
        IrregularError: its bytes are not as we write them.
    """
    if entry.session is not None:
        return entry.session
    try:
        return decode_session(session_bytes(read_range(file, entry.start, entry.end)))
    except UNDECODABLE as exc:
        raise IrregularError from exc


def raw_bytes(file: BinaryIO, entry: Entry) -> bytes:
    """A session's bytes, fit to be copied into a new document.

    Raises:
        IrregularError: they are not one JSON object.
    """
    data = session_bytes(read_range(file, entry.start, entry.end))
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        data.decode("utf-8")  # msgspec does not look inside what it leaves raw
    except UNDECODABLE as exc:
        raise IrregularError from exc
    return data


Found = tuple[TestSession, Entry]


def _quick(file: BinaryIO, size: int) -> Iterator[Found]:
    first = True
    complete = read_range(file, max(size - len(COMPLETE_TAIL), 0), size) == COMPLETE_TAIL
    for span in scan(file, size):
        if first and span.start != len(NATIVE_START):
            raise IrregularError  # something stands before the first session
        first = False
        if span.end == size and not complete:
            session = _unfinished(read_range(file, span.start, span.end))
            if session is not None:
                yield session, _entry(session, span.start, span.end, session)
            return
        if span.fields is None:
            raise IrregularError
        try:
            header = decode_header(span.fields)
        except UNDECODABLE as exc:
            raise IrregularError from exc
        # Without the closing bytes, which whoever appends overwrites before this is loaded.
        end = size - len(END) if span.end == size else span.end
        yield header, _entry(header, span.start, end)
    if first:
        raise IrregularError  # no session, yet not the empty document


def _unfinished(data: bytes) -> TestSession | None:
    """The last session of a file that does not end as it should; None where it is not complete."""
    pieces, gaps = salvage_tail(data)
    if gaps or len(pieces) > 1:
        raise IrregularError
    return pieces[0].session if pieces else None


def _thorough(file: BinaryIO, size: int, lost: list[Loss]) -> Iterator[Found]:
    """Every session that can be read, one at a time in memory; adds what cannot to `lost`."""
    position = len(NATIVE_START)
    spans = [(span.start, span.end) for span in scan(file, size)]
    if not spans or spans[0][0] > position:
        spans.insert(0, (position, spans[0][0] if spans else size))
    for start, end in spans:
        data = read_range(file, start, end)
        try:
            whole = session_bytes(data)
            session = decode_session(whole)
            yield session, _entry(session, start, start + len(whole))
            continue
        except UNDECODABLE:
            pass
        pieces, gaps = salvage_tail(data) if end == size else salvage(data)
        for piece in pieces:
            entry = _entry(piece.session, start + piece.start, start + piece.end, piece.session)
            yield piece.session, entry
        lost += [_loss(data, start, gap) for gap in gaps]


def _foreign(data: bytes, path: Path, keep: Keep) -> Index:
    """The sessions of a file in another shape, or of one whose first line is damaged."""
    from pytest_insight.exchange.readers import json as json_reader

    if not data.strip(b" \t\r\n\0"):
        blank = Loss(f"the file holds nothing, only {len(data)} blank bytes")
        return Index([], [blank], [])
    try:
        parsed = json_reader.read(data, str(path))
    except NewerFormatError:
        raise
    except ExchangeError as exc:
        _refuse_newer(data, path)
        pieces, gaps = salvage(data)
        if not pieces and not (_is_broken_json(exc) and _resembles_store(data)):
            raise _no_store(path, exc) from exc
        found = [(p.session, _entry(p.session, p.start, p.end, p.session)) for p in pieces]
        return _ordered(iter(found), keep, [_loss(data, 0, gap) for gap in gaps], [])
    if parsed.problems and not parsed.sessions and not _resembles_store(data):
        raise _no_store(path, parsed.problems[0])
    found = [(s, _entry(s, 0, 0, s)) for s in parsed.sessions]
    ignored = [f"{name} ({times}x)" for name, times in parsed.ignored.items()]
    lost = [Loss(text) for text in first_of(parsed.problems, parsed.problem_count)]
    return _ordered(iter(found), keep, lost, ignored)


def _refuse_newer(data: bytes, path: Path) -> None:
    """A newer store stays refused while it is damaged, or just being written to."""
    head = _HEAD.match(data)
    if head and int(head[1]) > VERSION:
        raise NewerFormatError(path, int(head[1]), VERSION)


def _resembles_store(data: bytes) -> bool:
    """Whether damaged JSON is likely to be a store of ours, and not some other program's file."""
    return data.lstrip().startswith((b"{", b"[")) and (
        b'"session_id"' in data or b'"format":"pytest-insight"' in data or HEAD.startswith(data)
    )


def _no_store(path: Path, why: object) -> StorageError:
    return StorageError(
        f"{path} is not a store of pytest-insight ({why}); nothing was changed: "
        "name another file, or move this one away",
        path,
    )


def _is_broken_json(exc: ExchangeError) -> bool:
    return isinstance(exc.__cause__, ValueError | RecursionError)


def _ordered(
    found: Iterator[Found] | list[Found], keep: Keep, lost: list[Loss], ignored: list[str]
) -> Index:
    latest: dict[str, Entry | None] = {}
    for session, entry in found:
        # A later copy replaces an earlier one also where the later is not asked for.
        latest[entry.session_id] = entry if keep(session) else None
    entries = [entry for entry in latest.values() if entry is not None]
    entries.sort(key=lambda entry: entry[:2])
    return Index(entries, lost, ignored)


def _entry(header: TestSession, start: int, end: int, session: TestSession | None = None) -> Entry:
    return Entry(header.session_start_time, header.session_id, start, end, session)


def _loss(data: bytes, offset: int, gap: tuple[int, int]) -> Loss:
    start, end = offset + gap[0], offset + gap[1]
    name = lost_session_id(data[gap[0] : gap[1]])
    named = f"session {name!r}" if name else "a part that names no session"
    return Loss(f"{named} (bytes {start} to {end})", start, end)
