"""Records and snapshots that make commands undoable, written before a command changes a store.

Each change has two files in a folder of the store, `<home>/undo/<key of its location>`:

- `000017.json`: an ordinary export of the sessions that the change deletes or replaces;
- `000017.deed`: a `Record` with the IDs it touches and the digests of what it writes. It is written
  last, so a snapshot with a record is complete.

Functions here are called inside `BaseStorage.exclusive`, so only one process runs them at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from pytest_insight import locations
from pytest_insight._util.files import make_private_folder, os_error_text, read_whole, write_whole
from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import UNDECODABLE
from pytest_insight.document.layout import document_chunks
from pytest_insight.errors import InsightError, NewerFormatError, StorageError
from pytest_insight.limits import MAX_TEXT_SHOWN
from pytest_insight.profiles.file import profile_of, settings_of
from pytest_insight.profiles.profile import StorageProfile

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

VERSION = 1
DEFAULT_MAX_UNDO = 5
"""Commands that can be undone in each store, unless PYTEST_INSIGHT_UNDO says otherwise."""
KEPT_DAYS = 30
"""Days after which snapshots of other stores, which may no longer be in use, are deleted."""

_RECORD = ".deed"  # a former name; another one would hide the records of earlier versions
_SESSIONS = ".json"
UNDONE = ".undone.json"
"""Suffix of the exports with the sessions that undo removed from a store."""


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """One change of a store. Versions: 1, the first one.

    Attributes:
        store: the store's location, for people.
        command_name: the command, for people: "sessions clear".
        command_key: the same for all changes of one command, which are undone together.
        time: when.
        after: each ID that the change touches, with the digest of the session that it writes; None
            if it deletes the session.
        deleted_profile: the settings of the profile that was deleted, too.
        backup: the damaged file that a repair replaced, a path or (if that is not UTF-8) a `file:`
            URL; `after` then has all that could be read.
    """

    store: str
    command_name: str = msgspec.field(name="deed")
    command_key: str = msgspec.field(name="command")
    time: datetime
    after: dict[str, str | None]
    deleted_profile: dict[str, str | float | None] | None = msgspec.field(
        default=None, name="profile"
    )
    backup: str | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        _ = self.profile  # validates it

    @property
    def backup_path(self) -> str | None:
        """The path of `backup`."""
        if self.backup is None or not self.backup.startswith("file:"):
            return self.backup
        return os.fsdecode(unquote_to_bytes(self.backup.removeprefix("file://")))

    @property
    def profile(self) -> StorageProfile | None:
        """The profile that was deleted, too.

        Raises:
            ValueError: the record has invalid settings for it.
        """
        if self.deleted_profile is None:
            return None
        settings = dict(self.deleted_profile)
        return profile_of(settings.pop("name", None), settings)


class Command:
    """One command that changes stores.

    Attributes:
        name: for people: "sessions clear".
        key: tells it from other commands of that name.
        can_be_undone: whether a snapshot was kept of anything that it changed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = os.urandom(8).hex()
        self.can_be_undone = False


class Snapshot(NamedTuple):
    """A record, and the file with the sessions before the change."""

    record: Record
    sessions: Path

    def delete(self) -> None:
        """Delete both files."""
        _delete(self.sessions.with_suffix(_RECORD))


@contextmanager
def undoable(
    storage: BaseStorage,
    command: Command,
    after: Mapping[str, str | None],
    *,
    profile: StorageProfile | None = None,
    backup: str | None = None,
) -> Iterator[None]:
    """Keep a snapshot, then run the block that changes the store.

    To be used inside `storage.exclusive()`. If the block raises, the snapshot is deleted if the
    store is as before, so that the failure takes no place of an earlier command; else it is kept.
    No snapshot is kept of a storage in memory, or if PYTEST_INSIGHT_UNDO is 0.

    Args:
        storage: the storage that the block changes.
        command: the command that the block is a part of.
        after: as in `Record`.
        profile: the profile that the block deletes.
        backup: as in `Record`.

    Raises:
        StorageError: the snapshot cannot be written; the block is not run.
    """
    most = max_undo()
    if storage.storage_type == "memory" or not most:
        yield
        return
    folder = locations.undo_folder(storage.url or storage.location)
    deleted = None if profile is None else {"name": profile.name, **settings_of(profile)}
    place = storable_text(storage.location)
    kept = None if backup is None else _storable_path(backup)
    record = Record(place, command.name, command.key, _now(), dict(after), deleted, kept)
    try:
        snapshot = _write(storage, folder, record)
    except OSError as exc:
        raise StorageError(
            f"cannot keep in {folder} what this would delete or replace, so nothing was changed: "
            f"{os_error_text(exc)}; free some space, or do without undo by setting "
            f"{locations.UNDO_VARIABLE}=0",
            folder,
        ) from exc
    try:
        yield
    except (Exception, KeyboardInterrupt):
        _delete_unused(storage, snapshot)
        raise
    command.can_be_undone = True
    with suppress(OSError):  # the change is done; the next one tries again
        _delete_old(folder, most)


def load_snapshots(storage: BaseStorage) -> list[Snapshot]:
    """Return the snapshots of a store, the oldest first.

    Raises:
        StorageError: a record cannot be read.
        NewerFormatError: a later version of pytest-insight wrote it.
    """
    folder = locations.undo_folder(storage.url or storage.location)
    found = [_read(path) for path in sorted(folder.glob(f"*{_RECORD}"))]
    for each in found:
        if not each.sessions.exists():  # its sessions would count as added by the command
            raise StorageError(
                f"{each.sessions} is missing, so {each.record.command_name!r} cannot be undone; "
                f"to undo earlier commands, delete {each.sessions.with_suffix(_RECORD)}",
                each.sessions,
            )
    return found


def find_deleted_profile(name: str) -> Record | None:
    """Return the record of the latest deletion of a profile and its sessions, or None."""
    records = [_read(path).record for path in (locations.home() / "undo").glob(f"*/*{_RECORD}")]
    found = [each for each in records if each.profile is not None and each.profile.name == name]
    return max(found, key=lambda record: record.time, default=None)


def keep_removed(storage: BaseStorage, ids: set[str]) -> Path:
    """Export the sessions that undo is about to remove from a store; returns the file.

    Raises:
        StorageError: the file cannot be written.
    """
    folder = locations.undo_folder(storage.url or storage.location)
    path = folder / f"{_now():%Y%m%dT%H%M%S.%fZ}{UNDONE}"
    try:
        write_whole(path, document_chunks(storage.encoded_sessions(ids)))
        for old in sorted(folder.glob(f"*{UNDONE}"))[: -max(max_undo(), 1)]:
            old.unlink(missing_ok=True)
    except OSError as exc:
        raise StorageError(
            f"cannot keep in {folder} what undo would remove, so nothing was changed: "
            f"{os_error_text(exc)}",
            folder,
        ) from exc
    return path


def max_undo() -> int:
    """Return the number of commands that can be undone in each store.

    Raises:
        InsightError: PYTEST_INSIGHT_UNDO is not a number.
    """
    given = locations.variable(locations.UNDO_VARIABLE)
    if given is None:
        return DEFAULT_MAX_UNDO
    if not (given.isascii() and given.isdigit() and len(given) <= 6):
        raise InsightError(
            f"{locations.UNDO_VARIABLE} must be the number of commands that can be undone "
            f"(0 = none), not {given[:MAX_TEXT_SHOWN]!r}"
        )
    return int(given)


def _delete_unused(storage: BaseStorage, snapshot: Snapshot) -> None:
    """Delete a snapshot if the sessions in the store are still those in it."""
    from pytest_insight.storage.imports import content_digests  # few commands fail
    from pytest_insight.storage.json.storage import JSONStorage

    if snapshot.record.profile is not None:
        return  # it may be deleted
    with suppress(InsightError, OSError):  # keeping it is harmless
        now = content_digests(storage, list(snapshot.record.after))
        if now == content_digests(JSONStorage(snapshot.sessions)):
            snapshot.delete()


def _storable_path(path: str) -> str:
    """Return the path, or a `file:` URL if the path is not UTF-8."""
    return path if storable_text(path) == path else Path(path).as_uri()


def _write(storage: BaseStorage, folder: Path, record: Record) -> Snapshot:
    make_private_folder(folder)
    _delete_incomplete(folder)
    last = max((int(path.stem) for path in folder.glob(f"*{_RECORD}")), default=0)
    sessions = folder / f"{last + 1:06}{_SESSIONS}"
    try:
        write_whole(sessions, document_chunks(storage.encoded_sessions(record.after)))
        write_whole(sessions.with_suffix(_RECORD), [msgspec.json.encode(record)])
    except BaseException:
        _delete(sessions.with_suffix(_RECORD))
        raise
    return Snapshot(record, sessions)


def _read(path: Path) -> Snapshot:
    try:
        data = read_whole(path)
        version = msgspec.json.decode(data, type=_Version).version
        if version > VERSION:
            raise NewerFormatError(path, version, VERSION)
        record = msgspec.json.decode(data, type=Record)
    except OSError as exc:
        raise StorageError(f"cannot read {path}: {os_error_text(exc)}", path) from exc
    except UNDECODABLE as exc:
        raise StorageError(
            f"{path} is not a valid undo record: {exc}; import the sessions before that command "
            f"with: insight import {path.with_suffix(_SESSIONS)}",
            path,
        ) from exc
    return Snapshot(record, path.with_suffix(_SESSIONS))


class _Version(msgspec.Struct):
    version: int = VERSION


def _delete_incomplete(folder: Path) -> None:
    """Delete snapshots without a record, which killed processes left."""
    for sessions in folder.glob(f"*{_SESSIONS}"):
        if not sessions.name.endswith(UNDONE) and not sessions.with_suffix(_RECORD).exists():
            sessions.unlink(missing_ok=True)
    for temporary in folder.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def _delete_old(folder: Path, most: int) -> None:
    """Delete the snapshots of all but the last commands of this store, and old ones of others."""
    commands: list[str] = []
    for path in sorted(folder.glob(f"*{_RECORD}"), reverse=True):
        command = _command_key(path)
        if command not in commands:
            commands.append(command)
        if len(commands) > most:
            _delete(path)
    oldest = _now().timestamp() - KEPT_DAYS * 86_400
    for path in (*folder.parent.glob(f"*/*{_RECORD}"), *folder.parent.glob(f"*/*{UNDONE}")):
        if path.parent != folder and path.stat().st_mtime < oldest:
            _delete(path)


def _delete(path: Path) -> None:
    """Delete a record and then its sessions: a record without sessions must not remain."""
    path.unlink(missing_ok=True)
    path.with_suffix(_SESSIONS).unlink(missing_ok=True)


def _command_key(path: Path) -> str:
    try:
        return _read(path).record.command_key
    except InsightError:  # an unreadable record counts as a command, too
        return path.name


def _now() -> datetime:
    return datetime.now(UTC)
