"""`insight import`: import sessions from files or from stdin."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.completion.candidates import input_formats
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import DryRunOption, ProfileOption
from pytest_insight.cli.options.foreign import ForeignOptions
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.merge import MergeOption, ReportOption
from pytest_insight.cli.render.import_report import (
    Source,
    list_sources,
    print_left_out,
    print_summaries,
)
from pytest_insight.cli.render.losses import print_losses
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.store import named_profile, storage_of
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.errors import ExchangeError
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.storage.imports import FileError

STDIN = "-"

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE",
        readable=False,  # the library reports what is wrong
        help="Files, folders or patterns to read. Default: standard input.",
    ),
]
FormatOption = Annotated[
    str | None,
    option(
        "Format of the files, as in csv or junit. Default: by the content and the suffix.",
        "--format",
        "-f",
        example="csv",
        metavar="FORMAT",
        autocompletion=input_formats,
    ),
]
SkipInvalidOption = Annotated[
    bool, option("Leave out invalid sessions instead of refusing the file.", "--skip-invalid")
]
KeepGoingOption = Annotated[
    bool, option("Import the other files if some cannot be imported.", "--keep-going")
]


@takes(foreign=ForeignOptions)
def import_(
    ctx: typer.Context,
    paths: FilesArgument = None,
    *,
    merge: MergeOption = None,
    format_: FormatOption = None,
    skip_invalid: SkipInvalidOption = False,
    keep_going: KeepGoingOption = False,
    foreign: ForeignOptions,
    dry_run: DryRunOption = False,
    report: ReportOption = None,
    profile: ProfileOption = None,
) -> None:
    """Import sessions from files, folders or standard input, all of them or none.

    Reads exports, and the reports of other programs, such as JUnit XML; prints what a report
    lacks. With --keep-going, files that cannot be imported are left out, and the exit status is 1.

    Example: insight import results/ --sut shop-api
    """
    from pytest_insight.storage.imports import import_files
    from pytest_insight.storage.undo.operations import apply
    from pytest_insight.storage.undo.records import Command

    storage = storage_of(ctx, profile)
    command = Command("import")
    files, passed_over = _files(paths or [Path(STDIN)])
    failed: dict[int, FileError] = {}
    with progress_shown():
        reports = import_files(
            storage,
            files,
            merge,
            input_format=format_,
            options=foreign.read_options(),
            skip_invalid=skip_invalid,
            dry_run=dry_run,
            apply=partial(apply, command=command),
            on_error=failed.__setitem__ if keep_going else None,
        )
    sources = [Source(report.source, report) for report in reports]
    list_sources(sources, storage.location, report, dry_run=dry_run)
    print_losses([file for each in reports for file in each.files])
    print_summaries(sources, storage.location, dry_run=dry_run)
    if passed_over:
        say(f"passed over {plural(passed_over, 'file')} without sessions")
    print_undo_hint(command, named_profile(ctx, profile))
    if failed:
        print_left_out(failed.values(), len(files))
        raise typer.Exit(exit_status.ERROR)


def _files(paths: list[Path]) -> tuple[list[Path | BinaryIO], int]:
    """Return the files to read, and how many others the folders have."""
    from pytest_insight.exchange.discovery import find_reports

    if Path(STDIN) not in paths:
        found = find_reports(paths)
        return [*found.paths], found.passed_over
    if sys.stdin.isatty():
        raise ExchangeError(
            "nothing to import: name a file, or pipe one in, as in: insight import < export.json",
            "standard input",
        )
    found = find_reports(path for path in paths if path != Path(STDIN))
    return [sys.stdin.buffer, *found.paths], found.passed_over


app = single_command(import_)
