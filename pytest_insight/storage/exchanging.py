"""Exports and imports of a storage: between its primitives and the formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec.structs import replace

from pytest_insight import locations
from pytest_insight._util.files import lock_path
from pytest_insight._util.progress import counted, wants_totals
from pytest_insight.document.codec import content_digest
from pytest_insight.errors import ExchangeError, InvalidImportError
from pytest_insight.exchange.formats import (
    DEFAULT_FORMAT,
    format_of_path,
    get_format,
    read_bytes,
    read_file,
    write_file,
)
from pytest_insight.exchange.merge import (
    DEFAULT_STRATEGY,
    ImportReport,
    MergePlan,
    MergeStrategy,
    get_strategy,
    plan_merge,
    report_of,
)
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession
from pytest_insight.storage.contents import digests

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage, Path_

Write = Callable[[Any, MergePlan], None]
"""Carries a plan out on a storage."""


def export(
    storage: BaseStorage,
    path: Path_ | BinaryIO,
    selection: Selection,
    output_format: str | None,
) -> int:
    """See `BaseStorage.export_selection`."""
    # Where results have to be looked at, counting would cost as much as the export itself.
    is_cheap = not (selection.result_filters or selection.test_filters)
    total = len(storage.session_ids(selection)) if is_cheap and wants_totals() else None
    sessions = counted(_begun(storage.iter_sessions(selection)), "writing", total)
    usual = storage.exchange.export_format
    if not isinstance(path, str | os.PathLike):
        return get_format(output_format or usual or DEFAULT_FORMAT).write(sessions, path)
    _refuse_store(Path(path))
    if output_format is None and format_of_path(path) is None:
        output_format = usual
    return write_file(sessions, Path(path), output_format)


def import_(
    storage: BaseStorage,
    path: Path_ | BinaryIO,
    merge_strategy: str | None,
    input_format: str | None,
    skip_invalid: bool,
    dry_run: bool,
    *,
    write: Write | None = None,
    earlier: dict[str, str] | None = None,
) -> ImportReport:
    """See `BaseStorage.import_sessions`.

    `write` carries a plan out instead of `storage.apply`. `earlier` is for a dry run after others:
    the digests, by ID, of what those would have written; what this one would write is added.
    """
    if not dry_run:
        storage.check_writable()
    strategy = strategy_for(storage, merge_strategy)
    if isinstance(path, str | os.PathLike):
        source = str(path)
        parsed = read_file(Path(path), input_format)
    else:
        source = _name(path)
        parsed = read_bytes(path.read(), source, input_format)
    if parsed.problems and not skip_invalid:
        raise InvalidImportError(source, parsed.problems, parsed.total, parsed.problem_count)
    if dry_run:
        plan = plan_for(storage, parsed.sessions, strategy, earlier)
    else:
        with storage.exclusive():
            plan = plan_for(storage, parsed.sessions, strategy)
            if plan.changes:
                (write or type(storage).apply)(storage, plan)
    return replace(
        report_of(plan),
        total=parsed.total,
        invalid=parsed.invalid,
        problems=tuple(parsed.problems),
        problem_count=parsed.problem_count,
        ignored=dict(parsed.ignored),
    )


def strategy_for(storage: BaseStorage, name: str | None) -> MergeStrategy:
    """The strategy of that name; without one, the profile's, else the usual one."""
    return get_strategy(name or storage.exchange.merge_strategy or DEFAULT_STRATEGY)


def plan_for(
    storage: BaseStorage,
    sessions: Sequence[TestSession],
    strategy: MergeStrategy,
    earlier: dict[str, str] | None = None,
    digest: Callable[[TestSession], str] = content_digest,
) -> MergePlan:
    """What becomes of sessions that a storage is to take over.

    Args:
        storage: which.
        sessions: these; without their results, `digest` must know theirs.
        strategy: what to do with IDs it has.
        earlier: as for `import_`.
        digest: of a session.
    """
    existing = set(storage.session_ids())
    clashing = existing.intersection(session.session_id for session in sessions)
    contents = digests(storage, clashing)
    if earlier:
        existing.update(earlier)
        contents.update(earlier)
    plan = plan_merge(existing, sessions, strategy, contents=contents, digest=digest)
    if earlier is not None:
        for session, step in zip(sessions, plan.steps, strict=True):
            if step.is_written:
                earlier[step.session.session_id] = digest(session)
    return plan


def _name(file: BinaryIO) -> str:
    name = getattr(file, "name", "the input")
    return "standard input" if name in ("<stdin>", 0) else str(name)


def _begun(sessions: Iterator[TestSession]) -> Iterator[TestSession]:
    """The same, the first one read already: a store that cannot be read leaves no half file."""
    first = next(sessions, None)
    return sessions if first is None else chain((first,), sessions)


def _refuse_store(path: Path) -> None:
    """Raise where an export would overwrite a history, this one or another, or the profiles.

    A store of ours is known by its lock file: an export, which looks the same, has none.
    """
    is_store = False
    with suppress(OSError, ValueError):  # an impossible path, which is for the format to refuse
        real = Path(os.path.realpath(path))
        is_store = lock_path(real).exists() or real == locations.store_path()
    if is_store:
        raise ExchangeError(
            f"{path} is a store: exporting to it would overwrite what it keeps; name another file",
            str(path),
        )
