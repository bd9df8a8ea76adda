"""Locks between processes, on files: `flock` where the platform has it, else those of filelock.

The same lock as filelock's on POSIX, so each keeps the other out. It is not used there because
importing it costs a recorded run more than all else that a run does besides its tests.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import defaultdict
from pathlib import Path
from time import monotonic, sleep  # bound here: a test may patch the module
from types import TracebackType
from typing import Protocol, Self

try:
    import fcntl
except ImportError:  # Windows
    _flock = None
else:
    _flock = fcntl.flock

POLL_SECONDS = 0.05
TURN_SECONDS = 1.0
REST_SECONDS = 1.5 * POLL_SECONDS
"""After so long a turn a process rests so long before the next, so that whoever waits gets one:
waiting is looking every `POLL_SECONDS`, which would hardly ever meet the moment between two of a
process that writes without a pause."""
_NO_FLOCK = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
"""What a file system says that has none: filelock knows another way."""
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class _Turn:
    """How long this process has held a lock without a rest, since when and until when."""

    busy = 0.0
    began = 0.0
    ended = 0.0

    def rest(self) -> None:
        """Leave the lock to others where it is their turn."""
        idle = monotonic() - self.ended
        if self.busy >= TURN_SECONDS and idle < REST_SECONDS:
            sleep(REST_SECONDS - idle)
            idle = REST_SECONDS
        if idle >= REST_SECONDS:
            self.busy = 0.0

    def begin(self) -> None:
        self.began = monotonic()

    def end(self) -> None:
        self.ended = monotonic()
        self.busy += self.ended - self.began


_turns: defaultdict[Path, _Turn] = defaultdict(_Turn)
"""Of each lock file: whoever writes much may make a new lock object each time."""
_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


class AnyLock(Protocol):
    """What is common to both kinds."""

    def acquire(self) -> object:
        """Hold it; raises TimeoutError where another process does so for too long."""

    def release(self) -> None:
        """Give it up, once for each time it was acquired."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def lock_on(path: Path, seconds: float, mode: int) -> AnyLock:
    """A lock, not yet held; the thread that holds it may acquire it again.

    Args:
        path: the lock file; made where it is missing, and left there.
        seconds: how long `acquire` waits.
        mode: of a new lock file.
    """
    return (
        FlockLock(path, seconds, mode) if _flock is not None else _of_filelock(path, seconds, mode)
    )


class FlockLock:
    """See `lock_on`. A forked child does not hold what its parent holds."""

    def __init__(self, path: Path, seconds: float, mode: int) -> None:
        self._path = path
        self._seconds = seconds
        self._mode = mode
        self._mine = _OfThread()

    def acquire(self) -> Self:
        """Hold it.

        Raises:
            TimeoutError: another process, or thread, has held it for too long.
            OSError: the file cannot be made.
            NotImplementedError: the file system has no locks at all.
        """
        mine = self._mine
        if mine.count and mine.process != os.getpid():
            mine.count, mine.other = 0, None  # a child's first
        if not mine.count:
            turn = _turns[self._path]
            turn.rest()
            deadline = monotonic() + self._seconds
            while not self._try():
                if monotonic() >= deadline:
                    raise TimeoutError(f"another process holds {self._path}")
                sleep(POLL_SECONDS)
            mine.process = os.getpid()
            turn.begin()
        mine.count += 1
        return self

    def release(self) -> None:
        """Give it up."""
        mine = self._mine
        if not mine.count or mine.process != os.getpid():
            return
        mine.count -= 1
        if mine.count:
            return
        _turns[self._path].end()
        if mine.other is not None:
            mine.other.release()
            mine.other = None
            return
        _held.discard(mine.descriptor)
        assert _flock is not None  # noqa: S101 - for the type checker
        _flock(mine.descriptor, fcntl.LOCK_UN)  # a child of C's fork() may have it open still
        os.close(mine.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _try(self) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _CLOSE_ON_EXEC, self._mode)
        try:
            assert _flock is not None  # noqa: S101 - for the type checker
            _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                self._mine.descriptor = descriptor
                _held.add(descriptor)
                return True
        except BlockingIOError:
            pass
        except OSError as exc:
            os.close(descriptor)
            if exc.errno not in _NO_FLOCK:
                raise
            self._mine.other = _of_filelock(self._path, self._seconds, self._mode)
            self._mine.other.acquire()
            return True
        os.close(descriptor)  # held by another, or deleted since it was opened
        return False


class _OfThread(threading.local):
    """How often a thread holds a lock, and by what."""

    count = 0
    process = 0
    descriptor = -1
    other: AnyLock | None = None


def _of_filelock(path: Path, seconds: float, mode: int) -> AnyLock:
    from filelock import FileLock

    lock: AnyLock = FileLock(path, timeout=seconds, mode=mode)
    return lock


def _forked() -> None:
    """In a child: the lock is its parent's, and must end with it."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
