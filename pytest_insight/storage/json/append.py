"""Adding sessions at the end of a JSON store, in place: all that a recorded run does with it.

So this imports little; what is only needed where a store is damaged is imported then.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import read_range, remove_abandoned, write_whole
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    EMPTY_DOCUMENT,
    END,
    HEAD,
    MIDDLE_END,
    NATIVE_START,
    SEPARATOR,
    SESSION_END,
    SESSION_MARK,
    document_chunks,
    is_native,
)
from pytest_insight.storage.sql.sqlite.detection import has_magic, is_in_use, wrong_type_error
from pytest_insight.storage.store_file import StoreFile

CHUNK_BYTES = 1 << 20
"""How much of a file is looked at in one go."""


class JSONStoreFile(StoreFile):
    """The file of a JSON store."""

    def can_be_added_to(self) -> bool:
        """Whether `add` is likely to do: there is no file, or one that begins like ours."""
        if is_in_use(self.path):
            return False
        try:
            with self.path.open("rb", buffering=0) as file:
                return is_native(read_range(file, 0, len(NATIVE_START)))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def add(self, sessions: bytes) -> bool:
        """Add encoded sessions, joined by `SEPARATOR`; inside `write_lock`.

        Returns:
            False where the file cannot be appended to: rewrite it.

        Raises:
            StorageError: it is an SQLite database.
        """
        path = self.real_path
        try:
            return append(path, sessions)
        except FileNotFoundError:
            self.check_writable()
            remove_abandoned(path)
            write_whole(path, document_chunks([sessions]))
            return True


def append(path: Path, sessions: bytes) -> bool:
    """Add encoded sessions (joined by `SEPARATOR`) to a store that has our layout.

    Only the closing bytes are overwritten, in one write with the new ones, and the file is synced:
    the cost does not depend on its size. What a crashed writer left behind the last complete
    session is kept beside the file and cut off. When the write fails, the old ending is put back.

    Returns:
        False where the file does not end in a way that can be appended to: rewrite it.

    Raises:
        StorageError: the file is an SQLite database.
        OSError: the write failed; the store holds what it held before.
    """
    if is_in_use(path):
        raise wrong_type_error(path)
    with path.open("r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        start = read_range(file, 0, min(size, len(NATIVE_START)))
        if not is_native(start):
            if has_magic(start):
                raise wrong_type_error(path)
            return False
        end = _end_of_sessions(file, path, size)
        if end is None:
            return False
        lead = b"\n" if end == len(HEAD) else SEPARATOR
        try:
            _write_at(file, end, lead + sessions + END)
            os.fsync(file.fileno())
        except BaseException:
            # The bytes of the old ending are still allocated, so this works on a full disk too.
            with suppress(OSError):
                _write_at(file, end, END)
                file.truncate(end + len(END))
                os.fsync(file.fileno())
            raise
    return True


def _write_at(file: BinaryIO, offset: int, data: bytes) -> None:
    file.seek(offset)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _end_of_sessions(file: BinaryIO, path: Path, size: int) -> int | None:
    """The offset behind the last session, or behind `HEAD` where there is none."""
    if read_range(file, max(size - len(COMPLETE_TAIL), 0), size) == COMPLETE_TAIL:
        return size - len(END)
    if size == len(EMPTY_DOCUMENT) and read_range(file, 0, size) == EMPTY_DOCUMENT:
        return len(HEAD)
    return _cut_torn_tail(file, path, size)


def _cut_torn_tail(file: BinaryIO, path: Path, size: int) -> int | None:
    """Cut off what an interrupted write left; None where the tail is damaged in another way."""
    start = _last_session_start(file, size)
    if start is None:
        return None
    from pytest_insight.storage.json.backup import keep_torn_bytes
    from pytest_insight.storage.json.index import salvage_tail

    tail = read_range(file, start, size)
    pieces, gaps = salvage_tail(tail)
    before = read_range(file, max(start - len(MIDDLE_END), 0), start)
    if gaps or len(pieces) > 1:
        return None
    if pieces and tail[: pieces[0].end].endswith(SESSION_END):
        end = start + pieces[0].end
    elif not pieces and start == len(NATIVE_START):
        end = len(HEAD)
    elif not pieces and before == MIDDLE_END:
        end = start - len(SEPARATOR)
    else:
        return None
    torn = read_range(file, end, size)
    if torn.strip(b"\n,"):
        keep_torn_bytes(path, torn)
    file.truncate(end)
    return end


def _last_session_start(file: BinaryIO, size: int) -> int | None:
    """Where the last session begins, searched from the end."""
    pattern = b"\n" + SESSION_MARK
    end = size
    while end > 0:
        start = max(end - CHUNK_BYTES, 0)
        found = read_range(file, start, min(end + len(pattern), size)).rfind(pattern)
        if found >= 0:
            return start + found + 1
        end = start
    return None
