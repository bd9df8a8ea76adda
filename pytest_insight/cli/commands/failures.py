"""`insight failures`: what failed in a run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from pytest_insight.analyze.scope import project_rules
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.gate import exit_if
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.fields import chosen_fields, fields_option
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.project import Scope
from pytest_insight.cli.options.session_names import find_run, find_session, is_last
from pytest_insight.cli.options.verdicts import FailedRunOptions, VerdictFormatOption
from pytest_insight.cli.render.failures.failures import ALL_FIELDS, print_failures
from pytest_insight.cli.render.failures.verdicts import look_up
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.usage_errors import UsageError

if TYPE_CHECKING:
    from pytest_insight.filters import AnySessionFilter
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage


RunOption = Annotated[
    str | None,
    option(
        "All sessions of one CI run: its ID, a session of it, or `last`. "
        "Without CI: the runs of its commit and branch within an hour.",
        "--run",
        metavar="ID",
        example="last",
        autocompletion=candidates.runs,
    ),
]
GateOption = Annotated[bool, option("Exit with status 3 if anything failed.", "--exit-code")]
FieldsOption = Annotated[str | None, fields_option(lambda _: ALL_FIELDS, "nodeid,message")]


@takes(which=FailedRunOptions)
def failures(
    ctx: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            autocompletion=candidates.sessions,
            help="An ID, its beginning or end, `last` (the default), or `last~1` before it.",
        ),
    ] = None,
    *,
    run: RunOption = None,
    verbose: Annotated[
        bool, option("Every test, with traceback and captured output.", "--verbose", "-v")
    ] = False,
    format_: VerdictFormatOption = FailureFormat.TABLE,
    fields: FieldsOption = None,
    exit_code: GateOption = False,
    profile: ProfileOption = None,
    which: FailedRunOptions,
) -> None:
    """Show what failed in a run, and why. Tests that failed in the same way are shown together.

    Example: insight failures last~1 -v
    """
    chosen = chosen_fields(fields, ALL_FIELDS, format_)
    storage = storage_of(ctx, profile)
    scope = which.last_of(storage, session or run)
    if run is None:
        found = [find_session(storage, session or "last", scope)]
    elif session is None:
        found = _sessions_of_run(storage, run, scope)
    else:
        raise UsageError("an ID and --run contradict each other: leave one out")
    rules, seconds = project_rules(), which.seconds
    failed = print_failures(
        found,
        format_,
        scope.note,
        verbose=verbose,
        is_last={session, run} <= {None, "last"} and which.is_project,
        fields=chosen,
        look_up=lambda: look_up(storage, found, rules, seconds),
        rules=rules,
    )
    if exit_code:
        exit_if(failed)


def _sessions_of_run(storage: BaseStorage, run: str, scope: Scope) -> list[TestSession]:
    """Return the sessions of a CI run in time order; of the last run, those in the scope."""
    from pytest_insight.filters import Selection

    filters = find_run(storage, run, scope.selection)
    if is_last(run):
        filters = (*scope.selection.session_filters, *filters)
    return list(storage.iter_sessions(Selection(cast("tuple[AnySessionFilter, ...]", filters))))


app = single_command(failures)
