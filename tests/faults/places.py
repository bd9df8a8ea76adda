"""The kinds of storage that the faults are made to: one line in `KINDS` for each that keeps files.

What a process is told to work on must be told to another one, so it is a name and a path.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from pytest_insight.storage import BaseStorage, JSONStorage


class Kind(NamedTuple):
    """A kind of storage.

    Attributes:
        open: the storage that has its data at a path.
        check: that the files there, which were just written and hold just these sessions, are fit
            for other programs, and that nothing lies about.
    """

    open: Callable[[Path], BaseStorage]
    check: Callable[[Path, Collection[str]], None]


def _check_json(path: Path, ids: Collection[str]) -> None:
    document = json.loads(path.read_bytes())
    assert {each["session_id"] for each in document["sessions"]} == set(ids)
    assert temporary_files(path) == []


KINDS = {"json": Kind(JSONStorage, _check_json)}


class Place(NamedTuple):
    """Where a storage of some kind has its data."""

    kind: str
    path: Path

    def open(self) -> BaseStorage:
        """A new storage object there."""
        return KINDS[self.kind].open(self.path)

    def check(self, ids: Collection[str]) -> None:
        """See `Kind.check`."""
        KINDS[self.kind].check(self.path, ids)


def temporary_files(path: Path) -> list[str]:
    """What stands beside a file and is to take its place, or to be removed."""
    return sorted(each.name for each in path.parent.glob("*.tmp"))
