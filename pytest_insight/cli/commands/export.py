"""`insight export`: write sessions to a file or to stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption, option, storage_of, takes
from pytest_insight.cli.options.merge import format_option
from pytest_insight.cli.options.selection import SessionOptions, whole_sessions
from pytest_insight.cli.options.tests import TestOptions
from pytest_insight.cli.render.absence import nothing_found
from pytest_insight.cli.terminal.output import data_output, say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.models.text import plural

STDOUT = "-"
FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        readable=False,  # it is only written
        help="The file to write. Default: standard output.",
    ),
]
OutputOption = Annotated[
    Path | None,
    option(
        "The file to write, as the argument FILE.",
        "--output",
        "-o",
        example="week.json.gz",
        metavar="FILE",
        readable=False,
    ),
]
FormatOption = Annotated[
    str | None,
    format_option("json, csv or excel. Default: by the suffix or the profile, else json."),
]
ExcelOption = Annotated[
    bool,
    option("Write CSV for Excel: with a byte order mark; long cells are cut.", "--excel"),
]


@takes(selection=SessionOptions, having=TestOptions)
def export(
    ctx: typer.Context,
    path: FileArgument = None,
    *,
    output: OutputOption = None,
    format_: FormatOption = None,
    excel: ExcelOption = False,
    force: Annotated[
        bool,
        option(
            "Overwrite a file that is a store or has sessions that this store lacks.", "--force"
        ),
    ] = False,
    profile: ProfileOption = None,
    selection: SessionOptions,
    having: TestOptions,
) -> None:
    """Export sessions to a file or to standard output.

    `insight import` reads them back. Sessions are exported with all their tests. Options about
    tests select the sessions that have such a test; for the tests alone, use `insight query tests
    --format csv`.

    Example: insight export --days 7 --format csv > week.csv
    """
    from pytest_insight.storage.exports import export_selection

    if path is not None and output is not None:
        raise UsageError(f"two files to write, {path} and {output}: leave one out")
    if excel and format_ not in (None, "csv", "excel"):
        raise UsageError(f"--excel writes CSV: leave out --format {format_}")
    path = output if path is None else path
    format_ = "excel" if excel else format_
    storage = storage_of(ctx, profile)
    selection, within = _with_period(selection, storage.exchange.export_days)
    query = whole_sessions(storage, selection, having)
    to_stdout = path is None or str(path) == STDOUT
    with progress_shown(with_data=to_stdout):
        chosen = format_ or storage.exchange.export_format
        target = data_output(csv=chosen in ("csv", "excel")) if path is None or to_stdout else path
        count = export_selection(storage, target, query.selection, format_, force=force)
    sys.stdout.flush()
    to = "" if to_stdout else f" to {path}"
    if not count:
        say(f"warning: {nothing_found(query)}")
    say(f"exported {plural(count, 'session')} of {storage.location}{within}{to}")


def _with_period(selection: SessionOptions, days: float | None) -> tuple[SessionOptions, str]:
    """Return the options with the days of the profile if they give no period, and what to say."""
    given = (selection.days, selection.since, selection.until, selection.session)
    if days is None or any(value is not None for value in given):
        return selection, ""
    from msgspec.structs import replace

    selected = replace(selection, days=days)
    return selected, f" (of the last {days:g} days, as the profile says)"


app = single_command(export)
