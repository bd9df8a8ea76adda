"""The two sides of a comparison, and which of their sessions and tests are compared."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.options.project import ProjectOptions, Scope
from pytest_insight.cli.options.selection import SESSIONS, AllProjectsOption, TimeAndTagOptions
from pytest_insight.cli.options.tests import NodeidOption, keywords_option
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import InsightError, StorageError

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.storage.base import BaseStorage

_session = partial(option, rich_help_panel=SESSIONS)

BaseArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="BASE",
        autocompletion=candidates.sides,
        help="What to compare with: a branch, a commit or tag, a session, a CI run, a span (7d), "
        "a profile or a file. Default: the default branch at the merge base.",
    ),
]
HeadArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="HEAD",
        autocompletion=candidates.sides,
        help="What to judge, named in the same way. Default: the last run.",
    ),
]


class ComparedSessionOptions(TimeAndTagOptions, frozen=True):
    """The options that say which sessions of both sides are compared."""

    run: Annotated[
        str | None,
        _session(
            "In place of HEAD: all sessions of one CI run, by its ID, a session of it, or `last`.",
            "--run",
            metavar="ID",
            example="last~1",
            autocompletion=candidates.runs,
        ),
    ] = None
    base_session: Annotated[
        bool,
        _session(
            "Compare with one session of BASE, the newest, not with several.", "--base-session"
        ),
    ] = False
    windows: Annotated[
        bool,
        _session("Compare how often tests failed in all sessions of each side.", "--windows"),
    ] = False
    all_projects: AllProjectsOption = False

    def scope(self, storage: BaseStorage) -> Scope:
        """Return the SUT that is meant.

        Raises:
            UsageError: `--sut` and `--all-projects` are given.
            InsightError: the configuration of the project cannot be read.
        """
        return ProjectOptions(self.sut, self.all_projects).scope(storage)


class ComparedTestOptions(msgspec.Struct, frozen=True):
    """The options that choose tests by their names."""

    __test__: ClassVar[bool] = False

    keywords: Annotated[str | None, keywords_option()] = None
    nodeid: NodeidOption = None


def compare_sides(
    storage: BaseStorage,
    base: str | None,
    head: str | None,
    sessions: ComparedSessionOptions,
    tests: ComparedTestOptions,
    scope: Scope,
) -> Comparison:
    """Compare the sides that the arguments mean.

    Raises:
        UsageError: HEAD is given twice.
        InsightError: a side means nothing, or they cannot be compared; see `Compare.execute`.
    """
    from pytest_insight.cli.render.nothing_found import nothing_found
    from pytest_insight.compare.files import is_file
    from pytest_insight.compare.steps import Compare
    from pytest_insight.query import Query

    base, head = _split(base, head)
    narrowed = sessions.narrow(Query(storage=storage, selection=scope.selection))
    found = Compare(storage=storage).with_session_filters(*narrowed.selection.session_filters)
    named = narrowed.filter_by_test()
    if tests.keywords is not None:
        named = named.with_keywords(tests.keywords)
    if tests.nodeid is not None:
        named = named.with_nodeid_containing(tests.nodeid)
    found = found.with_test_filters(*named.apply().selection.test_filters)
    if base is not None:
        found = found.against(base)
    if sessions.run is not None:
        if head is not None:
            raise UsageError("HEAD and --run contradict each other: leave one out")
        found = found.of_run(sessions.run)
    elif head is not None:
        found = found.of(head)
    found = found.with_base_session() if sessions.base_session else found
    found = found.by_windows() if sessions.windows else found
    found = found.of_all_projects() if sessions.all_projects else found
    try:
        result = found.execute()
    except InsightError:
        of_store = not all(side is not None and is_file(side) for side in (base, head))
        if of_store and narrowed.selection.session_filters and narrowed.first() is None:
            raise StorageError(nothing_found(narrowed, scope.note), storage.location) from None
        raise
    if not result.tests and found.selection.test_filters:
        both = f"{result.head.title} and {result.base.title}"
        raise StorageError(f"no test of {both} has such a name (-k, --nodeid)", storage.location)
    return result


def _split(base: str | None, head: str | None) -> tuple[str | None, str | None]:
    """Return the two sides; `A..B`, `A...B`, `A..` and `..B` are both of them, as for git."""
    from pytest_insight.compare.files import is_file

    if base is None or head is not None or "../" in base or is_file(base):
        return base, head
    first, dots, second = base.partition("..")
    second = second.lstrip(".")
    return (first or None, second or None) if dots and (first or second) else (base, head)
