"""The journal: what a running session has finished so far, on disk before anything can kill it.

A file of JSON lines (written by `lines.py`, read by `entries.py`) in `locations.journal_folder()`,
named after the session.

Each line is handed to the operating system as it is written (not synced: a crash of the machine may
cost a journal, a crash of the process does not). While the session lives it holds the lock
`<file>.lock`; a journal whose lock is free belongs to a process that died.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import getpid
from pathlib import Path
from zlib import crc32

from pytest_insight._util.files import PRIVATE_FILE, make_private_folder
from pytest_insight._util.locks import FileLock

SUFFIX = ".jsonl"
ASIDE = ".damaged"


class JournalWriter:
    """Writes the journal of this process's session.

    When a line cannot be written (no space, a read-only folder), it and all later ones are kept in
    memory instead: the run goes on, and its session can still be saved at the end. A forked child
    writes nothing.

    Attributes:
        path: the file; it may not be there (see `problem`).
        problem: why lines are kept in memory; None while they are not.
        results: how many there are.
    """

    def __init__(self, folder: Path, session_id: str, head: bytes) -> None:
        """Make the file, lock it, and write the first line.

        Args:
            folder: made where it is missing.
            session_id: the session's.
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
            self._lock = _locked(self.path)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, PRIVATE_FILE)
        except OSError as exc:
            self.problem = exc
        self._write(head)

    def code(self, state: bytes) -> None:
        """What is known of the code by now; JSON, as all that is given here."""
        self._write(b'{"code":%b}\n' % state)

    def running(self, name: bytes) -> None:
        """A test starts."""
        self._write(b'{"running":%b}\n' % name)

    def result(self, line: bytes) -> None:
        """A result is known; the whole line."""
        self.results += 1
        self._checksum = crc32(line, self._checksum)
        self._write(line)

    def warned(self, name: bytes) -> None:
        """A warning was recorded for a test whose results are written already."""
        self._write(b'{"warned":%b}\n' % name)

    def end(self, ending: bytes) -> bytes:
        """The run is over: write so, and give back all lines.

        What could not be written is tried once more: tests may have filled the disk, and be gone.
        """
        self._write(b'{"ended":%b}\n' % ending)
        if self.problem is None:
            return self._content()
        self._write_kept()
        return self._content() + b"".join(self._kept)

    def is_whole(self, results: list[bytes]) -> bool:
        """Whether these are the very results that were written, without the ends of their lines."""
        return len(results) == self.results and crc32(b"\n".join([*results, b""])) == self._checksum

    def close(self, *, keep: bool) -> None:
        """Give the file up; without `keep`, delete it: its session is saved."""
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
                # Cut off in the middle: a disk that is full. The next line must not join this one.
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
        """What is in the file, also where a test has deleted it."""
        if self._descriptor < 0:
            return b""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            return file.read()


@contextmanager
def taken(path: Path) -> Iterator[bytes | None]:
    """The content of the journal of a process that died, while nobody else can take it.

    None where its process lives, or another one has taken it. The block deletes nothing itself: it
    does so with `discard` or `set_aside`.

    Raises:
        OSError: it cannot be locked or read, for another reason than these.
    """
    try:
        lock = _locked(path)
    except TimeoutError:
        yield None
        return
    try:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            _remove(path)  # only its lock file was left
            yield None
            return
        yield data
    finally:
        lock.release()


def discard(path: Path) -> None:
    """Delete a journal that is saved; inside its `taken` block."""
    _remove(path)


def set_aside(path: Path) -> Path:
    """Keep a journal under a name that is not looked at again; inside its `taken` block.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}{ASIDE}")
    path.replace(aside)
    _remove(path)
    return aside


def journals(folder: Path) -> list[Path]:
    """All journals in the folder, of living processes and dead ones."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []


def _locked(path: Path) -> FileLock:
    """The journal's lock, held.

    Raises:
        OSError: somebody else holds it (a TimeoutError), or it cannot be made.
    """
    lock = FileLock(path, 0)
    lock.acquire()
    return lock


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
        # Whoever makes a new lock file finds no journal then, and leaves it alone.
        Path(f"{path}.lock").unlink(missing_ok=True)


def _file_name(session_id: str) -> str:
    """The ID, fit to be a file's name; unique because its end is random."""
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in session_id)
    return safe[-100:]
