"""`insight failures`: what failed in a run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer
from msgspec.structs import replace

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
from pytest_insight.cli.options.session_names import find_run, find_session
from pytest_insight.cli.render.failures import print_failures
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.terminal.damage import refuse_to_judge_damage
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.summaries import BAD

if TYPE_CHECKING:
    from pytest_insight.filters import AnySessionFilter, SessionFilter
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage


RunOption = Annotated[
    str | None,
    option(
        "All sessions of one CI run: its ID, a session of it, or `last`.",
        "--run",
        metavar="ID",
        example="last",
        autocompletion=candidates.runs,
    ),
]
FailureFormatOption = Annotated[
    FailureFormat,
    choice_option(
        "Output format; nodeids prints each nodeid once, for pytest.",
        FailureFormat,
        "--format",
        "-f",
        example="markdown",
    ),
]


@takes(project=ProjectOptions)
def failures(
    ctx: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            autocompletion=candidates.sessions,
            help="An ID, an ID prefix, `last` (the default), or `last~1` for the one before.",
        ),
    ] = None,
    *,
    run: RunOption = None,
    verbose: Annotated[
        bool, option("Every test, with traceback and captured output.", "--verbose", "-v")
    ] = False,
    format_: FailureFormatOption = FailureFormat.TABLE,
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
    if run is None:
        found = find_session(storage, session or "last", scope.selection)
    elif session is None:
        found = _one_session(storage, find_run(storage, run, scope.selection))
    else:
        raise UsageError("an ID and --run contradict each other: leave one out")
    print_failures(found, format_, scope.note, verbose=verbose)
    if exit_code and any(result.outcome in BAD for result in found.test_results):
        raise typer.Exit(exit_status.MATCHED)
    if exit_code:
        refuse_to_judge_damage()


def _one_session(storage: BaseStorage, filters: tuple[SessionFilter, ...]) -> TestSession:
    """Return the newest of the sessions, with the results of all."""
    from pytest_insight.filters import Selection

    sessions = list(storage.iter_sessions(Selection(cast("tuple[AnySessionFilter, ...]", filters))))
    return replace(
        sessions[-1],
        crashed=any(each.crashed for each in sessions),
        session_duration=sum(each.session_duration for each in sessions),
        test_results=[result for each in sessions for result in each.test_results],
    )


app = single_command(failures)
