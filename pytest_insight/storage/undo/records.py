"""What undoing needs, written down before a command changes a store: see `undo.py`.

Each deed has two files in a folder of the store's own, `<home>/undo/<key of its location>`:

- `000017.json`, an ordinary export of the sessions that the deed deletes or replaces;
- `000017.deed`, a `Record`: which IDs it touches and what it writes there. It comes last, so a
  snapshot that has one is whole.

Everything here is done by who holds the store (`BaseStorage.exclusive`), so there is one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pytest_insight import locations
from pytest_insight._util.files import make_private_folder, os_error_text, write_whole
from pytest_insight.document.codec import UNDECODABLE
from pytest_insight.document.layout import document_chunks
from pytest_insight.errors import InsightError, NewerFormatError, StorageError
from pytest_insight.profiles.file import profile_of, settings_of
from pytest_insight.profiles.profile import StorageProfile

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

VERSION = 1
KEPT = 5
"""So many commands can be taken back, without `PYTEST_INSIGHT_UNDO`."""
KEPT_DAYS = 30
"""Snapshots of other stores, which nobody may ever use again, are kept so long."""

_DEED = ".deed"
_SESSIONS = ".json"
UNDONE = ".undone.json"
"""What undoing took out of a store again."""


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """One deed. Versions: 1, the first one.

    Attributes:
        store: where, for people.
        deed: what, for people: "sessions clear".
        command: the same for all deeds of one command, which are taken back together.
        time: when.
        after: each ID that the deed touches, with the digest of the session that it writes there;
            None where it deletes that session.
        deleted: the profile that was deleted with it, as `profile` gives it.
        backup: the damaged file that a repair has replaced; `after` is all that could be read.
    """

    store: str
    deed: str
    command: str
    time: datetime
    after: dict[str, str | None]
    deleted: dict[str, str | float | None] | None = msgspec.field(default=None, name="profile")
    backup: str | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        _ = self.profile  # what is read of it may be none

    @property
    def profile(self) -> StorageProfile | None:
        """The profile that was deleted with it.

        Raises:
            ValueError: what is written there is none.
        """
        if self.deleted is None:
            return None
        settings = dict(self.deleted)
        return profile_of(settings.pop("name", None), settings)


class Command:
    """One command that changes stores.

    Attributes:
        name: as people know it: "sessions clear".
        key: what its deeds have in common.
        kept: whether something can be taken back.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = os.urandom(8).hex()
        self.kept = False


class Snapshot(NamedTuple):
    """A record and the export beside it."""

    record: Record
    sessions: Path

    def forget(self) -> None:
        """Delete both."""
        _forget(self.sessions.with_suffix(_DEED))


@contextmanager
def remembered(
    storage: BaseStorage,
    command: Command,
    after: Mapping[str, str | None],
    *,
    profile: StorageProfile | None = None,
    backup: str | None = None,
) -> Iterator[None]:
    """Keep what undoing the block would need, on the disk before the block begins.

    To be used inside `storage.exclusive()`. Where the block raises, the snapshot stays: a write
    that reports an error may have been done all the same, and undoing what was not done is
    harmless. Nothing is kept of a storage in memory, nor where `PYTEST_INSIGHT_UNDO` is 0.

    Args:
        storage: what the block changes.
        command: of which the block is a part.
        after: as in `Record`.
        profile: that is deleted with it.
        backup: as in `Record`.

    Raises:
        StorageError: it cannot be kept; the block is not begun.
    """
    most = how_many()
    if storage.storage_type == "memory" or not most:
        yield
        return
    folder = locations.undo_folder(storage.identity)
    deleted = None if profile is None else {"name": profile.name, **settings_of(profile)}
    record = Record(
        storage.location, command.name, command.key, _now(), dict(after), deleted, backup
    )
    try:
        _write(storage, folder, record)
    except OSError as exc:
        raise StorageError(
            f"cannot keep in {folder} what this would delete or replace, so nothing was done: "
            f"{os_error_text(exc)}; free some space, or do it for good with "
            f"{locations.UNDO_VARIABLE}=0",
            folder,
        ) from exc
    yield
    command.kept = True
    with suppress(OSError):  # the deed is done; the next one tries again
        _forget_old(folder, most)


def snapshots(storage: BaseStorage) -> list[Snapshot]:
    """What can be taken back in a store, the oldest first.

    Raises:
        StorageError: a record cannot be read.
        NewerFormatError: a later pytest-insight wrote it.
    """
    folder = locations.undo_folder(storage.identity)
    found = [_read(path) for path in sorted(folder.glob(f"*{_DEED}"))]
    for each in found:
        if not each.sessions.exists():  # else what is missing would count as added by the deed
            raise StorageError(
                f"{each.sessions} is gone, so {each.record.deed} cannot be taken back; to forget "
                f"it, delete {each.sessions.with_suffix(_DEED)}",
                each.sessions,
            )
    return found


def of_deleted_profile(name: str) -> Record | None:
    """The latest deletion of a profile of that name with its sessions."""
    records = [_read(path).record for path in (locations.home() / "undo").glob(f"*/*{_DEED}")]
    found = [each for each in records if each.profile is not None and each.profile.name == name]
    return max(found, key=lambda record: record.time, default=None)


def keep_undone(storage: BaseStorage, ids: set[str]) -> Path:
    """Keep what undoing is about to take out of a store: an ordinary export.

    Raises:
        StorageError: it cannot be kept.
    """
    folder = locations.undo_folder(storage.identity)
    path = folder / f"{_now():%Y%m%dT%H%M%S.%fZ}{UNDONE}"
    try:
        write_whole(path, document_chunks(storage.encoded_sessions(ids)))
        for old in sorted(folder.glob(f"*{UNDONE}"))[: -max(how_many(), 1)]:
            old.unlink(missing_ok=True)
    except OSError as exc:
        raise StorageError(
            f"cannot keep in {folder} what undoing would remove, so nothing was done: "
            f"{os_error_text(exc)}",
            folder,
        ) from exc
    return path


def how_many() -> int:
    """How many commands can be taken back in each store.

    Raises:
        InsightError: the variable is no number.
    """
    given = locations.variable(locations.UNDO_VARIABLE)
    if given is None:
        return KEPT
    if not (given.isascii() and given.isdigit() and len(given) <= 6):
        raise InsightError(
            f"{locations.UNDO_VARIABLE} says how many commands can be taken back, 0 for none: "
            f"it must be a number, not {given[:80]!r}"
        )
    return int(given)


def _write(storage: BaseStorage, folder: Path, record: Record) -> None:
    make_private_folder(folder)
    _tidy(folder)
    last = max((int(path.stem) for path in folder.glob(f"*{_DEED}")), default=0)
    sessions = folder / f"{last + 1:06}{_SESSIONS}"
    try:
        write_whole(sessions, document_chunks(storage.encoded_sessions(record.after)))
        write_whole(sessions.with_suffix(_DEED), [msgspec.json.encode(record)])
    except BaseException:
        _forget(sessions.with_suffix(_DEED))
        raise


def _read(path: Path) -> Snapshot:
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=_Version).version
        if version > VERSION:
            raise NewerFormatError(path, version, VERSION)
        record = msgspec.json.decode(data, type=Record)
    except OSError as exc:
        raise StorageError(f"cannot read {path}: {os_error_text(exc)}", path) from exc
    except UNDECODABLE as exc:
        raise StorageError(
            f"{path} does not say what can be taken back: {exc}; the sessions beside it, if any, "
            f"can be had with: insight import {path.with_suffix(_SESSIONS)}",
            path,
        ) from exc
    return Snapshot(record, path.with_suffix(_SESSIONS))


class _Version(msgspec.Struct):
    version: int = VERSION


def _tidy(folder: Path) -> None:
    """Delete what a command that was killed has left before its snapshot was whole."""
    for sessions in folder.glob(f"*{_SESSIONS}"):
        if not sessions.name.endswith(UNDONE) and not sessions.with_suffix(_DEED).exists():
            sessions.unlink(missing_ok=True)
    for temporary in folder.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def _forget_old(folder: Path, most: int) -> None:
    """Keep the deeds of so many commands of this store, and of others what is not too old."""
    commands: list[str] = []
    for path in sorted(folder.glob(f"*{_DEED}"), reverse=True):
        command = _command_of(path)
        if command not in commands:
            commands.append(command)
        if len(commands) > most:
            _forget(path)
    oldest = _now().timestamp() - KEPT_DAYS * 86_400
    for path in (*folder.parent.glob(f"*/*{_DEED}"), *folder.parent.glob(f"*/*{UNDONE}")):
        if path.parent != folder and path.stat().st_mtime < oldest:
            _forget(path)


def _forget(path: Path) -> None:
    """Delete a record and then its sessions, so that there is never one without them."""
    path.unlink(missing_ok=True)
    path.with_suffix(_SESSIONS).unlink(missing_ok=True)


def _command_of(path: Path) -> str:
    try:
        return _read(path).record.command
    except InsightError:  # it can still be counted, and grow old
        return path.name


def _now() -> datetime:
    return datetime.now(UTC)
