"""`insight import`: sessions from files or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.options import DryRunOption, ProfileOption, storage_of
from pytest_insight.cli.output import plural, say
from pytest_insight.errors import ExchangeError

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import ImportReport
    from pytest_insight.storage.base import BaseStorage

app = typer.Typer(add_completion=False)

STDIN = "-"


@app.command()
def import_(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="The files; without any, standard input."),
    ] = None,
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

    def take(source: Path | None, *, dry: bool) -> ImportReport:
        return storage.import_sessions(
            sys.stdin.buffer if source is None else source,
            merge,
            input_format=format_,
            skip_invalid=skip_invalid,
            dry_run=dry,
        )

    sources = [None if str(path) == STDIN else path for path in paths or [Path(STDIN)]]
    if None in sources and sys.stdin.isatty():
        raise ExchangeError(
            "nothing to import: name a file, or pipe one in, as in: insight import < export.json",
            "standard input",
        )
    if len(sources) > 1 and not dry_run:
        # A mistake in the last file is found before the first one is imported.
        for source in sources:
            if source is not None:
                take(source, dry=True)
    for source in sources:
        _tell(take(source, dry=dry_run), source, storage, dry_run)


def _tell(report: ImportReport, source: Path | None, storage: BaseStorage, dry_run: bool) -> None:
    parts = [
        f"{count} {word}"
        for count, word in (
            (report.imported, "imported"),
            (report.replaced, "replaced"),
            (report.renamed, "renamed"),
            (report.skipped, "skipped (the store has them)"),
            (report.invalid, "invalid (left out)"),
        )
        if count
    ]
    would = "would be: " if dry_run else ""
    say(
        f"{source or 'standard input'} to {storage.location}: {plural(report.total, 'session')}; "
        f"{would}{', '.join(parts) or 'nothing to do'}"
    )
    for old, new in report.new_ids:
        say(f"  {old} is now {new}")
    for problem in report.problems:
        say(f"  left out: {problem}")
    if report.ignored:
        names = ", ".join(f"{name} ({count}x)" for name, count in report.ignored.items())
        say(f"  fields that are not kept: {names}")
