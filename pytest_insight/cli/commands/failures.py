"""`insight failures`: what failed in a run, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import (
    ProfileOption,
    choice_option,
    option,
    storage_of,
    takes,
)
from pytest_insight.cli.options.project import ProjectOptions
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.render.failures import print_failures
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.summaries import BAD


@takes(project=ProjectOptions)
def failures(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=candidates.sessions,
            help="An ID, an ID prefix, `last`, or `last~1` for the one before.",
        ),
    ] = "last",
    *,
    verbose: Annotated[
        bool, option("Every test, with traceback and captured output.", "--verbose", "-v")
    ] = False,
    format_: Annotated[
        FailureFormat,
        choice_option(
            "Output format; nodeids prints each nodeid once, for pytest.",
            FailureFormat,
            "--format",
            "-f",
            example="markdown",
        ),
    ] = FailureFormat.TABLE,
    exit_code: Annotated[bool, option("Exit with status 3 if anything failed.", "--exit-code")] = (
        False
    ),
    profile: ProfileOption = None,
    project: ProjectOptions,
) -> None:
    """Show what failed in a run and why; tests that failed in the same way are shown together.

    Example: insight failures last~1 -v
    """
    storage = storage_of(ctx, profile)
    scope = project.scope(storage)
    session = find_session(storage, run, scope.selection)
    print_failures(session, format_, scope.note, verbose=verbose)
    if exit_code and any(result.outcome in BAD for result in session.test_results):
        raise typer.Exit(exit_status.MATCHED)


app = single_command(failures)
