"""Write the journal of a running session, and take over those of processes that died.

A journal is a file of JSON lines in `locations.journal_folder()`, named after the session. Each
line is passed to the operating system as it is written. It is not synced: a crash of the machine
may cost a journal, a crash of the process does not.

A running session holds the lock `<file>.lock`. A journal whose lock is free belongs to a process
that died.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from pytest_insight._util.files import PRIVATE_FILE, make_private_folder
from pytest_insight._util.locks import FileLock

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile

SUFFIX = ".jsonl"
DAMAGED_SUFFIX = ".damaged"


class JournalWriter:
    """Writes the journal of this process's session.

    If a line cannot be written (disk full, read-only folder), it and all later lines are kept in
    memory: the run goes on, and its session can still be saved at the end. A forked child writes
    nothing.

    Attributes:
        path: the file; it may not exist (see `problem`).
        problem: why lines are kept in memory, or None.
        results: the number of results.
    """

    def __init__(self, folder: Path, session_id: str, head: bytes) -> None:
        """Create the file, lock it and write the first line.

        Args:
            folder: created if it is missing.
            session_id: the ID of the session.
            head: the first line.
        """
        self.path = folder / f"{_file_name(session_id)}{SUFFIX}"
        self.problem: OSError | None = None
        self.results = 0
        self._process = getpid()
        self._kept: list[bytes] = []
        self._checksum = 0
        self._descriptor = -1
        self._lock: FileLock | None = None
        try:
            make_private_folder(folder)
            self._lock = _lock(self.path)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, PRIVATE_FILE)
        except OSError as exc:
            self.problem = exc
        self._write(head)

    def code(self, state: bytes) -> None:
        """Write down the code state, as JSON."""
        self._write(b'{"code":%b}\n' % state)

    def running(self, name: bytes) -> None:
        """Write down that a test begins; its name as JSON."""
        self._write(b'{"running":%b}\n' % name)

    def result(self, line: bytes) -> None:
        """Write down a result: the whole line."""
        self.results += 1
        self._checksum = crc32(line, self._checksum)
        self._write(line)

    def warned(self, name: bytes) -> None:
        """Write down that a test had a warning, after its results; its name as JSON."""
        self._write(b'{"warned":%b}\n' % name)

    def end(self, ending: bytes) -> bytes:
        """Write down that the run is over; return all lines.

        Lines kept in memory are written now if possible: tests may have filled the disk and
        removed their files.
        """
        self._write(b'{"ended":%b}\n' % ending)
        if self.problem is None:
            return self._content()
        self._write_kept()
        return self._content() + b"".join(self._kept)

    def is_whole(self, results: list[bytes]) -> bool:
        """Return whether these lines, without line breaks, are the results that were written."""
        return len(results) == self.results and crc32(b"\n".join([*results, b""])) == self._checksum

    def close(self, *, keep: bool) -> None:
        """Close and unlock the file; delete it unless `keep`."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
        if self._lock is not None:
            if not keep:
                _remove(self.path)
            with suppress(OSError):
                self._lock.release()

    def _write(self, line: bytes) -> None:
        if getpid() != self._process:
            return
        if self.problem is None:
            try:
                written = os.write(self._descriptor, line)
                if written == len(line):
                    return
                # The disk became full within the line. The next line must not continue this one.
                self.problem = OSError("the disk is full")
                line = b"\n" + line
            except OSError as exc:
                self.problem = exc
        self._kept.append(line)

    def _write_kept(self) -> None:
        rest = b"".join(self._kept)
        if rest and self._descriptor >= 0:
            with suppress(OSError):
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
                self.problem = None
            self._kept = [rest]

    def _content(self) -> bytes:
        """Return the content of the file, even if a test has deleted it."""
        if self._descriptor < 0:
            return b""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            return file.read()


def target_fields(profile: StorageProfile) -> dict[str, str]:
    """Return a profile as the first line of a journal has it; `parser` reads it back."""
    target = {"storage_type": profile.storage_type, "profile": profile.name}
    if profile.path is not None:
        target["file_path"] = str(profile.path)
    elif profile.url is not None:
        from pytest_insight.profiles.urls import without_password  # not needed for a file

        target["file_path"] = without_password(profile.url)
    return target


@contextmanager
def take_over(path: Path) -> Iterator[bytes | None]:
    """Hold the lock of a dead process's journal during a block and yield the journal's content.

    Yields None if its process is alive or another process has taken it over. To delete the journal,
    the block calls `discard` or `set_aside`.

    Raises:
        OSError: the journal cannot be locked or read, for another reason.
    """
    try:
        lock = _lock(path)
    except TimeoutError:
        yield None
        return
    try:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            _remove(path)  # its lock file
            yield None
            return
        yield data
    finally:
        lock.release()


def discard(path: Path) -> None:
    """Delete a journal whose session is saved; inside its `take_over` block."""
    _remove(path)


def set_aside(path: Path) -> Path:
    """Rename a journal so that it is not recovered again; inside its `take_over` block.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}{DAMAGED_SUFFIX}")
    path.replace(aside)
    _remove(path)
    return aside


def journals(folder: Path) -> list[Path]:
    """Return the journals in a folder, of running and of dead processes."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []


def _lock(path: Path) -> FileLock:
    """Acquire the lock of a journal.

    Raises:
        TimeoutError: another process holds it.
        OSError: it cannot be made.
    """
    lock = FileLock(path, 0)
    lock.acquire()
    return lock


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
        # A process that creates the lock file again then finds no journal, and removes it.
        Path(f"{path}.lock").unlink(missing_ok=True)


def _file_name(session_id: str) -> str:
    """Return the end of the ID, which is unique, with characters that every file system allows."""
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in session_id)
    return safe[-100:]
