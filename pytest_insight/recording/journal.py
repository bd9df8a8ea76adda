"""The journal: what a running session has finished so far, on disk before anything can kill it.

A file of JSON lines in `locations.journal_folder()`, named after the session:

    {"journal":1,"session":{...the session's own fields...},"profile":...,"storage":...}
    {"running":"tests/test_a.py::test_x"}
    {"nodeid":"tests/test_a.py::test_x","outcome":"passed",...}
    {"warned":"tests/test_a.py::test_x"}
    {"ended":{...what is only known at the end...}}

Each line is handed to the operating system as it is written (not synced: a crash of the machine may
cost a journal, a crash of the process does not). While the session lives it holds the lock
`<file>.lock`; a journal whose lock is free belongs to a process that died. Versions: 1, the first.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from pytest_insight.document import UNDECODABLE, encode_clean
from pytest_insight.files import PRIVATE_FILE, make_private_folder
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession

if TYPE_CHECKING:
    from filelock import FileLock

VERSION = 1
SUFFIX = ".jsonl"
ASIDE = ".damaged"
RESULT_MARK = b'{"nodeid":'


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the session is to be saved; enough to do so in another process.

    Attributes:
        storage_type: the type of storage.
        file_path: its file, absolute; None for a storage without one.
        profile: the profile that was chosen, empty where variables described the storage.
    """

    storage_type: str
    file_path: str | None = None
    profile: str = ""


class Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is only known when the run is over."""

    exit_status: int
    session_duration: float
    code_state: CodeState | None = None


class Head(msgspec.Struct, frozen=True):
    """The first line."""

    journal: int
    session: TestSession
    target: Target


class _Version(msgspec.Struct):
    """As much of the first line as every version has."""

    journal: int


class _Event(msgspec.Struct):
    """Any line that is neither the first nor a result."""

    running: str | None = None
    warned: str | None = None
    ended: Ending | None = None


class Journal(msgspec.Struct, frozen=True):
    """The content of a journal file.

    Attributes:
        target: where its session belongs.
        session: the session with what was finished.
        running: the tests that were running when the process ended, for one that died; one that
            several workers were running is there as often.
        damaged: how many lines are unreadable, other than what a crash or a full disk has cut off.
    """

    target: Target
    session: TestSession
    running: tuple[str, ...] = ()
    damaged: int = 0


_VERSION = msgspec.json.Decoder(_Version)
_HEAD = msgspec.json.Decoder(Head)
_EVENT = msgspec.json.Decoder(_Event)
_RESULT = msgspec.json.Decoder(TestResult)


class JournalWriter:
    """Writes the journal of this process's session.

    When a line cannot be written (no space, a read-only folder), it and all later ones are kept in
    memory instead: the run goes on, and its session can still be saved at the end.

    Attributes:
        path: the file; it may not be there (see `problem`).
        problem: why lines are kept in memory; None while they are not.
        results: how many there are.
    """

    def __init__(self, folder: Path, head: Head) -> None:
        self.path = folder / f"{_file_name(head.session.session_id)}{SUFFIX}"
        self.problem: OSError | None = None
        self.results = 0
        self._kept: list[bytes] = []
        self._descriptor = -1
        self._lock: FileLock | None = None
        try:
            make_private_folder(folder)
            self._lock = _locked(self.path)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, PRIVATE_FILE)
        except OSError as exc:
            self.problem = exc
        self._write(encode_clean(head) + b"\n")

    def running(self, nodeid: str) -> None:
        """A test starts."""
        self._write(b'{"running":%b}\n' % encode_clean(nodeid))

    def result(self, result: TestResult) -> None:
        """A result is known."""
        self.results += 1
        self._write(encode_clean(result) + b"\n")

    def warned(self, nodeid: str) -> None:
        """A warning was recorded for a test whose results are written already."""
        self._write(b'{"warned":%b}\n' % encode_clean(nodeid))

    def end(self, ending: Ending) -> Journal:
        """The run is over: write so, and give back what was written.

        What could not be written is tried once more: tests may have filled the disk, and be gone.
        """
        self._write(b'{"ended":%b}\n' % encode_clean(ending))
        self._write_kept()
        return parse(self._content() + b"".join(self._kept))

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


def parse(data: bytes) -> Journal:
    """Read a journal, complete or cut off anywhere.

    Raises:
        ValueError: not even its first line is complete, or it is of a later version.
    """
    head, lines = _head(data.split(b"\n"))
    found = _Found()
    for line, following in zip_longest(lines, lines[1:]):
        try:
            if line.startswith(RESULT_MARK):
                found.result(_RESULT.decode(line))
            elif line:
                found.event(_EVENT.decode(line))
        except UNDECODABLE:
            # A crash cuts off the last line. A full disk does so in the middle; then the whole line
            # comes next.
            found.damaged += following is not None and not following.startswith(line)
    session = _session(head.session, found)
    running = () if found.ending else tuple(found.running.elements())
    return Journal(head.target, session, running, found.damaged)


def _head(lines: list[bytes]) -> tuple[Head, list[bytes]]:
    """The first line, and the others."""
    first, *others = lines
    if others and others[0].startswith(first):
        first, *others = others  # a full disk cut it off, and it was written once more
    try:
        version = _VERSION.decode(first).journal
        if version > VERSION:  # asked alone, for the rest of the line may have changed
            raise ValueError(
                f"a later pytest-insight wrote it (version {version}; this one reads {VERSION}); "
                "upgrade with pip install --upgrade pytest-insight"
            )
        return _HEAD.decode(first), others
    except UNDECODABLE as exc:
        raise ValueError(f"its first line is not that of a journal: {exc}") from exc


class _Found:
    """What the lines of a journal say."""

    def __init__(self) -> None:
        self.results: list[TestResult] = []
        self.running: Counter[str] = Counter()
        self.warned: set[str] = set()
        self.ending: Ending | None = None
        self.damaged = 0
        self._finished: tuple[str, str] | None = None

    def event(self, event: _Event) -> None:
        if event.running:
            self.running[event.running] += 1
            self._finished = None
        if event.warned:
            self.warned.add(event.warned)
        self.ending = event.ended or self.ending

    def result(self, result: TestResult) -> None:
        """A test's results come together, when it is done: all of them end one run of it.

        After a `rerun`, it runs on. Several workers may be running one nodeid.
        """
        self.results.append(result)
        this = (result.nodeid, result.worker)
        if result.outcome is TestOutcome.RERUN:
            if this == self._finished:  # subtests of that attempt
                self.running[result.nodeid] += 1
            self._finished = None
        elif this != self._finished:
            self._finished = this
            if self.running[result.nodeid] <= 1:
                del self.running[result.nodeid]
            else:
                self.running[result.nodeid] -= 1


def _session(session: TestSession, found: _Found) -> TestSession:
    results, warned, ending = found.results, found.warned, found.ending
    if warned:
        results = [replace(r, has_warning=True) if r.nodeid in warned else r for r in results]
    if ending is not None:
        return replace(
            session,
            exit_status=ending.exit_status,
            session_duration=ending.session_duration,
            session_stop_time=None,
            code_state=ending.code_state,
            test_results=tuple(results),
        )
    stop = max([session.session_start_time, *(result.stop_time for result in results)])
    died = [
        TestResult(
            nodeid,
            TestOutcome.ERROR,
            stop,
            longreprtext="the process that ran this test died while it was running",
        )
        for nodeid in found.running.elements()
    ]
    return replace(
        session,
        crashed=True,
        session_stop_time=stop,
        session_duration=(stop - session.session_start_time).total_seconds(),
        test_results=(*results, *died),
    )


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
    from filelock import FileLock

    lock = FileLock(f"{path}.lock", timeout=0, mode=PRIVATE_FILE)
    try:
        lock.acquire()
    except NotImplementedError as exc:  # a file system without locks
        raise OSError(str(exc)) from exc
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
