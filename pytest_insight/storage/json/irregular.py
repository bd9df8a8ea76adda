"""Read a file that is not as we write it: another shape of JSON, an interrupted write, damage.

What can be read is returned, and what cannot is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import read_range
from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.document.layout import END, HEADS, NATIVE_START, VERSION
from pytest_insight.errors import ExchangeError, NewerFormatError, StorageError, list_first
from pytest_insight.locations import is_store_at_home
from pytest_insight.models import TestSession
from pytest_insight.storage.json.conflicts import CONFLICT_MARK, merge_sides
from pytest_insight.storage.json.salvage import end_of_torn_tail, lost_session_id, salvage
from pytest_insight.storage.json.scan import (
    Entry,
    Found,
    IrregularError,
    Loss,
    entry_of,
    find_bytes,
    is_complete,
    is_in_our_layout,
    session_bytes,
    spans,
)

_HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*"pytest-insight"\s*,\s*"version"\s*:\s*(\d{1,9})')


def read_irregular(
    file: BinaryIO, size: int, path: Path, lost: list[Loss], ignored: list[str]
) -> Found:
    """Return every session that can be read; add what cannot to `lost`.

    Args:
        file: opened unbuffered.
        size: how much of it to read.
        path: for messages.
        lost: gets the parts that cannot be read.
        ignored: gets the fields of another writer that a rewrite of the file does not keep.

    Raises:
        NewerFormatError: written by a later pytest-insight.
        StorageError: the file is of another kind altogether.
    """
    if not is_in_our_layout(file, size):
        return _foreign(read_range(file, 0, size), path, lost, ignored)
    if find_bytes(file, size, CONFLICT_MARK) is not None:
        return _conflicting(read_range(file, 0, size), lost)
    return _thorough(file, size, lost)


def torn_end(file: BinaryIO, start: int, size: int) -> Found:
    """Return the last session of a file that does not end as our layout does, if it is complete."""
    data = read_range(file, start, size)
    length = end_of_torn_tail(data)
    if length is None:
        raise IrregularError
    if not length:
        return []
    session = decode_session(data[:length])
    return [(session, entry_of(session, start, start + length))]


def _thorough(file: BinaryIO, size: int, lost: list[Loss]) -> Iterator[tuple[TestSession, Entry]]:
    """Yield every session that can be read, one at a time in memory; add what cannot to `lost`."""
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
            yield session, entry_of(session, start, start + len(whole))
            if complete or end < size:
                lost += _lost_separators(data, start, [(0, len(whole))], is_last=end == size)
            continue
        if end == size and not complete:
            try:
                yield from torn_end(file, start, size)
                continue
            except IrregularError:
                pass
        pieces, gaps = salvage(data)
        for piece in pieces:
            entry = entry_of(piece.session, start + piece.start, start + piece.end, piece.session)
            yield piece.session, entry
        lost += [_loss(data, start, gap) for gap in gaps]
        if not gaps:
            found = [(piece.start, piece.end) for piece in pieces]
            lost += _lost_separators(data, start, found, is_last=end == size)


def _lost_separators(
    data: bytes, offset: int, found: list[tuple[int, int]], *, is_last: bool
) -> list[Loss]:
    """Return what is not a comma between sessions, or not the ending after the last one.

    Args:
        data: bytes with sessions, of which everything else is white space, commas and brackets.
        offset: of the bytes in the file.
        found: the ranges of the sessions.
        is_last: whether the bytes end with the file.
    """
    borders = [0, *(at for piece in found for at in piece), len(data)]
    between = list(zip(borders[::2], borders[1::2], strict=True))
    expected = [b""] + [b","] * (len(between) - 1)
    if is_last:
        expected[-1] = END.strip()
    return [
        Loss(
            f"what is before, between or after sessions (bytes {offset + start} to {offset + end})",
            offset + start,
            offset + end,
        )
        for (start, end), separator in zip(between, expected, strict=True)
        if data[start:end].strip() != separator
    ]


def _conflicting(data: bytes, lost: list[Loss]) -> Found:
    """Return the sessions of both sides of a file with conflict markers."""
    merged = merge_sides(data)
    lost += map(Loss, merged.lost)
    return [(session, entry_of(session, 0, 0, session)) for session in merged.sessions]


def _foreign(data: bytes, path: Path, lost: list[Loss], ignored: list[str]) -> Found:
    """Return the sessions of a file in another shape, or of one whose first line is damaged."""
    from pytest_insight.exchange.readers import json as json_reader

    if not data.strip(b" \t\r\n\0"):
        why = f"it holds only {len(data)} blank bytes" if data else "the file is empty"
        if b"\0" in data:
            _refuse_elsewhere(path, why)
        lost.append(Loss(why))
        return []
    if CONFLICT_MARK in data:
        return _conflicting(data, lost)
    try:
        parsed = json_reader.read(data, str(path))
    except NewerFormatError:
        raise
    except ExchangeError as exc:
        _refuse_newer(data, path)
        pieces, gaps = salvage(data)
        if not pieces and not (_is_broken_json(exc) and _resembles_store(data)):
            _refuse_elsewhere(path, exc)
        lost += [_loss(data, 0, gap) for gap in gaps] or [
            Loss(f"what is before, between or after sessions ({exc})")
        ]
        return [(p.session, entry_of(p.session, p.start, p.end, p.session)) for p in pieces]
    if parsed.problems and not parsed.sessions and not _resembles_store(data):
        _refuse_elsewhere(path, parsed.problems[0])
    ignored += [f"{name} ({times}x)" for name, times in parsed.ignored.items()]
    lost += [Loss(text) for text in list_first(parsed.problems, parsed.problem_count)]
    return [(session, entry_of(session, 0, 0, session)) for session in parsed.sessions]


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


def _refuse_elsewhere(path: Path, why: object) -> None:
    """Refuse a file of which nothing can be read, except a store in our own folder.

    There it is damage like any other: it is copied, and the next write begins a new file.
    """
    if not is_store_at_home(path):
        raise StorageError(
            f"{path} is not a store of pytest-insight ({why}); nothing was changed: "
            "name another file, or move this one away",
            path,
        )


def _is_broken_json(exc: ExchangeError) -> bool:
    return isinstance(exc.__cause__, ValueError | RecursionError)


def _loss(data: bytes, offset: int, gap: tuple[int, int]) -> Loss:
    start, end = offset + gap[0], offset + gap[1]
    name = lost_session_id(data[gap[0] : gap[1]])
    named = f"session {name!r}" if name else "a part that names no session"
    return Loss(f"{named} (bytes {start} to {end})", start, end)
