"""`insight import`: import sessions from files or from stdin."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import (
    DryRunOption,
    ProfileOption,
    named_profile,
    option,
    storage_of,
)
from pytest_insight.cli.options.merge import MergeOption, ReportOption, format_option
from pytest_insight.cli.render.import_report import (
    Source,
    list_sources,
    print_left_out,
    print_summary,
)
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.errors import ExchangeError

if TYPE_CHECKING:
    from pytest_insight.storage.imports import FileError

STDIN = "-"

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE",
        readable=False,  # the library reports what is wrong
        help="The files to read. Default: standard input.",
    ),
]
FormatOption = Annotated[
    str | None, format_option("json or csv. Default: by the suffix and the content.")
]
SkipInvalidOption = Annotated[
    bool, option("Leave out invalid sessions instead of refusing the file.", "--skip-invalid")
]
KeepGoingOption = Annotated[
    bool, option("Import the other files if some cannot be imported.", "--keep-going")
]


def import_(
    ctx: typer.Context,
    paths: FilesArgument = None,
    *,
    merge: MergeOption = None,
    format_: FormatOption = None,
    skip_invalid: SkipInvalidOption = False,
    keep_going: KeepGoingOption = False,
    dry_run: DryRunOption = False,
    report: ReportOption = None,
    profile: ProfileOption = None,
) -> None:
    """Import sessions from files or standard input, all of them or none.

    With --keep-going, files that cannot be imported are left out, and the status is 1.

    Example: insight export | insight import --profile demo --merge keep_both
    """
    from pytest_insight.storage.imports import import_files
    from pytest_insight.storage.undo.operations import apply
    from pytest_insight.storage.undo.records import Command

    storage = storage_of(ctx, profile)
    command = Command("import")
    files = _files(paths or [Path(STDIN)])
    failed: dict[int, FileError] = {}
    with progress_shown():
        reports = import_files(
            storage,
            files,
            merge,
            input_format=format_,
            skip_invalid=skip_invalid,
            dry_run=dry_run,
            apply=partial(apply, command=command),
            on_error=failed.__setitem__ if keep_going else None,
        )
    imported = (file for position, file in enumerate(files) if position not in failed)
    names = (str(file) if isinstance(file, Path) else "standard input" for file in imported)
    sources = list(map(Source, names, reports))
    list_sources(sources, storage.location, report, dry_run=dry_run)
    for source in sources:
        print_summary(source, storage.location, dry_run=dry_run)
    print_undo_hint(command, named_profile(ctx, profile))
    if failed:
        print_left_out(failed.values(), len(files))
        raise typer.Exit(exit_status.ERROR)


def _files(paths: list[Path]) -> list[Path | BinaryIO]:
    files = [sys.stdin.buffer if str(path) == STDIN else path for path in paths]
    if sys.stdin.buffer in files and sys.stdin.isatty():
        raise ExchangeError(
            "nothing to import: name a file, or pipe one in, as in: insight import < export.json",
            "standard input",
        )
    return files


app = single_command(import_)
