"""Bringing in what died: the journals of processes that ended without saving their session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import InsightError, StorageError, StoreLockedError
from pytest_insight.locations import DB_PATH_VARIABLE, is_url, variable
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.profiles.urls import without_password
from pytest_insight.recording.journal.parser import Journal, Target, parse
from pytest_insight.recording.journal.writer import discard, journals, set_aside, taken
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.choice import open_storage
from pytest_insight.storage.sql.sqlite.detection import is_database

LOCK_SECONDS = 1.0
"""How long to wait for a store that another process writes: the journal can wait longer."""

MAX_NAMED = 3
"""Tests that are named as running; the session has them all."""


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
    Whatever cannot be brought in stays where it is, and is spoken of each time.
    """
    locked: set[str] = set()
    for path in journals(folder):
        try:
            with taken(path) as data:
                folded = None if data is None else _fold(path, data, locked)
        except OSError as exc:
            folded = _kept(path, "", f"the journal {path} cannot be read: {os_error_text(exc)}")
        if folded is not None:
            yield folded


def _fold(path: Path, data: bytes, locked: set[str]) -> Folded:
    """Bring one journal in, unless it is for one of the locked stores; adds to them."""
    if not data.strip():
        discard(path)
        return _kept(path, "", f"an empty journal was removed: {path}")
    try:
        journal = parse(data)
    except ValueError as exc:
        return _kept(path, "", f"the journal {path} cannot be read and stays there: {exc}")
    session_id = journal.session.session_id
    if journal.target.storage_type == "memory":
        discard(path)
        message = f"the session {session_id} was recorded in memory and ended with its process"
        return _kept(path, session_id, message)
    target = str(journal.target)
    try:
        if target in locked:
            raise StorageError("its store is locked", target)  # noqa: TRY301 - and not waited for
        place = _with_password(journal.target)
        profile = StorageProfile("", _storage_type(journal.target), place)
        storage = open_storage(profile).waiting(LOCK_SECONDS)
        with storage:
            storage.save_session(journal.session)
    except Exception as exc:  # noqa: BLE001 - the storage may be another distribution's
        if isinstance(exc, StoreLockedError):
            locked.add(target)
        why = str(exc) if isinstance(exc, InsightError) else f"{type(exc).__name__}: {exc}"
        message = f"the session {session_id} cannot be brought in from {path}: {why}"
        return _kept(path, session_id, message)
    message = _brought_in(journal, storage) + _cleared(path, journal)
    return Folded(path, session_id, message, saved=True)


def _storage_type(target: Target) -> str:
    """The type of storage; what was a database all along can only be brought in as one."""
    if target.storage_type == "json" and target.file_path is not None:
        return "sqlite" if is_database(Path(target.file_path)) else "json"
    return target.storage_type


def _with_password(target: Target) -> str | None:
    """Where the session belongs; a journal has URLs without their passwords.

    The profile that was used may have it, or the variable. Else the driver looks for it.
    """
    place = target.file_path
    if place is None or not is_url(place):
        return place
    profile = ProfileManager().list_profiles().get(target.profile)
    known = (profile.url if profile else None, variable(DB_PATH_VARIABLE))
    urls = [url for url in known if url and is_url(url)]
    return next((url for url in urls if without_password(url) == place), place)


def _kept(path: Path, session_id: str, message: str) -> Folded:
    # Another distribution's exception may have several lines.
    return Folded(path, session_id, " ".join(message.splitlines()), saved=False)


def _cleared(path: Path, journal: Journal) -> str:
    """Delete the journal, or keep it where something in it could not be read; what to say then."""
    if not journal.damaged:
        discard(path)
        return ""
    lines = f"{journal.damaged} damaged line{'' if journal.damaged == 1 else 's'}"
    try:
        return f"; {lines} could not be read, and the journal is kept as {set_aside(path)}"
    except OSError:
        return f"; {lines} could not be read, and the journal stays: {path}"


def _brought_in(journal: Journal, storage: BaseStorage) -> str:
    session = journal.session
    count = len(session.test_results)
    what = f"brought in {session.session_id} with {count} result{'' if count == 1 else 's'}"
    if not session.crashed:
        return f"{what} (it could not be saved when it ended) to {storage.location}"
    named = list(dict.fromkeys(journal.running))
    tests = ", ".join(named[:MAX_NAMED])
    if len(named) > MAX_NAMED:
        tests += f" and {len(named) - MAX_NAMED} more"
    while_ = f" while {tests} {'was' if len(journal.running) == 1 else 'were'} running"
    return f"{what} to {storage.location}: its process died{while_ if tests else ''}"
