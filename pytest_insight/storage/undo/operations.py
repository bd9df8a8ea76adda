"""Deeds that can be taken back, and taking them back.

A deed says of each ID it touches what is there before (in the snapshot) and what is there after it
(a digest). Taking it back looks at what is there now. Where that is what the deed left, what was
before comes again; where it is something else, somebody has saved it since, and it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import StorageError
from pytest_insight.exchange.merge import MergePlan, MergeStep
from pytest_insight.filters import Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.contents import digests
from pytest_insight.storage.json.storage import JSONStorage
from pytest_insight.storage.undo.records import (
    Command,
    Snapshot,
    how_many,
    keep_undone,
    remembered,
    snapshots,
)

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.storage.verification import Verification


# Deeds ------------------------------------------------------------------------------------------


def delete(storage: BaseStorage, ids: Collection[str], command: Command) -> int:
    """As `BaseStorage.delete_sessions`, and it can be taken back."""
    storage.check_writable()
    with storage.exclusive():
        there = set(ids).intersection(storage.session_ids())
        if not there:
            return 0
        with remembered(storage, command, dict.fromkeys(there)):
            return storage.delete_sessions(there)


def prune(
    storage: BaseStorage, command: Command, *, older_than: float | None, keep: int | None
) -> int:
    """As `BaseStorage.prune_sessions`, and it can be taken back; returns how many there were."""
    storage.check_writable()
    with storage.exclusive():
        old = storage.prune_sessions(older_than=older_than, keep=keep, dry_run=True)
        return delete(storage, old, command)


def apply(
    storage: BaseStorage,
    plan: MergePlan,
    command: Command,
    digest: Callable[[MergeStep], str] = lambda step: content_digest(step.session),
) -> None:
    """As `BaseStorage.apply`, and it can be taken back.

    Args:
        storage: to write to.
        plan: what.
        command: of which this is a part.
        digest: of the session of a step.
    """
    if not how_many():
        storage.apply(plan)
        return
    after = {step.session.session_id: digest(step) for step in plan.steps if step.is_written}
    with remembered(storage, command, after | dict.fromkeys(plan.removes)):
        storage.apply(plan)


def delete_profile(
    manager: ProfileManager, storage: BaseStorage, name: str, command: Command
) -> int:
    """Forget a profile and delete its sessions; both can be taken back. Returns how many.

    Raises:
        ProfileError: as `ProfileManager.delete_profile`; then nothing was deleted.
    """
    profile = manager.get_profile(name)
    with storage.exclusive():
        ids = storage.session_ids()
        with remembered(storage, command, dict.fromkeys(ids), profile=profile):
            # The profile first: refused for `default`, and then no session is gone either.
            manager.delete_profile(name)
            try:
                return storage.delete_sessions(ids)
            except BaseException:
                _again(profile)
                raise


def repair(storage: BaseStorage, command: Command) -> Verification:
    """As `BaseStorage.repair`; where something was lost by it, it can be taken back."""
    with storage.exclusive():
        found = storage.repair()  # which keeps the file as it was before it writes
        if found.backup is not None and how_many():
            with remembered(storage, command, digests(storage), backup=found.backup):
                pass
    return found


# Taking back ------------------------------------------------------------------------------------


class Undone(msgspec.Struct, frozen=True):
    """What taking a command back did, or would do.

    Attributes:
        deed: the command, as people know it.
        key: what tells it from others of that name.
        time: when it was done.
        brought_back: the sessions that are there again.
        put_back: those that are again as they were before they were replaced.
        removed: those that the command had added.
        newer: those that were saved or changed since, which stay as they are.
        kept: where what was removed, and what was put in the place of the former, is kept.
        profile: the profile that is there again.
        file: the damaged file that is in the store's place again.
    """

    deed: str
    key: str
    time: datetime
    brought_back: tuple[str, ...] = ()
    put_back: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    kept: Path | None = None
    profile: StorageProfile | None = None
    file: str | None = None

    @property
    def takes_away(self) -> bool:
        """Whether something that is in the store now is not there afterwards."""
        return bool(self.put_back or self.removed or self.file)

    @property
    def changes(self) -> bool:
        """Whether anything is another than before."""
        return bool(self.brought_back or self.takes_away or self.profile)


def take_back(
    storage: BaseStorage, *, dry_run: bool = False, key: str | None = None
) -> Undone | None:
    """Take the last command back that changed a store, all or nothing; None where there is none.

    Killed before it is done, it can be called again: what was done then is not done twice.

    Args:
        storage: the store.
        dry_run: only say what would be done.
        key: of the command that is meant, where a dry run was made before.

    Raises:
        StorageError: another one came after it; the store cannot be read or written.
    """
    if not dry_run:
        storage.check_writable()
    with nullcontext() if dry_run else storage.exclusive():
        deeds = _last(snapshots(storage))
        if not deeds:
            return None
        last = deeds[-1].record
        if key is not None and last.command != key:
            raise StorageError(
                f"another command has changed {storage.location} meanwhile ({last.deed}), so "
                "nothing was taken back: see what it would be now with --dry-run",
                storage.location,
            )
        if last.backup is not None:
            undone = _of_repair(storage, deeds[-1], dry_run)
        else:
            undone = _of_deeds(storage, deeds, dry_run)
        if not dry_run:
            for deed in reversed(deeds):
                deed.forget()
        return undone


def _last(found: list[Snapshot]) -> list[Snapshot]:
    return [each for each in found if each.record.command == found[-1].record.command]


def _of_repair(storage: BaseStorage, deed: Snapshot, dry_run: bool) -> Undone:
    record, backup = deed.record, deed.record.backup or ""
    undone = Undone(record.deed, record.command, record.time, file=backup)
    now = digests(storage)
    if now != record.after:  # the damaged file has not what was saved since
        newer = (name for name, digest in now.items() if record.after.get(name) != digest)
        return msgspec.structs.replace(undone, file=None, newer=tuple(newer))
    if not dry_run:
        storage.restore_backup(backup)
    return undone


def _of_deeds(storage: BaseStorage, deeds: list[Snapshot], dry_run: bool) -> Undone:
    last = deeds[-1].record
    before, after = _before(deeds), _after(deeds)
    now = digests(storage, after)
    as_left = {name for name, left in after.items() if now.get(name) in (None, left)}
    write = as_left & before.keys()
    removed = sorted(as_left & now.keys() - before.keys())
    # Else somebody has saved it since; or the command was killed before it came to it.
    others = set(after) - as_left
    newer = sorted(others - _unchanged(before, others, now))
    plan = MergePlan(
        tuple(
            MergeStep("replace" if each.session_id in now else "add", each, each.session_id)
            for each in (session.with_results(()) for session in _sessions(before, write))
        ),
        frozenset(removed),
        lambda ids: _sessions(before, ids),
    )
    put_back = [name for name in plan.write_ids if name in now]
    profile = next((d.record.profile for d in deeds if d.record.profile is not None), None)
    kept = None
    if not dry_run:
        if removed or put_back:
            kept = keep_undone(storage, {*removed, *put_back})
        if plan.changes:
            storage.apply(plan)
        if profile is not None:
            _again(profile)
    return Undone(
        deed=last.deed,
        key=last.command,
        time=last.time,
        brought_back=tuple(name for name in plan.write_ids if name not in now),
        put_back=tuple(put_back),
        removed=tuple(removed),
        newer=tuple(newer),
        kept=kept,
        profile=profile,
    )


def _before(deeds: list[Snapshot]) -> dict[str, Path]:
    """For each ID that was there before the first deed, the file that has its session."""
    found: dict[str, Path | None] = {}
    for deed in deeds:
        had = set(JSONStorage(deed.sessions).session_ids())
        for name in deed.record.after:
            found.setdefault(name, deed.sessions if name in had else None)
    return {name: path for name, path in found.items() if path is not None}


def _after(deeds: list[Snapshot]) -> dict[str, str | None]:
    """For each ID the digest of what the last deed left there; None for nothing."""
    found: dict[str, str | None] = {}
    for deed in deeds:
        found.update(deed.record.after)
    return found


def _unchanged(before: dict[str, Path], ids: set[str], now: dict[str, str]) -> set[str]:
    """Those of these IDs whose sessions are as they were before the deed."""
    sessions = _sessions(before, ids & before.keys())
    return {each.session_id for each in sessions if content_digest(each) == now[each.session_id]}


def _sessions(before: dict[str, Path], ids: Collection[str]) -> Iterator[TestSession]:
    """The sessions of these IDs as they were, one at a time."""
    of_files: dict[Path, set[str]] = {}
    for name in ids:
        of_files.setdefault(before[name], set()).add(name)
    for path, names in of_files.items():
        for session in JSONStorage(path).iter_sessions(Selection((SessionIdIn(frozenset(names)),))):
            names.discard(session.session_id)
            yield session
        if names:
            raise StorageError(f"{path} is damaged: {min(names)} cannot be read from it", path)


def _again(profile: StorageProfile) -> None:
    """Write a profile down again, where there is none of its name."""
    manager = ProfileManager()
    if profile.name not in manager.list_profiles():
        manager.add_profile(profile)
