"""Append sessions to a JSON store in place, at a cost that does not depend on its size.

Imported by recorded runs: keep its imports few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import CHUNK_BYTES, read_range, remove_abandoned, write_whole
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    EMPTY_DOCUMENT,
    EMPTY_DOCUMENTS,
    END,
    HEAD,
    IN_ORDER_MIDDLE_END,
    MIDDLE_END,
    NATIVE_START,
    SESSION_END,
    SESSION_MARK,
    VERSION,
    VERSION_OFFSET,
    document_chunks,
    is_native,
    separated,
    start_time_in,
)
from pytest_insight.errors import StorageError
from pytest_insight.storage.store_file import StoreFile, is_in_use

FIRST_CHUNK_BYTES = 1 << 11
"""How much of a file is read first when it is searched from its end; then twice as much, and so on:
the last session of most stores is short."""
_AFTER_ID = b',"sut_name":'
"""Never part of an encoded ID, in which quotation marks are escaped."""
_SECOND = timedelta(seconds=1)
HEADER_BYTES = 1 << 10
"""The first bytes of a session, enough to show its start time."""


class JSONStoreFile(StoreFile):
    """The file of a JSON store."""

    def looks_appendable(self) -> bool:
        """Return whether `add` is likely to succeed: the file is missing or begins as ours do."""
        if is_in_use(self.path):
            return False
        try:
            with self.path.open("rb", buffering=0) as file:
                return is_native(read_range(file, 0, len(NATIVE_START)))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    @contextmanager
    def writers_excluded(self, seconds: float | None = None) -> Iterator[bool]:
        """Hold the lock if a reader may: what looks damaged then is not a write in progress.

        Args:
            seconds: how long to wait for a writer; None for as long as writers wait.

        Yields:
            Whether there is no writer.
        """
        with ExitStack() as stack:
            excluded = True
            # Without a lock file there is no writer, and reading makes none. os.path: it returns
            # False for a name that is too long.
            if os.path.exists(self.lock.path):  # noqa: PTH110
                try:
                    stack.enter_context(self.exclusive(seconds))
                except StorageError:  # a file we may not open, a writer that never ends
                    excluded = False
            yield excluded

    def add(self, sessions: Sequence[bytes], *, recorded: bool = False) -> bool:
        """Append encoded sessions, or create the file with them; call it inside `write_lock`.

        Args:
            sessions: the sessions.
            recorded: whether it is one that was just recorded, which must not replace another.

        Returns:
            False if the file cannot be appended to and must be rewritten, or if the ID of the
            recorded session may be in it.

        Raises:
            StorageError: it is an SQLite database.
        """
        path = self.real_path
        try:
            return append(path, sessions, recorded=recorded)
        except FileNotFoundError:
            self.check_writable()
            remove_abandoned(path)
            write_whole(path, document_chunks(sessions))
            return True


def append(path: Path, sessions: Sequence[bytes], *, recorded: bool = False) -> bool:
    """Append encoded sessions to a store that has our layout.

    The closing bytes are overwritten together with the new ones in one write, and the file is
    synced. What an interrupted write left after the last complete session is kept beside the file
    and cut off. If the write fails, the old ending is written again.

    Returns:
        False if the file does not end as our layout does and must be rewritten, or if the ID of the
        `recorded` session may be in it.

    Raises:
        StorageError: the file is an SQLite database.
        OSError: the write failed; the store holds what it held before.
    """
    if is_in_use(path):
        from pytest_insight.storage.sqlite_files import wrong_type_error  # rarely needed

        raise wrong_type_error(path)
    with path.open("r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        start = read_range(file, 0, min(size, len(NATIVE_START)))
        if not is_native(start):
            from pytest_insight.storage.sqlite_files import has_magic, wrong_type_error

            if has_magic(start):
                raise wrong_type_error(path)
            return False
        end = _end_of_sessions(file, path, size)
        if end is None:
            return False
        if recorded and _may_have_id(file, end, sessions[0]):
            return False
        if end == len(HEAD):
            data = b"".join(document_chunks(sessions))[len(HEAD) :]
        else:
            data = b"".join((*separated(sessions, _newest_start_time(file, end)), END))
        try:
            if start != NATIVE_START:  # an older version, which does not know all fields
                _write_at(file, VERSION_OFFSET, b"%d" % VERSION)
            _write_at(file, end, data)
            os.fsync(file.fileno())
        except BaseException:
            # The bytes of the old ending are still allocated, so this works on a full disk too.
            with suppress(OSError):
                _write_at(file, end, END)
                file.truncate(end + len(END))
                os.fsync(file.fileno())
            raise
    return True


def session_starts(file: BinaryIO, end: int) -> Iterator[int]:
    """Yield the offsets where sessions begin, from the last one before `end` to the first."""
    pattern = b"\n" + SESSION_MARK
    size = FIRST_CHUNK_BYTES
    while end > 0:
        start = max(end - size, 0)
        chunk = read_range(file, start, end)
        found = chunk.rfind(pattern)
        while found >= 0:
            yield start + found + 1
            end = start + found
            found = chunk.rfind(pattern, 0, found)
        if start == 0:
            return
        end = min(start + len(pattern) - 1, end)  # the pattern may lie across the border
        size = min(2 * size, CHUNK_BYTES)


def starts_in_order(file: BinaryIO, start: int) -> bool:
    """Return whether the session at `start` is known to have started after all before it."""
    if start == len(NATIVE_START):
        return True
    before = read_range(file, max(start - len(IN_ORDER_MIDDLE_END), 0), start)
    return before == IN_ORDER_MIDDLE_END


def _newest_start_time(file: BinaryIO, end: int) -> datetime | None:
    """Return the latest start time of the sessions before `end`; None if it is not known."""
    newest: datetime | None = None
    for start in session_starts(file, end):
        start_time = start_time_in(read_range(file, start, min(start + HEADER_BYTES, end)))
        if start_time is None:
            return None
        newest = start_time if newest is None else max(newest, start_time)
        if starts_in_order(file, start):
            return newest
    return None


def _may_have_id(file: BinaryIO, end: int, session: bytes) -> bool:
    """Return whether a session before `end` may have the ID of a session that was just recorded.

    Such an ID has the second in it when the run started. So of the sessions before one in order
    that started earlier, none is looked at.
    """
    own_start = start_time_in(session)
    beginning = session[: session.find(_AFTER_ID) + 1]
    for start in session_starts(file, end):
        header = read_range(file, start, min(start + max(HEADER_BYTES, len(beginning)), end))
        start_time = start_time_in(header)
        if header.startswith(beginning) or start_time is None or own_start is None:
            return True
        if own_start - start_time > _SECOND and starts_in_order(file, start):
            return False
    return False


def _write_at(file: BinaryIO, offset: int, data: bytes) -> None:
    file.seek(offset)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _end_of_sessions(file: BinaryIO, path: Path, size: int) -> int | None:
    """Return the offset after the last session, or after `HEAD` if there is no session."""
    if read_range(file, max(size - len(COMPLETE_TAIL), 0), size) == COMPLETE_TAIL:
        return size - len(END)
    if size == len(EMPTY_DOCUMENT) and read_range(file, 0, size) in EMPTY_DOCUMENTS:
        return len(HEAD)
    return _cut_torn_tail(file, path, size)


def _cut_torn_tail(file: BinaryIO, path: Path, size: int) -> int | None:
    """Cut off what an interrupted write left; return None if the file is damaged in another way."""
    start = next(session_starts(file, size), len(NATIVE_START))
    from pytest_insight.storage.backup import keep_torn_bytes
    from pytest_insight.storage.json.salvage import end_of_torn_tail

    length = end_of_torn_tail(read_range(file, start, size))
    if length is None:
        return None
    end = start + length
    if length == 0:  # the last session was not closed: the file ends with the one before it
        if start == len(NATIVE_START):
            end = len(HEAD)
        else:
            before = read_range(file, max(start - len(IN_ORDER_MIDDLE_END), 0), start)
            ending = next(
                (e for e in (MIDDLE_END, IN_ORDER_MIDDLE_END) if before.endswith(e)), None
            )
            if ending is None:
                return None
            end = start - len(ending) + len(SESSION_END)
    torn = read_range(file, end, size)
    if torn.strip(b"\n, ") and not END.startswith(torn):
        keep_torn_bytes(path, torn)
    file.truncate(end)
    return end
