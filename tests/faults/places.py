"""The kinds of storage that the faults are made to: one line in `KINDS` for each that keeps files.

What a process is told to work on must be told to another one, so it is a name and a path.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from pytest_insight.storage import BaseStorage, JSONStorage, SQLiteStorage


class Kind(NamedTuple):
    """A kind of storage.

    Attributes:
        open: the storage that has its data at a path.
        file: the name of its file.
        check: that the files there, which were just written and hold just these sessions, are fit
            for other programs, and that nothing lies about.
        own_words: what it says of a refused system call instead of what the system calls it.
    """

    open: Callable[[Path], BaseStorage]
    file: str
    check: Callable[[Path, Collection[str]], None]
    own_words: tuple[str, ...] = ()


def _check_json(path: Path, ids: Collection[str]) -> None:
    document = json.loads(path.read_bytes())
    assert {each["session_id"] for each in document["sessions"]} == set(ids)
    assert temporary_files(path) == []


def _check_sqlite(path: Path, ids: Collection[str]) -> None:
    with closing(sqlite3.connect(path)) as database:
        (found,) = database.execute("PRAGMA integrity_check").fetchall()
        assert found == ("ok",)
        rows = database.execute("SELECT session_id FROM insight_sessions").fetchall()
    assert {name for (name,) in rows} == set(ids)
    assert temporary_files(path) == []


KINDS = {
    "json": Kind(JSONStorage, "sessions.json", _check_json),
    "sqlite": Kind(
        SQLiteStorage,
        "sessions.db",
        _check_sqlite,
        ("disk I/O error", "database or disk is full", "unable to open database file"),
    ),
}


class Place(NamedTuple):
    """The place of a store, which another process can open."""

    kind: str
    path: Path

    def open(self) -> BaseStorage:
        """Return a new storage object."""
        return KINDS[self.kind].open(self.path)

    def check(self, ids: Collection[str]) -> None:
        """See `Kind.check`."""
        KINDS[self.kind].check(self.path, ids)


def temporary_files(path: Path) -> list[str]:
    """Return the temporary files beside a file."""
    return sorted(each.name for each in path.parent.glob("*.tmp"))
