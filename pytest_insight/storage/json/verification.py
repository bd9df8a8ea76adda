"""Verify a JSON store: read all of it, and say what can be read and what cannot."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.progress import begin
from pytest_insight.filters import ANY_TIME
from pytest_insight.models import TestSession
from pytest_insight.storage.json.index import Index, build_index
from pytest_insight.storage.json.scan import is_unfinished
from pytest_insight.storage.verification import Verification


def verify_file(file: BinaryIO, size: int, path: Path) -> tuple[Verification, Index]:
    """Return what is in the file, opened with the lock held, so that no process is writing."""
    results: dict[str, int] = {}
    future: dict[str, bool] = {}
    copies = 0
    watcher = begin(f"checking {path}")

    def note(session: TestSession) -> None:
        nonlocal copies
        watcher.step()
        copies += 1
        results[session.session_id] = len(session.test_results)
        future[session.session_id] = not ANY_TIME.matches(session)

    index = build_index(file, size, path, note=note, thorough=True)
    found = Verification(
        sessions=len(index.entries),
        results=sum(results.values()),
        damage=tuple(loss.text for loss in index.lost),
        ignored=tuple(index.ignored),
        superseded=copies - len(index.entries),
        unfinished=is_unfinished(file, size),
        future=tuple(session_id for session_id, is_future in future.items() if is_future),
    )
    return found, index
