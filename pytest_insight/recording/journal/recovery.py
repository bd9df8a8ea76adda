"""Recover journals: save the sessions of processes that ended without saving them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import InsightError, StorageError, StoreLockedError
from pytest_insight.locations import DB_PATH_VARIABLE, HOME_VARIABLE, is_url, variable
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.profiles.urls import without_password
from pytest_insight.recording.journal.parser import Journal, parse
from pytest_insight.recording.journal.writer import (
    check_private,
    discard,
    is_journal,
    set_aside,
    take_over,
)
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.choice import open_storage
from pytest_insight.storage.recorded import save_recorded
from pytest_insight.storage.sql.sqlite.detection import is_database

LOCK_SECONDS = 1.0
"""How long to wait for another writer of the store; the journal can wait longer."""

MAX_NAMED = 3
"""Running tests that a message names; the session has them all."""


class Recovery(msgspec.Struct, frozen=True):
    """What became of one journal.

    Attributes:
        path: the journal.
        session_id: its session; empty if it could not be read.
        message: a sentence for people.
        saved: whether the session is in its store now.
    """

    path: Path
    session_id: str
    message: str
    saved: bool


def recover_journals(folder: Path) -> Iterator[Recovery]:
    """Save the session of every journal whose process died, then delete the journal.

    Several processes may do so at the same time: only one of them takes over a journal. If a
    session was saved but its journal not deleted (a crash in between), it is not saved again.
    A journal that cannot be recovered stays and is reported each time.
    """
    locked: set[StorageProfile] = set()
    try:
        check_private(folder)
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as exc:
        yield _failure(folder, "", _refusal_text(folder, exc))
        return
    for path in filter(is_journal, found):
        try:
            with take_over(path) as data:
                recovery = None if data is None else _recover(path, data, locked)
        except OSError as exc:
            recovery = _failure(path, "", f"cannot read the journal {path}: {os_error_text(exc)}")
        if recovery is not None:
            yield recovery


def _recover(path: Path, data: bytes, locked: set[StorageProfile]) -> Recovery:
    """Recover one journal, unless its store is locked; add such a store to `locked`."""
    if not data.strip():
        discard(path)
        return _failure(path, "", f"removed an empty journal: {path}")
    try:
        journal = parse(data)
    except ValueError as exc:
        return _failure(path, "", f"cannot read the journal {path}, which is kept: {exc}")
    session_id, profile = journal.session.session_id, journal.profile
    if profile.storage_type == "memory":
        discard(path)
        message = f"the session {session_id} was recorded in memory, which its process has lost"
        return _failure(path, session_id, message)
    try:
        if profile in locked:  # do not wait again
            raise StorageError("its store is locked", profile.place)  # noqa: TRY301
        storage = open_storage(_current(profile)).with_lock_timeout(LOCK_SECONDS)
        with storage:
            name = save_recorded(storage, journal.session)
    except Exception as exc:  # noqa: BLE001 - storages of other distributions may raise anything
        if isinstance(exc, StoreLockedError):
            locked.add(profile)
        why = str(exc) if isinstance(exc, InsightError) else f"{type(exc).__name__}: {exc}"
        message = f"cannot recover the session {session_id} from {path}: {why}"
        return _failure(path, session_id, message)
    message = _success_text(name, journal, storage) + _clear(path, journal)
    return Recovery(path, name, message, saved=True)


def _current(profile: StorageProfile) -> StorageProfile:
    """Return a journal's profile as it is to be opened: nameless, as it may have changed since."""
    kind, place = profile.storage_type, profile.file_path
    if kind == "json" and place is not None and is_database(Path(place)):
        kind = "sqlite"  # the profile had the wrong type
    if place is not None and is_url(place):
        place = _with_password(profile.name, place)
    return replace(profile, name="", storage_type=kind, file_path=place)


def _with_password(profile_name: str, place: str) -> str:
    """Return a URL with its password if the profile or the variable has the same URL with one.

    Journals have URLs without passwords. If none is found, the driver looks for one.
    """
    profile = ProfileManager().list_profiles().get(profile_name)
    known = (profile.url if profile else None, variable(DB_PATH_VARIABLE))
    urls = [url for url in known if url and is_url(url)]
    return next((url for url in urls if without_password(url) == place), place)


def _refusal_text(folder: Path, exc: OSError) -> str:
    return (
        f"cannot look for journals of crashed runs in {folder}: {os_error_text(exc)}; delete it, "
        f"or set {HOME_VARIABLE} to a folder of your own"
    )


def _failure(path: Path, session_id: str, message: str) -> Recovery:
    # The exceptions of other distributions may have several lines.
    return Recovery(path, session_id, " ".join(message.splitlines()), saved=False)


def _clear(path: Path, journal: Journal) -> str:
    """Delete a journal, or keep it if some of its lines are damaged; return what to say then."""
    if not journal.damaged:
        discard(path)
        return ""
    lines = f"{journal.damaged} damaged line{'' if journal.damaged == 1 else 's'}"
    try:
        return f"; could not read {lines}, the journal is kept as {set_aside(path)}"
    except OSError:
        return f"; could not read {lines}, the journal is kept: {path}"


def _success_text(name: str, journal: Journal, storage: BaseStorage) -> str:
    session = journal.session
    count = len(session.test_results)
    text = f"recovered {name} with {count} result{'' if count == 1 else 's'}"
    if not session.crashed:
        return f"{text} (it could not be saved when it ended) into {storage.location}"
    named = list(dict.fromkeys(journal.running))
    tests = ", ".join(named[:MAX_NAMED])
    if len(named) > MAX_NAMED:
        tests += f" and {len(named) - MAX_NAMED} more"
    while_ = f" while {tests} {'was' if len(journal.running) == 1 else 'were'} running"
    return f"{text} into {storage.location}: its process died{while_ if tests else ''}"
