"""Functions that run in processes that are killed, and how they report what they had done."""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Protocol

from pytest_insight.exchange.merge import MergeStrategy
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage, ProfileManager
from pytest_insight.storage.transfer import merge
from pytest_insight.storage.undo import operations
from pytest_insight.storage.undo.records import Command
from pytest_insight.storage.undo.restore import undo_last_command
from tests.faults.places import Place

BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
LARGEST = 400
"""Results of the largest session: about 100 KB, so that a kill can hit a write."""

Tell = Callable[[str], None]


def forking() -> ForkServerContext:
    """Return the context of processes forked from a server that has imported everything.

    A process takes 10 ms instead of 200.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.preloaded"])
    return context


class Start(Protocol):
    """Starts a function in a new process."""

    def __call__(self, work: Callable[..., None], *arguments: object) -> Victim: ...


class Victim:
    """A process that reports what it has done and may be killed at any moment.

    Attributes:
        pid: its process ID.
    """

    def __init__(
        self, context: ForkServerContext, work: Callable[..., None], arguments: tuple[Any, ...]
    ) -> None:
        self._told, telling = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(work, telling, arguments), daemon=True)
        self._process.start()
        telling.close()
        self.pid = self._process.pid or 0

    def wait_for_first(self) -> str:
        """Return its first report, which says that it has begun."""
        return self.wait_for_next()

    def wait_for_next(self) -> str:
        """Return its next report."""
        return self._told.recv_bytes().decode()

    def kill(self) -> list[str]:
        """Kill it. Returns its reports since the first.

        Raises:
            AssertionError: it had ended before, by an exception.
        """
        if self._process.exitcode is None:
            os.kill(self.pid, signal.SIGKILL)
        return self.ended()

    def ended(self) -> list[str]:
        """Wait until it ends. Returns its reports since the first."""
        told = list(self._read())
        self._process.join()
        # No process may raise an exception; its traceback is on standard error.
        assert self.status in (0, -signal.SIGKILL), f"it ended with {self.status} after {told}"
        return told

    @property
    def status(self) -> int | None:
        """Its exit status; negative for a signal, None while it runs."""
        return self._process.exitcode

    def _read(self) -> Iterator[str]:
        try:
            while True:
                yield self._told.recv_bytes().decode()
        except (EOFError, OSError):
            return  # the parent has ended


def _run(work: Callable[..., None], telling: Connection, arguments: tuple[Any, ...]) -> None:
    # Standard output, which `kernel.refuse` leaves writable.
    os.dup2(telling.fileno(), 1)
    telling.close()
    telling = Connection(1, readable=False)
    warnings.simplefilter("error")  # no damage may be reported

    def tell(text: str) -> None:
        telling.send_bytes(text.encode())

    work(tell, *arguments)


def session(name: str, seed: int) -> TestSession:
    """Return the session with this ID, equal in every process."""
    chosen = random.Random(f"{name} {seed}")
    start = BEGAN + timedelta(seconds=chosen.randrange(86_400))
    results = []
    for number in range(chosen.randrange(LARGEST)):
        failed = chosen.random() < 0.1
        results.append(
            TestResult(
                f"tests/test_{number % 7}.py::test_{number}[\u00e9]",
                TestOutcome.FAILED if failed else TestOutcome.PASSED,
                start,
                duration=chosen.random(),
                longreprtext='E\n{"session_id":"x"\n]}\n]}\n' * chosen.randrange(40)
                if failed
                else "",
            )
        )
    return TestSession(name, "victim", start, session_duration=1.0, test_results=tuple(results))


def saves(tell: Tell, place: Place, prefix: str, seed: int) -> None:
    """Save sessions one by one; report each saved ID."""
    storage = place.open()
    tell("under way")
    for number in count():
        name = f"{prefix}-{number}"
        storage.save_session(session(name, seed))
        tell(name)


def imports(tell: Tell, place: Place, source: Path, strategy: str) -> None:
    """Import a file."""
    _do(tell, lambda: place.open().import_sessions(source, strategy))


def clears(tell: Tell, place: Place, ids: list[str]) -> None:
    """Delete sessions."""
    _do(tell, lambda: place.open().clear_sessions(ids))


def prunes(tell: Tell, place: Place, keep: int) -> None:
    """Prune."""
    _do(tell, lambda: place.open().prune_sessions(keep=keep))


def repairs(tell: Tell, place: Place) -> None:
    """Rewrite a store."""
    _do(tell, lambda: place.open().repair())


def _do(tell: Tell, operation: Callable[[], object]) -> None:
    """Perform the operation, report it and wait to be killed."""
    tell("under way")
    operation()
    tell("done")
    time.sleep(60)


def switches(tell: Tell, path: Path, names: list[str], prefix: str) -> None:
    """Create, switch and delete profiles; report each operation when it is done."""
    manager = ProfileManager(path)
    tell("under way")
    for number in count():
        manager.switch_profile(names[number % len(names)])
        tell(f"switched {names[number % len(names)]}")
        manager.create_profile(f"{prefix}{number}")
        tell(f"created {prefix}{number}")
        if number % 3:
            manager.delete_profile(f"{prefix}{number}")
            tell(f"deleted {prefix}{number}")


def deletes(tell: Tell, home: Path) -> None:
    """Clear the default store as the command does, with undo."""
    storage = _at_home(home)
    _do(tell, lambda: operations.delete(storage, storage.session_ids(), Command("clear")))


def merges(tell: Tell, home: Path) -> None:
    """Merge `source.json` into the default store as the command does."""
    storage = _at_home(home)
    source = JSONStorage(home / "source.json")
    strategy = MergeStrategy.REPLACE_EXISTING
    _do(tell, lambda: merge(source, storage, strategy, Command("merge")))


def takes_back(tell: Tell, home: Path) -> None:
    """Undo the last operation on the default store."""
    storage = _at_home(home)
    _do(tell, lambda: undo_last_command(storage))


def renames(tell: Tell, home: Path, one: str, other: str) -> None:
    """Rename a profile and back; report each new name."""
    _at_home(home)
    manager = ProfileManager()
    tell("under way")
    for number in count():
        old, new = (one, other) if number % 2 == 0 else (other, one)
        manager.rename_profile(old, new)
        tell(new)


def _at_home(home: Path) -> JSONStorage:
    os.environ["PYTEST_INSIGHT_HOME"] = str(home)
    return JSONStorage()


def holds_the_lock(tell: Tell, place: Place) -> None:
    """Acquire the store's lock and hold it."""
    with place.open().exclusive():
        tell("holding")
        time.sleep(600)
