"""Recover journals: save the sessions of processes that ended without saving them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import InsightError, InvalidSessionError, StoreLockedError
from pytest_insight.locations import DB_PATH_VARIABLE, HOME_VARIABLE, is_url, variable
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.profiles.urls import without_password
from pytest_insight.recording.journal.backoff import BackOff
from pytest_insight.recording.journal.parser import Journal, parse
from pytest_insight.recording.journal.writer import (
    check_private,
    discard,
    is_journal,
    set_aside,
    take_over,
    target_fields,
)
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.choice import open_storage
from pytest_insight.storage.recorded import save_recorded
from pytest_insight.storage.sqlite_files import is_database

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


class _Stores:
    """The stores of journals, each tried until it fails.

    Args:
        used: the profile of the store that the caller uses, which is tried in any case.
    """

    def __init__(self, used: StorageProfile | None) -> None:
        self._used = None if used is None else _store_key(used)
        self._failures: dict[str, list[Recovery]] = {}

    def may_try(self, folder: Path, profile: StorageProfile) -> bool:
        """Return whether to open the store: it has not failed in this process or just before."""
        key = _store_key(profile)
        if key in self._failures:
            return False
        return key == self._used or not BackOff(folder, key).is_waiting()

    def note_waiting(self, profile: StorageProfile) -> None:
        """Count a journal whose store was not tried."""
        if failures := self._failures.get(_store_key(profile)):
            failures.append(failures[0])

    def note_failure(self, profile: StorageProfile, failure: Recovery, exc: Exception) -> None:
        """Remember that a session could not be saved in its store."""
        key = _store_key(profile)
        self._failures.setdefault(key, []).append(failure)
        if not isinstance(exc, StoreLockedError):  # which will soon be over
            BackOff(failure.path.parent, key).note_failure()

    def note_success(self, folder: Path, profile: StorageProfile) -> None:
        """Remember that a session was saved in its store."""
        BackOff(folder, _store_key(profile)).note_success()

    def failures(self) -> Iterator[Recovery]:
        """Yield one failure for each store."""
        for first, *others in self._failures.values():
            number = len(others)
            more = f"; {number} more session{'' if number == 1 else 's'} wait for it"
            message = first.message + more if number else first.message
            yield Recovery(first.path, first.session_id, message, saved=False)


def recover_journals(*folders: Path, used: StorageProfile | None = None) -> Iterator[Recovery]:
    """Save the session of every journal whose process died, then delete the journal.

    Several processes may do so at the same time: only one of them takes over a journal. If a
    session was saved but its journal not deleted (a crash in between), it is not saved again.
    A journal that cannot be recovered stays and is reported each time. A store that cannot be
    opened is tried and reported once for all its journals, and then not for some minutes.

    Args:
        folders: those of the journals.
        used: the profile of the store that the caller uses: it is tried in any case.
    """
    stores = _Stores(used)
    for folder in folders:
        try:
            check_private(folder)
            found = sorted(folder.iterdir())
        except FileNotFoundError:
            continue
        except OSError as exc:
            yield _failure(folder, "", _refusal_text(folder, exc))
            continue
        for path in filter(is_journal, found):
            try:
                with take_over(path) as data:
                    recovery = None if data is None else _recover(path, data, stores)
            except OSError as exc:
                message = f"cannot read the journal {path}: {os_error_text(exc)}"
                recovery = _failure(path, "", message)
            if recovery is not None:
                yield recovery
    yield from stores.failures()


def _recover(path: Path, data: bytes, stores: _Stores) -> Recovery | None:
    """Recover one journal, unless its store failed; then `stores` reports it."""
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
    if not stores.may_try(path.parent, profile):
        stores.note_waiting(profile)
        return None
    try:
        storage = open_storage(_current(profile)).with_lock_timeout(LOCK_SECONDS)
        with storage:
            name = save_recorded(storage, journal.session)
    except Exception as exc:  # noqa: BLE001 - storages of other distributions may raise anything
        why = str(exc) if isinstance(exc, InsightError) else f"{type(exc).__name__}: {exc}"
        message = f"cannot recover the session {session_id} from {path}: {why}"
        failure = _failure(path, session_id, message)
        if isinstance(exc, InvalidSessionError):
            return failure
        stores.note_failure(profile, failure, exc)
        return None
    stores.note_success(path.parent, profile)
    message = _success_text(name, journal, storage) + _clear(path, journal)
    return Recovery(path, name, message, saved=True)


def _store_key(profile: StorageProfile) -> str:
    """Return type and place of a store, as journals name it."""
    target = target_fields(profile)
    return f"{target['storage_type']} {target.get('file_path', '')}"


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
