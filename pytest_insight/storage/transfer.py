"""Sessions from one storage to another of any type, one at a time in memory, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.exchange.merge import (
    ImportReport,
    MergePlan,
    MergeStrategy,
    report_of,
)
from pytest_insight.filters import Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.storage.exchanging import plan_for
from pytest_insight.storage.undo.operations import apply
from pytest_insight.storage.undo.records import Command

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def merge(
    source: BaseStorage,
    target: BaseStorage,
    strategy: MergeStrategy,
    command: Command | None = None,
    *,
    dry_run: bool = False,
    earlier: dict[str, str] | None = None,
) -> ImportReport:
    """Take every session of one storage over into another, by the same plan as an import.

    The source is read twice: once to plan, and once to write. Memory holds the sessions' own
    fields, and the results of one at a time.

    Args:
        source: it is only read.
        target: all of the plan is written to it, or nothing.
        strategy: what to do with IDs it has.
        command: of which this is a part, so that it can be taken back.
        dry_run: only report what would be done.
        earlier: of a dry run after others, what those would have written; see `exchanging.import_`.

    Raises:
        StorageError: the two are one; one cannot be read or written; a session has gone from the
            source meanwhile.
    """
    if is_same(source, target):
        raise StorageError(
            f"{source.location} cannot be merged into itself: name another profile",
            source.location,
        )
    if dry_run:
        return report_of(_planned(source, target, strategy, earlier)[0])
    target.check_writable()
    with target.exclusive():
        plan, found = _planned(source, target, strategy)
        if plan.changes:
            plan = replace(plan, source=lambda ids: _whole(source, ids))
            if command is None:
                target.apply(plan)
            else:
                apply(target, plan, command, lambda step: found[step.imported_id])
    return report_of(plan)


def copy_into_new(source: BaseStorage, target: BaseStorage) -> int:
    """Copy every session into a storage that has none; returns how many.

    One that a copy which was killed has filled already will do.

    Raises:
        ProfileError: the target has sessions of its own.
        StorageError: as from `merge`.
    """
    there = target.count()
    if there:
        planned = merge(source, target, MergeStrategy.SKIP_EXISTING, dry_run=True)
        if not there == planned.skipped == planned.identical:
            raise ProfileError(
                f"{target.location} has sessions already that are not those of {source.location}: "
                "choose another name or --path, or bring the two together with: insight profile "
                "merge"
            )
    return merge(source, target, MergeStrategy.SKIP_EXISTING).total


def is_same(one: BaseStorage, other: BaseStorage) -> bool:
    """Whether two storages keep their sessions in the same place."""
    if one.storage_type == other.storage_type == "memory":
        return one is other
    return one.identity == other.identity


def _planned(
    source: BaseStorage,
    target: BaseStorage,
    strategy: MergeStrategy,
    earlier: dict[str, str] | None = None,
) -> tuple[MergePlan, dict[str, str]]:
    """The plan, of sessions without their results; and the digest of each with them."""
    headers: list[TestSession] = []
    found: dict[str, str] = {}
    for session in source.iter_sessions():
        headers.append(session.with_results(()))
        found[session.session_id] = content_digest(session)
    plan = plan_for(target, headers, strategy, earlier, lambda each: found[each.session_id])
    return plan, found


def _whole(source: BaseStorage, ids: Collection[str]) -> Iterator[TestSession]:
    left = set(ids)
    for session in source.iter_sessions(Selection((SessionIdIn(frozenset(left)),))):
        left.discard(session.session_id)
        yield session
    if left:
        raise StorageError(
            f"{source.location} was changed while it was read: {min(left)} is gone from it; "
            "nothing was written, try again",
            source.location,
        )
