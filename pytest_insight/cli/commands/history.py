"""`insight history`: the runs of one test, or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.analyze.scope import project_rules
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import (
    FormatOption,
    LimitOption,
    ProfileOption,
    storage_of,
    takes,
)
from pytest_insight.cli.options.fields import chosen_fields, fields_option
from pytest_insight.cli.options.places import spellings_of
from pytest_insight.cli.options.project import ProjectOptions
from pytest_insight.cli.render.absence import nothing_found
from pytest_insight.cli.render.formats import ListFormat
from pytest_insight.cli.render.history import ALL_FIELDS, print_histories
from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.filters import Selection
    from pytest_insight.storage.base import BaseStorage

FieldsOption = Annotated[str | None, fields_option(lambda _: ALL_FIELDS, "time,outcome,commit")]


@takes(project=ProjectOptions)
def history(
    ctx: typer.Context,
    test: Annotated[
        str,
        typer.Argument(
            metavar="TEST",
            autocompletion=candidates.nodeids,
            help="A nodeid, a part of one, or a file.",
        ),
    ],
    *,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    fields: FieldsOption = None,
    profile: ProfileOption = None,
    project: ProjectOptions,
) -> None:
    """Show the runs of a test by branch, and why it failed.

    The newest run is on the right. A part of a nodeid shows every test whose nodeid contains it.

    Example: insight history test_a.py::test_x
    """
    from msgspec.structs import replace

    from pytest_insight.analysis.history import histories
    from pytest_insight.filters import NodeidContains, arguments

    chosen = chosen_fields(fields, ALL_FIELDS, format_)
    storage = storage_of(ctx, profile)
    scope = project.scope(storage)
    rules = project_rules()
    text = arguments.text("test", test)
    selection = replace(scope.selection, test_filters=(NodeidContains(text),))
    there, found = selection, histories(storage.iter_sessions(selection), rules)
    for place in () if found else spellings_of(text):  # ./tests/test_a.py, an absolute path
        text = place
        there = replace(scope.selection, test_filters=(NodeidContains(place),))
        found = histories(storage.iter_sessions(there), rules)
        if found:
            break
    exact = [each for each in found if each.nodeid == text]
    if not found:
        from pytest_insight.query import Query

        query = Query(storage=storage, selection=selection)
        raise StorageError(nothing_found(query, scope.note), storage.location)
    as_table = format_ is ListFormat.TABLE and chosen is None
    verdicts = _verdicts(storage, there) if as_table else None
    print_histories(exact or found, format_, limit, scope.note, chosen, verdicts)


def _verdicts(storage: BaseStorage, selection: Selection) -> Verdicts:
    from pytest_insight import analyze
    from pytest_insight.query import Query

    return analyze.verdicts(Query(selection, storage=storage), durations=False)


app = single_command(history)
