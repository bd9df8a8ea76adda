"""Undo the last command that changed a store.

For each ID that a command touched, its record has the session before it (in the snapshot) and the
digest of the session after it. If the store still has what the command left there, the session
before it is restored; if it has anything else, the session was saved since, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
from pytest_insight.storage.imports import content_digests
from pytest_insight.storage.json.storage import JSONStorage
from pytest_insight.storage.undo.records import Snapshot, keep_removed, load_snapshots

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


class UndoReport(msgspec.Struct, frozen=True):
    """What undoing a command did, or would do. The tuples hold session IDs.

    Attributes:
        command_name: the command, for people.
        command_key: tells it from other commands of that name.
        time: when the command ran.
        restored: deleted by the command, now back in the store.
        reverted: replaced by the command, now as before.
        removed: added by the command, now deleted.
        changed_since: saved or changed since the command; not touched.
        kept: the file with the sessions that undo removed or replaced.
        profile: the deleted profile that was restored.
        backup: the damaged file that was put back in place of the repaired one.
    """

    command_name: str
    command_key: str
    time: datetime
    restored: tuple[str, ...] = ()
    reverted: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed_since: tuple[str, ...] = ()
    kept: Path | None = None
    profile: StorageProfile | None = None
    backup: str | None = None

    @property
    def is_destructive(self) -> bool:
        """Whether undo removes or replaces something that is in the store now."""
        return bool(self.reverted or self.removed or self.backup)

    @property
    def changes(self) -> bool:
        """Whether undo changes anything."""
        return bool(self.restored or self.is_destructive or self.profile)


def undo_last_command(
    storage: BaseStorage, *, dry_run: bool = False, key: str | None = None
) -> UndoReport | None:
    """Undo the last command that changed a store, all or nothing; None if there is none.

    If the process is killed, call it again: it continues and does nothing twice.

    Args:
        storage: the storage.
        dry_run: report what would be done, and change nothing.
        key: the `command_key` from a dry run: undo this command or none.

    Raises:
        StorageError: another command ran after the dry run; the store cannot be read or written.
    """
    if not dry_run:
        storage.check_writable()
    with nullcontext() if dry_run else storage.exclusive():
        snapshots = load_snapshots(storage)
        if not snapshots:
            return None
        last = snapshots[-1].record
        snapshots = [each for each in snapshots if each.record.command_key == last.command_key]
        if key is not None and last.command_key != key:
            raise StorageError(
                f"another command ({last.command_name}) has changed {storage.location} since, so "
                "nothing was undone; see what undo would do now with --dry-run",
                storage.location,
            )
        if last.backup_path is not None:
            report = _undo_repair(storage, snapshots[-1], last.backup_path, dry_run)
        else:
            report = _undo_changes(storage, snapshots, dry_run)
        if not dry_run:
            for snapshot in reversed(snapshots):
                snapshot.delete()
        return report


def restore_profile(profile: StorageProfile) -> None:
    """Save a deleted profile again, unless there is one with its name."""
    manager = ProfileManager()
    if profile.name not in manager.list_profiles():
        manager.add_profile(profile)


def _undo_repair(
    storage: BaseStorage, snapshot: Snapshot, backup: str, dry_run: bool
) -> UndoReport:
    record = snapshot.record
    report = UndoReport(record.command_name, record.command_key, record.time, backup=backup)
    now = content_digests(storage)
    if now != record.after:  # the damaged file lacks what was saved since
        changed = (name for name, digest in now.items() if record.after.get(name) != digest)
        return msgspec.structs.replace(report, backup=None, changed_since=tuple(changed))
    if not dry_run:
        storage.restore_backup(backup)
    return report


def _undo_changes(storage: BaseStorage, snapshots: list[Snapshot], dry_run: bool) -> UndoReport:
    last = snapshots[-1].record
    before, after = _files_before(snapshots), _digests_after(snapshots)
    now = content_digests(storage, after)
    untouched = {name for name, left in after.items() if now.get(name) in (None, left)}
    removed = sorted(untouched & now.keys() - before.keys())
    # Others were saved since, or are unchanged because the command was killed before it wrote them.
    others = set(after) - untouched
    changed_since = sorted(others - _equal_before(before, others, now))
    plan = MergePlan(
        tuple(
            MergeStep("replace" if each.session_id in now else "add", each, each.session_id)
            for each in (
                session.with_results(())
                for session in _sessions_before(before, untouched & before.keys())
            )
        ),
        frozenset(removed),
        lambda ids: _sessions_before(before, ids),
    )
    reverted = [name for name in plan.write_ids if name in now]
    profile = next((s.record.profile for s in snapshots if s.record.profile is not None), None)
    kept = None
    if not dry_run:
        if removed or reverted:
            kept = keep_removed(storage, {*removed, *reverted})
        if plan.changes:
            storage.apply(plan)
        if profile is not None:
            restore_profile(profile)
    return UndoReport(
        command_name=last.command_name,
        command_key=last.command_key,
        time=last.time,
        restored=tuple(name for name in plan.write_ids if name not in now),
        reverted=tuple(reverted),
        removed=tuple(removed),
        changed_since=tuple(changed_since),
        kept=kept,
        profile=profile,
    )


def _files_before(snapshots: list[Snapshot]) -> dict[str, Path]:
    """For each ID that existed before the command, the file with its session."""
    found: dict[str, Path | None] = {}
    for snapshot in snapshots:
        existing = set(JSONStorage(snapshot.sessions).session_ids())
        for name in snapshot.record.after:
            found.setdefault(name, snapshot.sessions if name in existing else None)
    return {name: path for name, path in found.items() if path is not None}


def _digests_after(snapshots: list[Snapshot]) -> dict[str, str | None]:
    """For each ID the digest of the session that the command left; None if it left none."""
    found: dict[str, str | None] = {}
    for snapshot in snapshots:
        found.update(snapshot.record.after)
    return found


def _equal_before(before: dict[str, Path], ids: set[str], now: dict[str, str]) -> set[str]:
    """Those of these IDs whose sessions are still as before the command."""
    sessions = _sessions_before(before, ids & before.keys())
    return {each.session_id for each in sessions if content_digest(each) == now[each.session_id]}


def _sessions_before(before: dict[str, Path], ids: Collection[str]) -> Iterator[TestSession]:
    """The sessions with these IDs as they were before the command, one at a time."""
    by_file: dict[Path, set[str]] = {}
    for name in ids:
        by_file.setdefault(before[name], set()).add(name)
    for path, names in by_file.items():
        for session in JSONStorage(path).iter_sessions(Selection((SessionIdIn(frozenset(names)),))):
            names.discard(session.session_id)
            yield session
        if names:
            raise StorageError(f"{path} is damaged: session {min(names)} cannot be read", path)
