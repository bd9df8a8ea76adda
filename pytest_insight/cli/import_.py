"""`insight import`: sessions from files or from standard input."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from pytest_insight.cli.lazy import alone
from pytest_insight.cli.options import DryRunOption, ProfileOption, storage_of
from pytest_insight.cli.output import say
from pytest_insight.cli.text import plural
from pytest_insight.errors import ExchangeError, first_of

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import ImportReport
    from pytest_insight.storage.base import BaseStorage

STDIN = "-"
MOST_NAMES = 50
"""Of fields, in one line."""

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...",
        readable=False,  # the library says it better
        help="The files; without any, standard input.",
    ),
]


def import_(
    ctx: typer.Context,
    paths: PathsArgument = None,
    *,
    merge: Annotated[
        str | None,
        typer.Option(
            "--merge",
            "-m",
            metavar="STRATEGY",
            help="For IDs the store has: skip_existing (default), replace_existing, keep_both.",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="json or csv; without, the suffix and the content decide.",
        ),
    ] = None,
    skip_invalid: Annotated[
        bool,
        typer.Option("--skip-invalid", help="Import the valid sessions of a file with others."),
    ] = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Take over the sessions of files or of standard input; each file whole or not at all.

    Example: insight export | insight --profile demo import --merge keep_both
    """
    storage = storage_of(ctx, profile)
    take = partial(
        storage.import_sessions,
        merge_strategy=merge,
        input_format=format_,
        skip_invalid=skip_invalid,
    )
    sources = _sources(paths or [Path(STDIN)])
    # A mistake in the last file is found before the first one is imported.
    for source in sources[1:]:
        if isinstance(source, Path) and not dry_run:
            take(source, dry_run=True)
    for source in sources:
        _tell(take(source, dry_run=dry_run), source, storage, dry_run)


def _sources(paths: list[Path]) -> list[Path | BinaryIO]:
    """What to read: `-` is standard input."""
    sources = [sys.stdin.buffer if str(path) == STDIN else path for path in paths]
    if sys.stdin.buffer in sources and sys.stdin.isatty():
        raise ExchangeError(
            "nothing to import: name a file, or pipe one in, as in: insight import < export.json",
            "standard input",
        )
    return sources


def _tell(
    report: ImportReport, source: Path | BinaryIO, storage: BaseStorage, dry_run: bool
) -> None:
    parts = [
        f"{count} {word}"
        for count, word in (
            (report.imported, "imported"),
            (report.replaced, "replaced"),
            (report.renamed, "renamed"),
            (report.skipped, "skipped (there are sessions with their IDs)"),
            (report.invalid, "invalid (left out)"),
        )
        if count
    ]
    would = "would be: " if dry_run else ""
    name = source if isinstance(source, Path) else "standard input"
    say(
        f"{name} to {storage.location}: {plural(report.total, 'session')}; "
        f"{would}{', '.join(parts) or 'nothing to do'}"
    )
    for old, new in report.new_ids:
        say(f"  {old} is now {new}")
    for problem in first_of(report.problems, report.problem_count):
        say(f"  left out: {problem}")
    if report.ignored:
        names = [f"{name} ({count}x)" for name, count in report.ignored.items()]
        say(f"  fields that are not kept: {', '.join(first_of(names, most=MOST_NAMES))}")


app = alone(import_)
