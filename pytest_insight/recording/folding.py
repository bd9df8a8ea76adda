"""Bringing in what died: the journals of processes that ended without saving their session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_insight.errors import InsightError
from pytest_insight.recording.journal import Journal, Target, discard, journals, parse, taken
from pytest_insight.storage.access import Choice, open_choice
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.profiles import StorageProfile


class Folded(msgspec.Struct, frozen=True):
    """What became of one journal.

    Attributes:
        path: the journal.
        session_id: its session, empty where it could not be read.
        message: a sentence for people: what was brought in, or why it could not be.
        saved: whether its session is in its store now.
    """

    path: Path
    session_id: str
    message: str
    saved: bool


def fold_journals(folder: Path) -> Iterator[Folded]:
    """Save the session of every journal whose process died, then delete the journal.

    Several processes may do so at once: each journal is taken by one of them. A session that was
    saved although its journal is still there (a crash in between) is saved again under its ID.
    """
    for path in journals(folder):
        with taken(path) as data:
            if data is not None:
                yield _fold(path, data)


def storage_of(target: Target) -> BaseStorage:
    """The storage a journal's session belongs to."""
    profile = StorageProfile("", target.storage_type, target.file_path)
    return open_choice(Choice(profile, "argument"))


def _fold(path: Path, data: bytes) -> Folded:
    try:
        journal = parse(data)
    except ValueError as exc:
        if not data.strip():
            discard(path)
            return Folded(path, "", f"an empty journal was removed: {path}", saved=False)
        return Folded(path, "", f"the journal {path} cannot be read: {exc}", saved=False)
    session_id = journal.session.session_id
    if journal.target.storage_type == "memory":
        discard(path)
        message = f"the session {session_id} was recorded in memory and ended with its process"
        return Folded(path, session_id, message, saved=False)
    try:
        storage = storage_of(journal.target)
        storage.save_session(journal.session)
    except InsightError as exc:
        message = f"the session {session_id} cannot be brought in from {path}: {exc}"
        return Folded(path, session_id, message, saved=False)
    discard(path)
    return Folded(path, session_id, _brought_in(journal, storage), saved=True)


def _brought_in(journal: Journal, storage: BaseStorage) -> str:
    session = journal.session
    count = len(session.test_results)
    what = f"brought in {session.session_id} with {count} result{'' if count == 1 else 's'}"
    if not session.crashed:
        return f"{what} (it could not be saved when it ended) to {storage.location}"
    while_ = f" while {', '.join(journal.running)} was running" if journal.running else ""
    return f"{what} to {storage.location}: its process died{while_}"
