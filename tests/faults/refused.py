"""Deeds in a process whose system calls begin to fail at the n-th chance."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_insight.errors import InsightError
from pytest_insight.storage import InMemoryStorage, JSONStorage, ProfileManager, undo
from pytest_insight.storage.snapshots import Command
from tests.faults.kernel import refuse
from tests.faults.victims import Tell, session

# Calls into C behind which a system call that writes may stand.
CHANCES = frozenset(
    {
        *("open", "write", "writelines", "flush", "fsync", "close", "__exit__"),
        *("truncate", "ftruncate", "replace", "rename", "unlink", "mkdir", "symlink"),
        *("chmod", "fchmod", "flock"),
    }
)


def save(path: Path) -> None:
    """Save one more session."""
    JSONStorage(path).save_session(session("new", 1))


def delete(path: Path) -> None:
    """Delete one that is there."""
    JSONStorage(path).delete_sessions(["old-1"])


def import_(path: Path) -> None:
    """Import two sessions."""
    JSONStorage(path).import_sessions(path.with_name("import.json"))


def export(path: Path) -> None:
    """Export all to a file that is there."""
    JSONStorage(path).export_sessions(path.with_name("export.json"))


def create(path: Path) -> None:
    """Create a profile."""
    ProfileManager(path.with_name("profiles.json")).create_profile("new")


def clear(path: Path) -> None:
    """Delete one that is there as a command does, so that it can be taken back."""
    os.environ["PYTEST_INSIGHT_HOME"] = str(path.parent)
    undo.delete(JSONStorage(path), ["old-1"], Command("clear"))


def rename(path: Path) -> None:
    """Rename a profile with its store."""
    os.environ["PYTEST_INSIGHT_HOME"] = str(path.parent)
    ProfileManager().rename_profile("old", "new")


DEEDS: dict[str, Callable[[Path], None]] = {
    "save": save,
    "delete": delete,
    "import": import_,
    "export": export,
    "create": create,
    "clear": clear,
    "rename": rename,
}


def attempt(tell: Tell, deed: str, path: Path, kind: str, error: int, chance: int) -> None:
    """Do it and tell how it went.

    Args:
        tell: gets one JSON object: `fired` (whether there were so many chances), `error` (the class
            of what was raised, or null), `text` (what it said).
        deed: one of `DEEDS`.
        path: the store, furnished.
        kind: one of `kernel.KINDS`; or "limit": no file may grow larger than `error` bytes.
        error: the errno that system calls fail with.
        chance: at which call they begin to.
    """
    _warm_up(path.with_name("warm"), DEEDS[deed])
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
        DEEDS[deed](path)
    except InsightError as exc:
        raised = exc
    finally:
        sys.setprofile(None)
    name = type(raised).__name__ if raised else None
    tell(json.dumps({"fired": left <= 0, "error": name, "text": str(raised)}))


def _warm_up(folder: Path, deed: Callable[[Path], None]) -> None:
    """Do it once elsewhere: imports write compiled files, which are not what is tested."""
    folder.mkdir()
    furnish(folder / "sessions.json")
    deed(folder / "sessions.json")


def furnish(path: Path) -> None:
    """A store, a file to import, a file to export to, profiles."""
    JSONStorage(path).save_sessions(session(f"old-{number}", 1) for number in range(4))
    memory = InMemoryStorage()
    memory.save_sessions(session(f"imported-{number}", 1) for number in range(2))
    memory.export_sessions(path.with_name("import.json"))
    path.with_name("export.json").write_text("an earlier export")
    ProfileManager(path.with_name("profiles.json")).create_profile("old")
    JSONStorage(path.with_name("old.json")).save_session(session("of-old", 1))
