"""The index of a JSON store: which sessions the file holds, and where.

Reading takes no lock. Whatever does not look as it should may be another process's write in
progress, so it is only called damage if a second look with the lock held (`thorough`) finds it too.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pytest_insight._util.files import read_range
from pytest_insight.document.codec import UNDECODABLE, decode_header, decode_session
from pytest_insight.document.layout import (
    EMPTY_DOCUMENT,
    END,
    HEADS,
    NATIVE_START,
    VERSION,
)
from pytest_insight.errors import ExchangeError, NewerFormatError, StorageError, list_first
from pytest_insight.filters import Selection, SessionIdIn, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.json.append import session_starts, starts_in_order
from pytest_insight.storage.json.scan import (
    Entry,
    IrregularError,
    full_scans,
    is_complete,
    is_in_our_layout,
    load_header,
    read_header,
    session_bytes,
    spans,
)

Note = Callable[[TestSession], object]
"""Called with each session of a file, most without their results, superseded ones included."""

_HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*"pytest-insight"\s*,\s*"version"\s*:\s*(\d{1,9})')


class Loss(NamedTuple):
    """A part of a store that cannot be read.

    Attributes:
        text: which, for people.
        start, end: its bytes in the file; equal if they are not known.
    """

    text: str
    start: int = 0
    end: int = 0


class Index(NamedTuple):
    """The sessions of a store, each ID once, in the order of start time and ID.

    Attributes:
        entries: the sessions.
        lost: the parts that cannot be read.
        ignored: fields of another writer that a rewrite of the file does not keep.
    """

    entries: list[Entry]
    lost: list[Loss]
    ignored: list[str]

    @property
    def is_regular(self) -> bool:
        """Whether all sessions are in the file as we write them, so that the index is small."""
        return not (self.lost or self.ignored or any(each.session for each in self.entries))


def build_index(
    file: BinaryIO, size: int, path: Path, *, note: Note | None = None, thorough: bool = False
) -> Index:
    """Find the sessions of a file.

    Args:
        file: opened unbuffered.
        size: how much of it to read.
        path: for messages.
        note: called with each session.
        thorough: decode every session, salvage what is damaged, and say what is lost.

    Raises:
        IrregularError: not `thorough`, and something is not as we write it.
        NewerFormatError: written by a later pytest-insight.
        StorageError: the file is of another kind altogether.
    """
    lost: list[Loss] = []
    ignored: list[str] = []
    if not is_in_our_layout(file, size):
        if not thorough:
            raise IrregularError
        full_scans[path] += 1
        found = _foreign(read_range(file, 0, size), path, lost, ignored)
    elif size == len(EMPTY_DOCUMENT) and is_complete(file, size):
        return Index([], [], [])
    else:
        full_scans[path] += 1
        found = _thorough(file, size, lost) if thorough else _quick(file, size)
    latest: dict[str, Entry] = {}
    for session, entry in found:
        if note is not None:
            note(session)
        latest[entry.session_id] = entry  # a later copy supersedes an earlier one
    return Index(sorted(latest.values(), key=lambda entry: entry[:2]), lost, ignored)


def find_newest(file: BinaryIO, size: int) -> Entry | None:
    """Return the session that started last, searched from the end of the file.

    Raises:
        IrregularError: something there is not as we write it.
    """
    if not is_in_our_layout(file, size) or not is_complete(file, size):
        raise IrregularError
    if size == len(EMPTY_DOCUMENT):
        return None
    newest: Entry | None = None
    seen: set[str] = set()
    end = size - len(END)
    for start in session_starts(file, end):
        header = read_header(file, start, end)
        in_order = starts_in_order(file, start)
        if header.session_id not in seen:  # else it is superseded
            seen.add(header.session_id)
            entry = _entry(header, start, end)
            newest = entry if newest is None else max(newest, entry, key=lambda each: each[:2])
            if in_order:
                return newest
        end = start
    return newest


def find_index(file: BinaryIO, size: int, path: Path, *, note: Note | None = None) -> Index:
    """Return the index of a file; build it only if the file has changed since it was built last.

    `note` is not called if the index is known.

    Raises:
        IrregularError: something in the file is not as we write it.
    """
    found = os.fstat(file.fileno())
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    recent = _recent.get(state)
    if recent is not None:
        return recent
    age = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns)
    index = build_index(file, size, path, note=note)
    if index.is_regular and found.st_size == size and age > SETTLED_NS:
        _recent[state] = index
        for old in list(_recent)[:-MOST_RECENT]:
            _recent.pop(old, None)  # another thread may have been faster
    return index


MOST_RECENT = 4
"""Indexes of files that are kept in memory: an undo looks at two stores."""
SETTLED_NS = 2_000_000_000
"""An index is kept only if the file had not changed for this long: file times are coarse (2 s on
FAT), so that a change right after another may not show in them."""
_recent: dict[tuple[int, ...], Index] = {}
"""By device, inode, size and times of the file."""


Found = Iterable[tuple[TestSession, Entry]]


def _quick(file: BinaryIO, size: int) -> Iterator[tuple[TestSession, Entry]]:
    """Yield the sessions by their headers."""
    first = True
    complete = is_complete(file, size)
    for span in spans(file, size):
        if first and span.start != len(NATIVE_START):
            raise IrregularError  # something is before the first session
        first = False
        if span.end == size and not complete:
            yield from _torn(file, span.start, size)
            return
        if span.fields is None:
            raise IrregularError
        try:
            header = decode_header(span.fields)
        except UNDECODABLE as exc:
            raise IrregularError from exc
        # Without the closing bytes, which another process may overwrite before this is loaded.
        end = size - len(END) if span.end == size else span.end
        yield header, _entry(header, span.start, end)
    if first:
        raise IrregularError  # no session, but not the empty document


def _torn(file: BinaryIO, start: int, size: int) -> Found:
    """Return the last session of a file that does not end as our layout does, if it is complete."""
    from pytest_insight.storage.json.salvage import end_of_torn_tail

    data = read_range(file, start, size)
    length = end_of_torn_tail(data)
    if length is None:
        raise IrregularError
    if not length:
        return []
    session = decode_session(data[:length])
    return [(session, _entry(session, start, start + length))]


def _thorough(file: BinaryIO, size: int, lost: list[Loss]) -> Iterator[tuple[TestSession, Entry]]:
    """Yield every session that can be read, one at a time in memory; add what cannot to `lost`."""
    from pytest_insight.storage.json.salvage import salvage

    position = len(NATIVE_START)
    ranges = [(span.start, span.end) for span in spans(file, size)]
    if not ranges or ranges[0][0] > position:
        ranges.insert(0, (position, ranges[0][0] if ranges else size))
    complete = is_complete(file, size)
    for start, end in ranges:
        data = read_range(file, start, end)
        whole = session_bytes(data)
        try:
            session = decode_session(whole)
        except UNDECODABLE:
            pass
        else:
            yield session, _entry(session, start, start + len(whole))
            continue
        if end == size and not complete:
            try:
                yield from _torn(file, start, size)
                continue
            except IrregularError:
                pass
        pieces, gaps = salvage(data)
        for piece in pieces:
            entry = _entry(piece.session, start + piece.start, start + piece.end, piece.session)
            yield piece.session, entry
        lost += [_loss(data, start, gap) for gap in gaps]


def _foreign(data: bytes, path: Path, lost: list[Loss], ignored: list[str]) -> Found:
    """Return the sessions of a file in another shape, or of one whose first line is damaged."""
    from pytest_insight.exchange.readers import json as json_reader
    from pytest_insight.storage.json.salvage import salvage

    if not data.strip(b" \t\r\n\0"):
        lost.append(Loss(f"the file holds nothing, only {len(data)} blank bytes"))
        return []
    try:
        parsed = json_reader.read(data, str(path))
    except NewerFormatError:
        raise
    except ExchangeError as exc:
        _refuse_newer(data, path)
        pieces, gaps = salvage(data)
        if not pieces and not (_is_broken_json(exc) and _resembles_store(data)):
            raise _not_a_store(path, exc) from exc
        lost += [_loss(data, 0, gap) for gap in gaps]
        return [(p.session, _entry(p.session, p.start, p.end, p.session)) for p in pieces]
    if parsed.problems and not parsed.sessions and not _resembles_store(data):
        raise _not_a_store(path, parsed.problems[0])
    ignored += [f"{name} ({times}x)" for name, times in parsed.ignored.items()]
    lost += [Loss(text) for text in list_first(parsed.problems, parsed.problem_count)]
    return [(session, _entry(session, 0, 0, session)) for session in parsed.sessions]


def _refuse_newer(data: bytes, path: Path) -> None:
    """Refuse a store of a newer version also while it is damaged or being written."""
    head = _HEAD.match(data)
    if head and int(head[1]) > VERSION:
        raise NewerFormatError(path, int(head[1]), VERSION)


def _resembles_store(data: bytes) -> bool:
    """Return whether damaged JSON is likely to be our store and not another program's file."""
    return data.lstrip().startswith((b"{", b"[")) and (
        b'"session_id"' in data or b'"format":"pytest-insight"' in data or HEADS[0].startswith(data)
    )


def _not_a_store(path: Path, why: object) -> StorageError:
    return StorageError(
        f"{path} is not a store of pytest-insight ({why}); nothing was changed: "
        "name another file, or move this one away",
        path,
    )


def _is_broken_json(exc: ExchangeError) -> bool:
    return isinstance(exc.__cause__, ValueError | RecursionError)


def _entry(header: TestSession, start: int, end: int, session: TestSession | None = None) -> Entry:
    return Entry(header.session_start_time, header.session_id, start, end, session)


def _loss(data: bytes, offset: int, gap: tuple[int, int]) -> Loss:
    from pytest_insight.storage.json.salvage import lost_session_id

    start, end = offset + gap[0], offset + gap[1]
    name = lost_session_id(data[gap[0] : gap[1]])
    named = f"session {name!r}" if name else "a part that names no session"
    return Loss(f"{named} (bytes {start} to {end})", start, end)


class HeaderFilter:
    """Decides which entries of an index a selection keeps, by the sessions' own fields."""

    def __init__(self, wanted: Selection) -> None:
        self.headers = wanted.header_filters
        self._ids = [each.ids for each in self.headers if isinstance(each, SessionIdIn)]
        self._noted: dict[str, bool] = {}

    def note(self, session: TestSession) -> None:
        """Decide for a session while the file is scanned; the last one of an ID counts."""
        self._noted[session.session_id] = all_match(self.headers, session)

    def __call__(self, file: BinaryIO, entry: Entry) -> bool:
        """Decide for an entry; its header is read only if the scan was done before."""
        name = entry.session_id
        if name in self._noted:
            return self._noted[name]
        return all(name in ids for ids in self._ids) and (
            len(self._ids) == len(self.headers) or all_match(self.headers, load_header(file, entry))
        )
