"""`insight import`: sessions from files or from standard input."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pytest_insight.cli.commands.sessions.undo import tell_of_undo
from pytest_insight.cli.completion.candidates import formats
from pytest_insight.cli.lazy_group import alone
from pytest_insight.cli.options.common import (
    DryRunOption,
    ProfileOption,
    option,
    profile_named,
    storage_of,
)
from pytest_insight.cli.render.merge_report import (
    MergeOption,
    ReportOption,
    Taken,
    list_fates,
    tell,
)
from pytest_insight.cli.terminal.progress import shown_progress
from pytest_insight.errors import ExchangeError

STDIN = "-"

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE",
        readable=False,  # the library says it better
        help="The files; without any, standard input.",
    ),
]


def import_(
    ctx: typer.Context,
    paths: PathsArgument = None,
    *,
    merge: MergeOption = None,
    format_: Annotated[
        str | None,
        option(
            "json or csv; without, the suffix and the content decide.",
            "--format",
            "-f",
            example="csv",
            metavar="FORMAT",
            autocompletion=formats,
        ),
    ] = None,
    skip_invalid: Annotated[
        bool,
        option("Import the valid sessions of a file with others.", "--skip-invalid"),
    ] = False,
    dry_run: DryRunOption = False,
    report: ReportOption = None,
    profile: ProfileOption = None,
) -> None:
    """Take over the sessions of files or of standard input; all of them or none.

    Example: insight export | insight import --profile demo --merge keep_both
    """
    from pytest_insight.storage.imports import import_files
    from pytest_insight.storage.undo.operations import apply
    from pytest_insight.storage.undo.records import Command

    storage = storage_of(ctx, profile)
    command = Command("import")
    sources = _sources(paths or [Path(STDIN)])
    with shown_progress():
        reports = import_files(
            storage,
            sources,
            merge,
            input_format=format_,
            skip_invalid=skip_invalid,
            dry_run=dry_run,
            apply=partial(apply, command=command),
        )
    names = (str(each) if isinstance(each, Path) else "standard input" for each in sources)
    for each in (taken := list(map(Taken, names, reports))):
        tell(each, storage, dry_run=dry_run)
    list_fates(taken, storage, report, dry_run=dry_run)
    tell_of_undo(command, profile_named(ctx, profile))


def _sources(paths: list[Path]) -> list[Path | BinaryIO]:
    """What to read: `-` is standard input."""
    sources = [sys.stdin.buffer if str(path) == STDIN else path for path in paths]
    if sys.stdin.buffer in sources and sys.stdin.isatty():
        raise ExchangeError(
            "nothing to import: name a file, or pipe one in, as in: insight import < export.json",
            "standard input",
        )
    return sources


app = alone(import_)
