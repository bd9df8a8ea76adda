"""The index of a JSON store: which sessions the file holds, and where.

Reading takes no lock. Whatever does not look as it should may be another process's write in
progress, so it is only called damage if a second look with the lock held (`thorough`) finds it too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pytest_insight.document.codec import UNDECODABLE, decode_header
from pytest_insight.document.layout import (
    EMPTY_DOCUMENT,
    END,
    NATIVE_START,
)
from pytest_insight.filters import Selection, SessionIdIn, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.json.append import session_starts, starts_in_order
from pytest_insight.storage.json.scan import (
    Entry,
    IrregularError,
    Loss,
    entry_of,
    full_scans,
    is_complete,
    is_in_our_layout,
    load_header,
    read_header,
    spans,
)

Note = Callable[[TestSession], object]
"""Called with each session of a file, most without their results, superseded ones included."""


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
    if not thorough and not is_in_our_layout(file, size):
        raise IrregularError
    if size == len(EMPTY_DOCUMENT) and is_complete(file, size):
        return Index([], [], [])
    full_scans[path] += 1
    if thorough:
        from pytest_insight.storage.json.irregular import read_irregular  # rarely needed

        found = read_irregular(file, size, path, lost, ignored)
    else:
        found = _quick(file, size)
    latest: dict[str, Entry] = {}
    for session, entry in found:
        if note is not None:
            note(session)
        latest[entry.session_id] = entry  # a later copy supersedes an earlier one
    return Index(sorted(latest.values(), key=lambda entry: entry[:2]), lost, ignored)


def find_newest(file: BinaryIO, size: int, latest: datetime) -> Entry | None:
    """Return the session that started last, but not after `latest`, searched from the file's end.

    A session that is dated in the future makes the search longer, because no later one is marked as
    in order, and never wrong.

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
            if header.session_start_time > latest:
                end = start
                continue
            entry = entry_of(header, start, end)
            newest = entry if newest is None else max(newest, entry, key=lambda each: each[:2])
            if in_order:
                return newest
        end = start
    return newest


def find_since(file: BinaryIO, size: int, since: datetime, note: Note) -> list[Entry]:
    """Return the sessions that started at a time or later, searched from the file's end.

    The search ends at a session that started earlier, and later than all before it in the file; it
    takes as long as those sessions are large, whatever the size of the file.

    Args:
        file: opened unbuffered.
        size: how much of it to read.
        since: the time.
        note: called with each of the sessions, without its results.

    Raises:
        IrregularError: something there is not as we write it.
    """
    if not is_in_our_layout(file, size) or not is_complete(file, size):
        raise IrregularError
    found: list[Entry] = []
    seen: set[str] = set()
    end = size - len(END) if size != len(EMPTY_DOCUMENT) else 0
    for start in session_starts(file, end):
        header = read_header(file, start, end)
        if header.session_id not in seen:  # else it is superseded
            seen.add(header.session_id)
            if header.session_start_time >= since:
                note(header)
                found.append(entry_of(header, start, end))
            elif starts_in_order(file, start):
                break
        end = start
    return sorted(found, key=lambda entry: entry[:2])


def find_index(file: BinaryIO, size: int, path: Path, *, note: Note | None = None) -> Index:
    """Return the index of a file; build it only if the file has changed since it was built last.

    `note` is not called if the index is known.

    Raises:
        IrregularError: something in the file is not as we write it.
    """
    found = os.fstat(file.fileno())
    state = _state(found)
    recent = _recent.get(state)
    if recent is not None:
        return recent
    is_old = is_settled(max(found.st_mtime_ns, found.st_ctime_ns), time.time_ns())
    index = build_index(file, size, path, note=note)
    if index.is_regular and found.st_size == size and is_old:
        _recent[state] = index
        for old in list(_recent)[:-MOST_RECENT]:
            _recent.pop(old, None)  # another thread may have been faster
    return index


def is_known(file: BinaryIO) -> bool:
    """Return whether `find_index` would not scan the file."""
    return _state(os.fstat(file.fileno())) in _recent


def is_settled(changed_ns: int, now_ns: int) -> bool:
    """Return whether any later change of a file will show in its times.

    File times are coarse: on most file systems a tick of the kernel, up to 16 ms; 2 s on FAT, whose
    times are whole seconds.

    Args:
        changed_ns: when it was changed last, in nanoseconds since 1970.
        now_ns: the time now.
    """
    is_coarse = changed_ns % 1_000_000_000 == 0
    return now_ns - changed_ns > (COARSE_SETTLED_NS if is_coarse else SETTLED_NS)


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


MOST_RECENT = 4
"""Indexes of files that are kept in memory: an undo looks at two stores."""
SETTLED_NS, COARSE_SETTLED_NS = 100_000_000, 2_000_000_000
"""An index is kept only if the file had not changed for this long; see `is_settled`."""
_recent: dict[tuple[int, ...], Index] = {}
"""By device, inode, size and times of the file."""


def _quick(file: BinaryIO, size: int) -> Iterator[tuple[TestSession, Entry]]:
    """Yield the sessions by their headers."""
    first = True
    complete = is_complete(file, size)
    for span in spans(file, size):
        if first and span.start != len(NATIVE_START):
            raise IrregularError  # something is before the first session
        first = False
        if span.end == size and not complete:
            from pytest_insight.storage.json.irregular import torn_end  # rarely needed

            yield from torn_end(file, span.start, size)
            return
        if span.fields is None:
            raise IrregularError
        try:
            header = decode_header(span.fields)
        except UNDECODABLE as exc:
            raise IrregularError from exc
        # Without the closing bytes, which another process may overwrite before this is loaded.
        end = size - len(END) if span.end == size else span.end
        yield header, entry_of(header, span.start, end)
    if first:
        raise IrregularError  # no session, but not the empty document


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
