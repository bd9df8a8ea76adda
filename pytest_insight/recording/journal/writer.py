"""Write the journal of a running session, and take over those of processes that died.

A journal is a file of JSON lines in `locations.journal_folder()`, named after the session. Each
line is passed to the operating system as it is written. It is not synced: a crash of the machine
may cost a journal, a crash of the process does not.

A running session holds the lock `<file>.lock`. A journal whose lock is free belongs to a process
that died.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from os import SEEK_CUR, SEEK_SET, fstat, getpid, lseek, write
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from pytest_insight._util.files import (
    NO_LINKS,
    PRIVATE_FILE,
    Descriptor,
    check_size,
    file_key,
    lock_path,
    make_private_folder,
    why_not_private,
)
from pytest_insight._util.rights import adopt_owner, is_root
from pytest_insight.recording.journal.lock import JournalLock

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile

SUFFIX = ".jsonl"
DAMAGED_SUFFIX = ".damaged"


class JournalWriter:
    """Writes the journal of this process's session.

    A line that cannot be written (disk full, read-only folder) is kept in memory with all later
    ones, and each further line tries again: the run goes on, and its session can be saved at the
    end. A forked child writes nothing.

    Tests run in this process and may close its descriptors or delete the file. So before each
    write the descriptor is compared with the file that was created, and opened again if need be:
    what is not the journal is never written to, closed or deleted.

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
        self._name = _file_name(session_id)
        self.path = folder / f"{self._name}{SUFFIX}"
        self.problem: OSError | None = None
        self.results = 0
        self._head = head
        self._process = getpid()
        self._kept: deque[bytes] = deque()
        self._checksum = 0
        self._number = self._mark = -1  # those of the descriptor, to compare it at little cost
        self._descriptor: Descriptor | None = None
        self._lock: JournalLock | None = None
        self._write(head)

    def code(self, state: bytes) -> None:
        """Write down the code state, as JSON."""
        self._write(b'{"code":%b}\n' % state)

    def counts(self, counts: bytes) -> None:
        """Write down how many tests were collected and deselected, as JSON."""
        self._write(b'{"counts":%b}\n' % counts)

    def running(self, name: bytes) -> None:
        """Write down that a test begins; its name as JSON."""
        if self._lock is not None and not self._lock.is_held() and getpid() == self._process:
            with suppress(OSError):  # the next test tries again
                self._lock.acquire_again()
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

        They are complete if the file could be read; see `is_whole`.
        """
        self._write(b'{"ended":%b}\n' % ending)
        return self.lines()

    def lines(self) -> bytes:
        """Return all lines so far."""
        lines = self._content() + b"".join(self._kept)
        return lines if lines.startswith(self._head) else self._head + lines

    def is_whole(self, results: list[bytes]) -> bool:
        """Return whether these lines, without line breaks, are the results that were written."""
        return len(results) == self.results and crc32(b"\n".join([*results, b""])) == self._checksum

    def close(self, *, keep: bool) -> None:
        """Close and unlock the file; delete it unless `keep`."""
        if self._descriptor is not None:
            if not keep and _key_of(self.path) == self._descriptor.file:
                _remove(self.path)
            with suppress(OSError):
                self._descriptor.close()
            self._number = -1
        if self._lock is not None:
            with suppress(OSError):
                self._lock.release()

    def _write(self, line: bytes) -> None:
        if getpid() != self._process:
            return
        if not self._kept:
            try:
                if lseek(self._number, 0, SEEK_CUR) == self._mark:  # no other file is there
                    written = write(self._number, line)
                    lseek(self._number, self._mark, SEEK_SET)
                    if written == len(line):
                        return
                    line = line[written:]  # the disk became full within the line
            except OSError:
                pass  # `_write_kept` tries again, and says why if it fails, too
        self._kept.append(line)
        self._write_kept()

    def _write_kept(self) -> None:
        """Write the lines that are kept in memory, as far as possible now."""
        kept = self._kept
        try:
            if self._descriptor is None:
                self._create()
            elif not self._descriptor.is_open():
                self._open_again(self._descriptor.file)
            while kept:
                written = write(self._number, kept[0])
                if written == len(kept[0]):
                    kept.popleft()
                else:
                    kept[0] = kept[0][written:]
            lseek(self._number, self._mark, SEEK_SET)
            self.problem = None
        except OSError as exc:
            self.problem = exc

    def _create(self) -> None:
        """Create and lock the file, under the first name that no other journal has."""
        folder = self.path.parent
        make_private_folder(folder)
        # Root's journal of a run in a user's home is that user's, who recovers it.
        check_private(folder, or_its_owners=is_root())
        for number in count(1):
            path = folder / f"{self._name}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            try:
                lock = JournalLock(path)
            except TimeoutError:
                continue  # another process writes it
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | NO_LINKS
                self._use(os.open(path, flags, PRIVATE_FILE))
                adopt_owner(self._number, folder)
            except FileExistsError:  # that of a dead process
                lock.release()
                continue
            except OSError:
                with suppress(OSError):
                    lock.path.unlink()
                lock.release()
                raise
            self.path, self._lock = path, lock
            return

    def _open_again(self, file: tuple[int, int]) -> None:
        number = os.open(self.path, os.O_RDWR | os.O_APPEND | NO_LINKS)
        if file_key(fstat(number)) != file:
            os.close(number)
            raise OSError(f"another file is in the place of the journal {self.path}")
        self._use(number)

    def _use(self, number: int) -> None:
        self._descriptor = Descriptor(number)
        self._number = number
        self._mark = self._descriptor.mark

    def _content(self) -> bytes:
        """Return the content of the file; empty if it was deleted and its descriptor closed."""
        if self._descriptor is None:
            return b""
        with suppress(OSError), self.path.open("rb") as file:
            if file_key(fstat(file.fileno())) == self._descriptor.file:
                return file.read()
        if not self._descriptor.is_open():
            return b""
        os.lseek(self._number, 0, os.SEEK_SET)  # the file was deleted
        with os.fdopen(os.dup(self._number), "rb") as file:
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
        lock = JournalLock(path)
    except TimeoutError:
        yield None
        return
    try:
        try:
            data = _read_own(path)
        except FileNotFoundError:
            _remove(path)  # its lock file
            yield None
            return
        yield data
    finally:
        lock.release()


def check_private(folder: Path, *, or_its_owners: bool = False) -> None:
    """Raise OSError if other users can put journals into a folder; see `why_not_private`.

    A journal names the store that its session is saved in: a user who can write one could make us
    write to any of our files.
    """
    why = why_not_private(folder, or_its_owners=or_its_owners)
    if why:
        raise OSError(f"{folder} is not private: {why}")


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
        return sorted(filter(is_journal, folder.iterdir()))
    except OSError:
        return []


def is_journal(path: Path) -> bool:
    """Return whether a file in the folder of journals is a journal, by its name."""
    return path.name.endswith(SUFFIX)


def _read_own(path: Path) -> bytes:
    """Return the content of a journal, which another user may have put there a moment ago."""
    with os.fdopen(os.open(path, os.O_RDONLY | NO_LINKS), "rb") as file:
        if os.name == "posix" and fstat(file.fileno()).st_uid != os.geteuid():
            raise OSError("it belongs to another user")
        check_size(fstat(file.fileno()).st_size)
        return file.read()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
        # A process that creates the lock file again then finds no journal, and removes it.
        lock_path(path).unlink(missing_ok=True)


def _key_of(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file at a path; None if it cannot be found."""
    try:
        return file_key(path.stat())
    except OSError:
        return None


def _file_name(session_id: str) -> str:
    """Return the end of the ID, which is unique, with characters that every file system allows."""
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in session_id)
    return safe[-100:]
