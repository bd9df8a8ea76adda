"""Deeds in a process whose system calls begin to fail at the n-th chance."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from pytest_insight.document.layout import END
from pytest_insight.errors import InsightError
from pytest_insight.models import TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, ProfileManager
from pytest_insight.storage.undo import operations
from pytest_insight.storage.undo.records import Command
from tests.faults.kernel import refuse
from tests.faults.places import Place
from tests.faults.victims import Tell, session

Sessions = dict[str, TestSession]

# Calls into C behind which a system call that writes may stand.
CHANCES = frozenset(
    {
        *("open", "write", "writelines", "flush", "fsync", "close", "__exit__"),
        *("truncate", "ftruncate", "replace", "rename", "unlink", "mkdir", "symlink"),
        *("chmod", "fchmod", "flock"),
        *("execute", "executemany", "commit"),
    }
)


class Operation(NamedTuple):
    """An operation that writes.

    Attributes:
        do: with a storage, and the folder that holds what else `furnish` made.
        after: of the sessions that are there before, those that are there when it is done.
        damage: what is done to the store's bytes before, for a JSON store.
        of_profiles: it is nothing to the store.
    """

    do: Callable[[BaseStorage, Path], object]
    after: Callable[[Sessions], Sessions] = lambda before: before
    damage: Callable[[bytes], bytes] | None = None
    of_profiles: bool = False

    def concerns(self, kind: str) -> bool:
        """Return whether the operation applies to this kind of storage."""
        return kind == "json" or not (self.damage or self.of_profiles)


def _tear(data: bytes) -> bytes:
    """Leave the file as a writer that was killed during a write."""
    return data[: -len(END)] + b',\n{"session_id":"torn","sut_na'


def _damage(data: bytes) -> bytes:
    """Damage the session `old-1`."""
    return data.replace(b'{"session_id":"old-1",', b'{"session_id":"old-1"?', 1)


def _with(*names: str) -> Callable[[Sessions], Sessions]:
    return lambda before: {**before, **{name: session(name, 1) for name in names}}


def _without(*names: str) -> Callable[[Sessions], Sessions]:
    return lambda before: {name: each for name, each in before.items() if name not in names}


def _pinned(before: Sessions) -> Sessions:
    return {**before, "old-2": replace(before["old-2"], pinned=True)}


CLEAR_TO_UNDO = "clear as the command does"
"""The clear command with undo."""


def _profiles(folder: Path) -> ProfileManager:
    return ProfileManager(folder / "profiles.json")


OPERATIONS: dict[str, Operation] = {
    "save": Operation(lambda storage, _: storage.save_session(session("new", 1)), _with("new")),
    "save behind a torn write": Operation(
        lambda storage, _: storage.save_session(session("new", 1)), _with("new"), _tear
    ),
    "delete": Operation(lambda storage, _: storage.delete_sessions(["old-1"]), _without("old-1")),
    "clear": Operation(lambda storage, _: storage.clear_sessions(), lambda _: {}),
    CLEAR_TO_UNDO: Operation(
        lambda storage, _: operations.delete(storage, ["old-1"], Command("clear")),
        _without("old-1"),
    ),
    "prune": Operation(lambda storage, _: storage.prune_sessions(keep=0), lambda _: {}),
    "pin": Operation(lambda storage, _: storage.pin_sessions(["old-2"]), _pinned),
    "repair": Operation(lambda storage, _: storage.repair(), _without("old-1"), _damage),
    "import": Operation(
        lambda storage, folder: storage.import_sessions(folder / "import.json"),
        _with("imported-0", "imported-1"),
    ),
    "export": Operation(lambda storage, folder: storage.export_sessions(folder / "export.json")),
    "create": Operation(
        lambda _, folder: _profiles(folder).create_profile("new"), of_profiles=True
    ),
    "switch": Operation(
        lambda _, folder: _profiles(folder).switch_profile("old"), of_profiles=True
    ),
    "drop": Operation(
        lambda _, folder: _profiles(folder).delete_profile("other"), of_profiles=True
    ),
    "rename": Operation(
        lambda _, folder: _profiles(folder).rename_profile("old", "new"), of_profiles=True
    ),
}


def attempt(tell: Tell, operation: str, place: Place, kind: str, error: int, chance: int) -> None:
    """Perform the operation and report the outcome.

    Args:
        tell: gets one JSON object: `fired` (whether there were so many chances), `error` (the class
            of what was raised, or null), `text` (what it said).
        operation: one of `OPERATIONS`.
        place: the store, furnished.
        kind: as `kernel.refuse` has it; or "limit": no file may grow larger than `error` bytes.
        error: the errno that system calls fail with.
        chance: at which call they begin to.
    """
    left = chance

    def count(_frame: Any, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and getattr(called, "__name__", "") in CHANCES:
            left -= 1
            if left == 0:
                sys.setprofile(None)
                refuse(kind, error)

    raised: BaseException | None = None
    if kind == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (error, error))
    else:
        sys.setprofile(count)
    try:
        perform(place, operation)
    except InsightError as exc:
        raised = exc
    finally:
        sys.setprofile(None)
    name = type(raised).__name__ if raised else None
    tell(json.dumps({"fired": left <= 0, "error": name, "text": str(raised)}))


def perform(place: Place, operation: str) -> None:
    """Perform it on a furnished store."""
    os.environ["PYTEST_INSIGHT_HOME"] = str(place.path.parent)
    with place.open() as storage:
        OPERATIONS[operation].do(storage, place.path.parent)


def furnish(place: Place, operation: str) -> Sessions:
    """Create a store, a file to import, a file to export to and profiles.

    Returns:
        What is in the store, as it was before any damage.
    """
    folder = place.path.parent
    folder.mkdir()
    with place.open() as storage:
        storage.save_sessions(session(f"old-{number}", 1) for number in range(4))
        before = {each.session_id: each for each in storage.load_sessions()}
    memory = InMemoryStorage()
    memory.save_sessions(session(f"imported-{number}", 1) for number in range(2))
    memory.export_sessions(folder / "import.json")
    (folder / "export.json").write_text("an earlier export")
    for name in ("old", "other"):
        _profiles(folder).create_profile(name)
    JSONStorage(folder / "old.json").save_session(session("of-old", 1))
    damage = OPERATIONS[operation].damage
    if damage is not None:
        place.path.write_bytes(damage(place.path.read_bytes()))
    return before
