"""Import sessions from files into a storage."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import ExchangeError, InvalidImportError, NewerFormatError
from pytest_insight.exchange.discovery import find_reports
from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.import_report import ImportReport
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.merge import (
    DEFAULT_STRATEGY,
    MergePlan,
    MergePlanner,
    MergeStrategy,
    get_strategy,
)
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import completed, folded, open_input, read_input
from pytest_insight.exchange.same_run import RunRecords, count_repeated
from pytest_insight.filters import ANY_TIME, Selection, SessionIdIn, SutIs

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage, Path_

FileError = ExchangeError | NewerFormatError
"""Why a file cannot be imported."""
ApplyPlan = Callable[[Any, MergePlan], None]
"""A function that carries out a plan on a storage."""


def import_files(
    storage: BaseStorage,
    sources: Sequence[Path_ | BinaryIO],
    merge_strategy: str | None = None,
    *,
    input_format: str | None = None,
    options: ReadOptions | None = None,
    skip_invalid: bool = False,
    dry_run: bool = False,
    apply: ApplyPlan | None = None,
    on_error: Callable[[int, FileError], object] | None = None,
) -> list[ImportReport]:
    """Import files in their order, all of them or none; see `BaseStorage.import_sessions`.

    Every file is read once, and the store is written once. Memory holds all sessions of the files.

    Args:
        storage: the storage to write to.
        sources: paths, or open binary files.
        merge_strategy: see `BaseStorage.import_sessions`.
        input_format: the format of all the files.
        options: what the reports of other programs may not say.
        skip_invalid: import the valid sessions of a file that has invalid ones, too.
        dry_run: report what would be done, and write nothing.
        apply: called instead of `storage.apply`.
        on_error: called with the position and the error of each file that cannot be imported; the
            others are. None raises the first such error, and nothing is imported.

    Returns:
        A report for each file that was imported; one for all reports of other programs if they are
        folded into one session.
    """
    if not dry_run:
        storage.check_writable()
    strategy = choose_strategy(storage, merge_strategy)
    known = cache(partial(exact_nodeids, storage))
    options = replace(options or ReadOptions(), known_nodeids=known)
    read = partial(_read, input_format=input_format, options=options, skip_invalid=skip_invalid)
    contents = list(_read_all(sources, read, on_error))
    if options.one_session:
        contents = [completed(content, options) for content in folded(contents)]
    if dry_run:
        plans = _plan(storage, strategy, contents)
    else:
        with storage.exclusive():
            plans = _plan(storage, strategy, contents)
            combined = _joined(plans)
            if combined.changes:
                (apply or type(storage).apply)(storage, combined)
    return _with_repeated(list(map(_report, plans, contents)), plans)


def expanded(source: Path_ | BinaryIO) -> list[Path | BinaryIO]:
    """Return the files of a folder or pattern; a file or an open file alone.

    Raises:
        ExchangeError: a folder has no report, or a pattern matches nothing.
    """
    if isinstance(source, str | os.PathLike):
        return [*find_reports([Path(source)]).paths]
    return [source]


def total(reports: Sequence[ImportReport]) -> ImportReport:
    """Return one report for several files."""
    added = {
        name: sum(
            (getattr(report, name) for report in reports), start=getattr(ImportReport(), name)
        )
        for name in ImportReport.__struct_fields__
        if name not in ("ignored", "source")
    }
    ignored = sum((Counter(report.ignored) for report in reports), start=Counter[str]())
    names = ", ".join(report.source for report in reports)
    return ImportReport(**added, ignored=dict(ignored), source=names)


def choose_strategy(storage: BaseStorage, name: str | None) -> MergeStrategy:
    """Return the strategy with this name; if it is None, the one of the profile or the default."""
    return get_strategy(name or storage.exchange.merge_strategy or DEFAULT_STRATEGY)


def planner_for(storage: BaseStorage, strategy: MergeStrategy) -> MergePlanner:
    """Return a planner that starts with the sessions that the storage has now."""
    runs = RunRecords(
        lambda: (each.session for each in storage.session_summaries(Selection())),
        storage.get_session_by_id,
    )
    return MergePlanner(
        storage.session_ids(), strategy, lambda ids: content_digests(storage, ids), runs
    )


def content_digests(storage: BaseStorage, ids: Collection[str] | None = None) -> dict[str, str]:
    """Return the digests of the sessions with these IDs (None = all), as far as they exist.

    Memory is bounded by the largest session.
    """
    if ids is not None and not ids:
        return {}
    wanted = None if ids is None else Selection((SessionIdIn(frozenset(ids)),))
    return {each.session_id: content_digest(each) for each in storage.iter_sessions(wanted)}


def exact_nodeids(storage: BaseStorage, sut_name: str) -> set[str]:
    """Return the nodeids of a SUT in the store, without those that an import guessed."""
    selection = Selection((ANY_TIME, SutIs(escape(sut_name))))
    return {
        result.nodeid
        for session in storage.iter_sessions(selection)
        if session.source is None or Loss.NODEID_GUESSED not in session.source.losses
        for result in session.test_results
    }


def _report(plan: MergePlan, content: FileContent) -> ImportReport:
    report = plan.report()
    return replace(
        report,
        total=content.total,
        invalid=content.invalid,
        problems=tuple(content.problems),
        problem_count=content.problem_count,
        ignored=dict(content.ignored),
        entries=tuple(
            replace(entry, losses=content.losses.get(entry.session_id, ()))
            for entry in report.entries
        ),
        files=content.files,
        source=content.source,
    )


def _with_repeated(reports: list[ImportReport], plans: Sequence[MergePlan]) -> list[ImportReport]:
    steps = (step for plan in plans for step in plan.steps)
    added = (step.session for step in steps if step.action == "add" and step.session.source)
    return [replace(each, repeated=count_repeated(added)) for each in reports[:1]] + reports[1:]


def _plan(
    storage: BaseStorage, strategy: MergeStrategy, contents: Sequence[FileContent]
) -> list[MergePlan]:
    """Plan the contents, for "upgrade" those with the fewest losses first; in their order."""
    planner = planner_for(storage, strategy)
    order = list(range(len(contents)))
    if strategy is MergeStrategy.UPGRADE:
        order.sort(key=lambda position: len({*_all_losses(contents[position])}))
    plans = {position: planner.plan(contents[position].sessions) for position in order}
    return [plans[position] for position in range(len(contents))]


def _joined(plans: Sequence[MergePlan]) -> MergePlan:
    return MergePlan(
        tuple(step for plan in plans for step in plan.steps),
        frozenset(name for plan in plans for name in plan.removes),
    )


def _all_losses(content: FileContent) -> Iterator[Loss]:
    return (loss.kind for found in content.losses.values() for loss in found)


def _read_all(
    sources: Sequence[Path_ | BinaryIO],
    read: Callable[[Path_ | BinaryIO], FileContent],
    on_error: Callable[[int, FileError], object] | None,
) -> Iterator[FileContent]:
    """Yield the contents of all files but those that are left out."""
    for position, source in enumerate(sources):
        try:
            yield read(source)
        except (ExchangeError, NewerFormatError) as exc:
            if on_error is None:
                raise
            on_error(position, exc)


def _read(
    source: Path_ | BinaryIO,
    input_format: str | None,
    options: ReadOptions,
    *,
    skip_invalid: bool,
) -> FileContent:
    if isinstance(source, str | os.PathLike):
        file = open_input(Path(source))
    else:
        name = getattr(source, "name", "the input")
        name = "standard input" if name in ("<stdin>", 0) else str(name)
        file = Input.from_stream(source, name)
    content = read_input(file, input_format, options)
    if not options.one_session:
        content = completed(content, options)
    if content.problems and not skip_invalid:
        raise InvalidImportError(
            content.source, content.problems, content.total, content.problem_count
        )
    return content
