"""`insight history`: the runs of one test, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from pytest_insight.analysis.history import histories
from pytest_insight.analyze.histories import JudgedHistory, judge_histories
from pytest_insight.analyze.scope import project_rules, without_line
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.gate import exit_if
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.fields import chosen_fields, fields_option
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import number_option, option
from pytest_insight.cli.options.places import spellings_of
from pytest_insight.cli.options.verdicts import HistorySessionOptions, VerdictFormatOption
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.history import ALL_FIELDS, print_histories
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.damage import say_of_damage
from pytest_insight.errors import StorageError
from pytest_insight.filters import NodeidContains, arguments

if TYPE_CHECKING:
    from pytest_insight.filters import Selection
    from pytest_insight.storage.base import BaseStorage

FieldsOption = Annotated[str | None, fields_option(lambda _: ALL_FIELDS, "time,outcome,commit")]
TestsLimitOption = Annotated[
    int | None,
    number_option(
        "Show at most N tests (0 = all). Default: 10 in a table, else all.",
        "--limit",
        "-n",
        whole=True,
        example="50",
        metavar="N",
    ),
]
GateOption = Annotated[
    bool,
    option(
        "Exit with status 3 if a test failed in any of the runs, or passed only when run again.",
        "--exit-code",
    ),
]


@takes(sessions=HistorySessionOptions)
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
    limit: TestsLimitOption = None,
    format_: VerdictFormatOption = FailureFormat.TABLE,
    fields: FieldsOption = None,
    exit_code: GateOption = False,
    profile: ProfileOption = None,
    sessions: HistorySessionOptions,
) -> None:
    """Show the runs of a test by branch, and why it failed.

    The newest run is on the right. A part of a nodeid shows every test whose nodeid contains it.

    Example: insight history test_a.py::test_x
    """
    chosen = chosen_fields(fields, ALL_FIELDS, format_)
    storage = storage_of(ctx, profile)
    scope = sessions.scope(storage)
    asked = sessions.selection(storage, scope)
    text = arguments.text("test", test)
    found: Sequence[JudgedHistory] = ()
    for place in (text, *spellings_of(text)):  # ./tests/test_a.py, an absolute path
        found = _find(storage, asked, place, only_line=sessions.branch is not None)
        if found:
            break
    if not found:
        raise StorageError(_nothing(storage, asked, text, scope.note), storage.location)
    print_histories(found, format_, limit, scope.note, chosen)
    say_of_damage()
    if exit_code:
        runs = (run for each in found for run in each.history.runs)
        exit_if(any(run.is_bad or run.is_recovered for run in runs))


def _find(
    storage: BaseStorage, asked: Selection, text: str, *, only_line: bool
) -> Sequence[JudgedHistory]:
    """Return the histories of the test with this nodeid, else of all that contain the text.

    Args:
        storage: the storage.
        asked: the sessions.
        text: a nodeid, or a part of one.
        only_line: leave out the runs of other lines of development.
    """
    rules = project_rules()
    selection = replace(without_line(asked), test_filters=(NodeidContains(text),))
    every = histories(storage.iter_sessions(selection), rules)
    exact = [each for each in every if each.nodeid == text]
    found = judge_histories(storage, asked, exact or every, rules)
    if not only_line:
        return found
    of_line = [each._replace(history=each.of_line) for each in found]
    return [each for each in of_line if each.history.runs]


def _nothing(storage: BaseStorage, asked: Selection, text: str, note: str) -> str:
    from pytest_insight.cli.render.nothing_found import nothing_found
    from pytest_insight.query import Query

    selection = replace(asked, test_filters=(NodeidContains(text),))
    return nothing_found(Query(selection, storage=storage), note)


app = single_command(history)
