"""Exports and imports of a storage: between its primitives and the formats."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_insight import locations
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
    get_strategy,
    plan_merge,
)
from pytest_insight.exchange.problems import Parsed
from pytest_insight.files import lock_path
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage, Path_


def export(
    storage: BaseStorage,
    path: Path_ | BinaryIO,
    selection: Selection,
    output_format: str | None,
) -> int:
    """See `BaseStorage.export_selection`."""
    sessions = _begun(storage.iter_sessions(selection))
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
) -> ImportReport:
    """See `BaseStorage.import_sessions`."""
    if not dry_run:
        storage.check_writable()
    usual = storage.exchange.merge_strategy
    strategy = get_strategy(merge_strategy or usual or DEFAULT_STRATEGY)
    if isinstance(path, str | os.PathLike):
        source = str(path)
        parsed = read_file(Path(path), input_format)
    else:
        source = _name(path)
        parsed = read_bytes(path.read(), source, input_format)
    if parsed.problems and not skip_invalid:
        raise InvalidImportError(source, parsed.problems, parsed.total, parsed.problem_count)
    if dry_run:
        return _report(parsed, plan_merge(storage.session_ids(), parsed.sessions, strategy))
    with storage.exclusive():
        plan = plan_merge(storage.session_ids(), parsed.sessions, strategy)
        if plan.writes:
            storage.apply(plan)
    return _report(parsed, plan)


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


def _report(parsed: Parsed, plan: MergePlan) -> ImportReport:
    return ImportReport(
        total=parsed.total,
        imported=plan.count("add"),
        skipped=plan.count("skip"),
        replaced=plan.count("replace"),
        renamed=plan.count("rename"),
        invalid=parsed.invalid,
        new_ids=tuple(
            (step.imported_id, step.session.session_id)
            for step in plan.steps
            if step.deed == "rename"
        ),
        problems=tuple(parsed.problems),
        problem_count=parsed.problem_count,
        ignored=dict(parsed.ignored),
    )
