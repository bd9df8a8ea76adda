"""Destructive operations that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from pytest_insight.document.codec import content_digest
from pytest_insight.exchange.merge import MergePlan, MergeStep
from pytest_insight.filters import IsPinned, Selection, SessionIdIn
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.storage.imports import content_digests
from pytest_insight.storage.undo.records import Command, max_undo, undoable
from pytest_insight.storage.undo.restore import restore_profile

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.storage.verification import Verification


def delete(storage: BaseStorage, ids: Collection[str], command: Command) -> int:
    """Like `BaseStorage.delete_sessions`, and undoable."""
    storage.check_writable()
    with storage.exclusive():
        existing = set(ids).intersection(storage.session_ids())
        if not existing:
            return 0
        with undoable(storage, command, dict.fromkeys(existing)):
            return storage.delete_sessions(existing)


def prune(
    storage: BaseStorage, command: Command, *, older_than: float | None, keep: int | None
) -> int:
    """Like `BaseStorage.prune_sessions`, and undoable; returns the number of deleted sessions.

    A database deletes in batches, so that others can write in between; they are undone together.
    """
    storage.check_writable()
    count = 0
    old = storage.prune_sessions(older_than=older_than, keep=keep, dry_run=True)
    for start in range(0, len(old), storage.prune_batch):
        batch = frozenset(old[start : start + storage.prune_batch])
        with storage.exclusive():
            unpinned = Selection((SessionIdIn(batch), IsPinned(wanted=False)))
            existing = storage.session_ids(unpinned)
            if existing:
                with undoable(storage, command, dict.fromkeys(existing)):
                    count += storage.delete_sessions(existing)
    return count


def apply(
    storage: BaseStorage,
    plan: MergePlan,
    command: Command,
    digest: Callable[[MergeStep], str] = lambda step: content_digest(step.session),
) -> None:
    """Like `BaseStorage.apply`, and undoable.

    Args:
        storage: the storage to write to.
        plan: the plan to carry out.
        command: the command that this is a part of.
        digest: returns the digest of a step's session.
    """
    if not max_undo():
        storage.apply(plan)
        return
    after = {step.session.session_id: digest(step) for step in plan.steps if step.is_written}
    with undoable(storage, command, after | dict.fromkeys(plan.removes)):
        storage.apply(plan)


def delete_profile(
    manager: ProfileManager, storage: BaseStorage, name: str, command: Command
) -> int:
    """Delete a profile and its sessions, undoably; returns the number of sessions.

    Raises:
        ProfileError: as `ProfileManager.delete_profile`; nothing was deleted.
    """
    profile = manager.get_profile(name)
    with storage.exclusive():
        ids = storage.session_ids()
        with undoable(storage, command, dict.fromkeys(ids), profile=profile):
            # The profile first: if it cannot be deleted (`default`), no session is deleted either.
            manager.delete_profile(name)
            try:
                return storage.delete_sessions(ids)
            except BaseException:
                restore_profile(profile)
                raise


def repair(storage: BaseStorage, command: Command) -> Verification:
    """Like `BaseStorage.repair`; undoable if it kept a backup of the damaged file."""
    with storage.exclusive():
        found = storage.repair()  # keeps a backup before it writes
        if found.backup is not None and max_undo():
            with undoable(storage, command, content_digests(storage), backup=found.backup):
                pass
    return found
