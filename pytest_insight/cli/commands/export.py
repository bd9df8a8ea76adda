"""`insight export`: write sessions to a file or to stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.completion.candidates import output_formats
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.output_file import file_argument, file_to_write, output_option
from pytest_insight.cli.options.selection import SessionOptions, whole_sessions
from pytest_insight.cli.options.tests import TestOptions
from pytest_insight.cli.render.failures.properties import adding_verdicts
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.output import data_output, say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.exchange.write_formats import Format
    from pytest_insight.query import Query
    from pytest_insight.storage.exports import Export

FileArgument = Annotated[
    Path | None,
    file_argument("The file to write. Default: standard output."),
]
OutputOption = Annotated[Path | None, output_option("week.json.gz")]
FormatOption = Annotated[
    str | None,
    option(
        "json, csv, excel, junit, ctrf or parquet. Default: by the suffix or the profile, else "
        "json.",
        "--format",
        "-f",
        example="junit",
        metavar="FORMAT",
        autocompletion=output_formats,
    ),
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
    split: Annotated[
        bool,
        option("With JUnit XML: write NAME-1.xml, NAME-2.xml, ... of at most 30 MB.", "--split"),
    ] = False,
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

    `insight import` reads JSON and CSV back as they were. JUnit XML, CTRF (one session) and Parquet
    are for other programs. Sessions are exported with all their tests. Options about tests select
    the sessions that have such a test; for the tests alone, use `insight query tests --format csv`.

    Example: insight export --days 7 --format csv > week.csv
    """
    from pytest_insight.storage.exports import chosen_format, export_selection

    path = file_to_write(path, output)
    if split and path is None:
        raise UsageError("--split writes several files: name one to name them by")
    format_ = _format_name(format_, excel=excel)
    storage = storage_of(ctx, profile)
    chosen = chosen_format(storage, path, format_)
    if path is None and not chosen.is_text and sys.stdout.isatty():
        raise UsageError(f"{chosen.title} is not text: name a file, or pipe the output")
    selection, within = _with_period(selection, storage.exchange.export_days)
    query = whole_sessions(storage, selection, having)
    with progress_shown(with_data=path is None):
        target = data_output(csv=chosen.name in ("csv", "excel")) if path is None else path
        change = adding_verdicts(query) if chosen.name == "junit" else None
        done = export_selection(
            storage, target, query.selection, format_, force=force, split=split, change=change
        )
    sys.stdout.flush()
    _report(done, query, f"{storage.location}{within}", chosen)


def _report(done: Export, query: Query, source: str, chosen: Format) -> None:
    """Say what was exported, and what the format has no place for."""
    if not done.sessions:
        say(f"warning: {nothing_found(query)}")
    say(f"exported {plural(done.sessions, 'session')} of {source}{_names(done.files)}")
    if chosen.left_out and done.sessions:
        say(f"left out, as {chosen.title} has no place for it: {chosen.left_out}")


def _format_name(given: str | None, *, excel: bool) -> str | None:
    if excel and given not in (None, "csv", "excel"):
        raise UsageError(f"--excel writes CSV: leave out --format {given}")
    return "excel" if excel else given


def _names(files: tuple[Path, ...]) -> str:
    """Return where an export went: "", " to a.json", " to a-1.xml ... a-3.xml"."""
    if len(files) > 2:
        return f" to {files[0]} ... {files[-1]}"
    return f" to {' and '.join(map(str, files))}" if files else ""


def _with_period(selection: SessionOptions, days: float | None) -> tuple[SessionOptions, str]:
    """Return the options with the days of the profile if they give no period, and what to say."""
    given = (selection.days, selection.since, selection.until, selection.session)
    if days is None or any(value is not None for value in given):
        return selection, ""
    from msgspec.structs import replace

    selected = replace(selection, days=days)
    return selected, f" (of the last {days:g} days, as the profile says)"


app = single_command(export)
