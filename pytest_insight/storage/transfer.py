"""Copy sessions from one storage to another of any type, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.exchange.import_report import ImportReport
from pytest_insight.exchange.merge import MergePlan, MergePlanner, MergeStep, MergeStrategy
from pytest_insight.filters import Selection, SessionIdIn
from pytest_insight.locations import canonical_place
from pytest_insight.models import TestSession
from pytest_insight.storage.imports import planner_for
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
) -> ImportReport:
    """Import every session of one storage into another; see `merge_all`."""
    return merge_all([source], target, strategy, command, dry_run=dry_run)[0]


def merge_all(
    sources: Sequence[BaseStorage],
    target: BaseStorage,
    strategy: MergeStrategy,
    command: Command | None = None,
    *,
    dry_run: bool = False,
) -> list[ImportReport]:
    """Import every session of several storages into another, as if one after the other.

    Each source is read twice: to plan, and to write. The target is written once. Memory holds the
    sessions' own fields, and the results of one session at a time.

    Args:
        sources: the storages to read.
        target: the storage to write; all of the plan is written or nothing.
        strategy: what to do with IDs that the target has.
        command: makes the merge undoable as a part of this command.
        dry_run: report what would be done, and write nothing.

    Returns:
        A report for each source.

    Raises:
        StorageError: a source is the target; a storage cannot be read or written; a session was
            deleted from a source during the merge.
    """
    for source in sources:
        if is_same(source, target):
            raise StorageError(
                f"cannot merge {source.location} into itself; name another profile",
                source.location,
            )
    with_digests = strategy is not MergeStrategy.KEEP_BOTH or (command is not None and not dry_run)
    if not dry_run:
        target.check_writable()
    with nullcontext() if dry_run else target.exclusive():
        planner = planner_for(target, strategy)
        planned = [_plan(source, planner, with_digests=with_digests) for source in sources]
        if not dry_run:
            _write(sources, planned, target, command)
    return [plan.report() for plan, _ in planned]


def _write(
    sources: Sequence[BaseStorage],
    planned: Sequence[tuple[MergePlan, dict[str, str]]],
    target: BaseStorage,
    command: Command | None,
) -> None:
    """Carry out the plans of several sources as one."""
    steps: list[MergeStep] = []
    origins: dict[str, tuple[int, str]] = {}  # by stored ID: the source, and the ID there
    for number, (plan, _) in enumerate(planned):
        for step in filter(lambda each: each.is_written, plan.steps):
            stored_id = step.session.session_id
            origins[stored_id] = number, step.imported_id
            steps.append(replace(step, imported_id=stored_id))

    def read(ids: Collection[str]) -> Iterator[TestSession]:
        for number, source in enumerate(sources):
            new_ids = {origins[each][1]: each for each in ids if origins[each][0] == number}
            if new_ids:
                for session in _read_complete(source, new_ids):
                    yield replace(session, session_id=new_ids[session.session_id])

    def digest(step: MergeStep) -> str:
        number, name = origins[step.imported_id]
        return planned[number][1][name]

    plan = MergePlan(tuple(steps), source=read)
    if plan.changes:
        if command is None:
            target.apply(plan)
        else:
            apply(target, plan, command, digest)


def copy_into_new(source: BaseStorage, target: BaseStorage) -> int:
    """Copy every session into an empty storage; returns their number.

    The target may also be the result of an earlier copy that was killed before it returned.

    Raises:
        ProfileError: the target has other sessions.
        StorageError: as from `merge`.
    """
    existing = target.count()
    if existing:
        planned = merge(source, target, MergeStrategy.SKIP_EXISTING, dry_run=True)
        if not existing == planned.skipped == planned.identical:
            raise ProfileError(
                f"{target.location} already has sessions that are not in {source.location}; choose "
                "another name or --path, or combine the two with: insight profile merge"
            )
    return merge(source, target, MergeStrategy.SKIP_EXISTING).total


def is_same(one: BaseStorage, other: BaseStorage) -> bool:
    """Return whether two storages keep their sessions in the same place."""
    if one.storage_type == other.storage_type == "memory":
        return one is other
    # Parameters of a URL may name another server or schema; `location` has none.
    places = [canonical_place(storage.url or storage.location) for storage in (one, other)]
    return places[0] == places[1]


def _plan(
    source: BaseStorage, planner: MergePlanner, *, with_digests: bool
) -> tuple[MergePlan, dict[str, str]]:
    """Plan with sessions without their results; also returns the digests of the whole sessions."""
    headers: list[TestSession] = []
    digests: dict[str, str] = {}
    for session in source.iter_sessions():
        headers.append(session.with_results(()))
        if with_digests:
            digests[session.session_id] = content_digest(session)
    return planner.plan(headers, lambda header: digests[header.session_id]), digests


def _read_complete(source: BaseStorage, ids: Collection[str]) -> Iterator[TestSession]:
    missing = set(ids)
    for session in source.iter_sessions(Selection((SessionIdIn(frozenset(missing)),))):
        missing.discard(session.session_id)
        yield session
    if missing:
        raise StorageError(
            f"{source.location} was changed while it was read: {min(missing)} was deleted; "
            "nothing was written, try again",
            source.location,
        )
