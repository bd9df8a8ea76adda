"""`insight compare`: what changed between two runs, branches, commits, files or spans of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.gate import exit_if
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.fields import chosen_fields, fields_option
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import chosen_names, names_option, option
from pytest_insight.cli.options.sides import (
    BaseArgument,
    ComparedSessionOptions,
    ComparedTestOptions,
    HeadArgument,
    compare_sides,
)
from pytest_insight.cli.options.verdicts import VerdictFormatOption
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import Change


def _known_fields(_: object) -> tuple[str, ...]:
    from pytest_insight.cli.render.comparison.rows import FIELDS

    return FIELDS


def _known_changes(_: object) -> tuple[str, ...]:
    from pytest_insight.analysis.comparison.values import Change

    return tuple(Change)


OnlyOption = Annotated[
    str | None,
    names_option(
        "Only these changes, separated by commas.",
        "--only",
        _known_changes,
        example="new-failure,fixed",
    ),
]
FieldsOption = Annotated[str | None, fields_option(_known_fields, "nodeid,change,head.message")]

ByCauseOption = Annotated[
    bool, option("One entry per cause of the failures in HEAD.", "--by-cause")
]
VerboseOption = Annotated[
    bool, option("Every test, with the runs that were compared.", "--verbose", "-v")
]
ExitCodeOption = Annotated[
    bool,
    option(
        "Exit with status 3 if a test newly fails, or fails for another reason; with --only, if "
        "any test has one of these changes.",
        "--exit-code",
    ),
]
StrictOption = Annotated[
    bool, option("With --exit-code: known flaky tests count, too.", "--strict")
]


def _chosen_changes(given: str | None) -> list[Change] | None:
    """Return the changes in the option's value; None if it is not given.

    Raises:
        UsageError: there is no such change.
    """
    from pytest_insight.analysis.comparison.values import Change

    if given is None:
        return None
    return [Change(name) for name in chosen_names(given, list(Change), "change")]


def _nothing_compared(comparison: Comparison) -> str:
    if comparison.windows is not None:
        return "the sides have too few runs of each test to tell any failure from chance"
    return f"nothing was compared: no test of {comparison.head.title} passed or failed"


@takes(selection=ComparedSessionOptions, which=ComparedTestOptions)
def compare(
    ctx: typer.Context,
    base: BaseArgument = None,
    head: HeadArgument = None,
    *,
    only: OnlyOption = None,
    by_cause: ByCauseOption = False,
    verbose: VerboseOption = False,
    format_: VerdictFormatOption = FailureFormat.TABLE,
    fields: FieldsOption = None,
    exit_code: ExitCodeOption = False,
    strict: StrictOption = False,
    profile: ProfileOption = None,
    selection: ComparedSessionOptions,
    which: ComparedTestOptions,
) -> None:
    """Show what changed: new failures, failures for another reason, what is fixed, added, slower.

    Without arguments: the last run, against the default branch at the merge base.
    `insight docs compare` explains each change.

    Example: insight compare last~1
    """
    from pytest_insight.analysis.comparison.result import FAILING
    from pytest_insight.analysis.comparison.values import Change
    from pytest_insight.cli.render.comparison.comparison import Shown, print_comparison

    chosen = chosen_fields(fields, _known_fields(None), format_)
    changes = _chosen_changes(only)
    if strict and not exit_code:
        raise UsageError("--strict needs --exit-code, which it makes stricter")
    storage = storage_of(ctx, profile)
    scope = selection.scope(storage)
    found = compare_sides(storage, base, head, selection, which, scope)
    failing = (*FAILING, Change.FLAKY) if strict else FAILING
    shown = Shown(found, changes, by_cause, verbose, scope.note)
    print_comparison(shown, format_, chosen, failing)
    if not exit_code:
        return
    stops = failing if changes is None else changes
    needs_all = not set(FAILING).isdisjoint(stops)
    exit_if(found.with_change(*stops) or (needs_all and found.is_broken))
    if needs_all and not found.has_compared:
        raise InvalidArgumentError(_nothing_compared(found))


app = single_command(compare)
