"""`insight export`: sessions to a file or to standard output."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pytest_insight.cli.completion.candidates import formats
from pytest_insight.cli.lazy_group import alone
from pytest_insight.cli.options.common import (
    PathArgument,
    ProfileOption,
    option,
    storage_of,
    takes,
)
from pytest_insight.cli.options.selection import SessionOptions, TestOptions, whole_sessions
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import shown_progress

STDOUT = "-"


@takes(selection=SessionOptions, having=TestOptions)
def export(
    ctx: typer.Context,
    path: PathArgument = None,
    *,
    format_: Annotated[
        str | None,
        option(
            "json or csv; without, as the suffix says, else the profile, else json.",
            "--format",
            "-f",
            example="csv",
            metavar="FORMAT",
            autocompletion=formats,
        ),
    ] = None,
    profile: ProfileOption = None,
    selection: SessionOptions,
    having: TestOptions,
) -> None:
    """Write sessions to a file or to standard output; `insight import` reads them back equal.

    Sessions are written whole. Options about tests select those that have such a test; the tests
    alone are what `insight query tests --format csv` prints.

    Example: insight export --days 7 --format csv > week.csv
    """
    storage = storage_of(ctx, profile)
    within = ""
    said = (selection.days, selection.since, selection.until, selection.session)
    if not any(value is not None for value in said) and storage.exchange.export_days is not None:
        from msgspec.structs import replace

        selection = replace(selection, days=storage.exchange.export_days)
        within = f" (of the last {selection.days:g} days, as the profile says)"
    query = whole_sessions(storage, selection, having)
    if path is None or str(path) == STDOUT:
        sys.stdout.flush()
        with shown_progress(beside_data=True):
            count = storage.export_selection(sys.stdout.buffer, query.selection, format_)
        sys.stdout.buffer.flush()
        say(f"exported {plural(count, 'session')} of {storage.location}{within}")
    else:
        with shown_progress():
            count = storage.export_selection(path, query.selection, format_)
        say(f"exported {plural(count, 'session')} of {storage.location}{within} to {path}")


app = alone(export)
