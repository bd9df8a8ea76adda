"""The options of the commands that judge tests: `verdicts`, `flaky`, `slow`, and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
import typer

from pytest_insight._util.override import override
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.gate import exit_if_judged
from pytest_insight.cli.options.common import ExitCodeOption, LimitOption
from pytest_insight.cli.options.fields import chosen_fields, fields_option
from pytest_insight.cli.options.kinds import format_option, option
from pytest_insight.cli.options.places import TestsArgument, find_places
from pytest_insight.cli.options.project import ProjectOptions, Scope
from pytest_insight.cli.options.selection import SESSIONS, AskedSessionOptions
from pytest_insight.cli.options.tests import keywords_option
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.usage_errors import UsageError

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.cli.render.verdicts.verdicts import Answer
    from pytest_insight.filters import Selection
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

VerdictFormatOption = Annotated[
    FailureFormat,
    format_option(FailureFormat, "markdown"),
]


def _window(help_: str, panel: str | None = SESSIONS) -> Any:
    return option(
        help_,
        "--window",
        metavar="SPAN",
        example="90d",
        autocompletion=candidates.typed,
        rich_help_panel=panel,
    )


def _branch(help_: str, panel: str | None = SESSIONS) -> Any:
    return option(
        help_,
        "--branch",
        metavar="NAME",
        example="main",
        autocompletion=candidates.branches,
        rich_help_panel=panel,
    )


class JudgedSessionOptions(AskedSessionOptions, frozen=True):
    """The options that say which sessions are judged."""

    window: Annotated[
        str | None,
        _window(
            "Judge the runs of this time. Default: 30d, unless --days, --since or --until is given."
        ),
    ] = None
    branch: Annotated[
        str | None,
        _branch(
            "Judge the runs of this branch, and those of the default branch before it began. "
            "Default: the branch of the last run. '*' judges all runs as one line."
        ),
    ] = None

    def judged(self, query: Query) -> Query:
        """Return the query with these options as steps."""
        query = self.narrow(query)
        says = (self.window, self.days, self.since, self.until)
        if self.session or self.run or any(each is not None for each in says):
            return query
        return query.in_last_seconds(_usual_window())

    @override
    def narrow(self, query: Query) -> Query:
        query = super().narrow(query)
        return query if self.window is None else query.in_last_seconds(window_seconds(self.window))


class HistorySessionOptions(JudgedSessionOptions, frozen=True):
    """The options that say which runs of a test are shown and judged."""

    window: Annotated[
        str | None,
        _window(
            "Show and judge the runs of this time. Default: all runs are shown, those of the last "
            "30 days judged."
        ),
    ] = None
    branch: Annotated[
        str | None,
        _branch(
            "Show and judge the runs of this branch, and those of the default branch before it "
            "began. Default: all runs are shown, those of the last run's branch judged."
        ),
    ] = None

    def selection(self, storage: BaseStorage, scope: Scope) -> Selection:
        """Return the sessions of the scope that these options select."""
        if self == HistorySessionOptions(all_projects=self.all_projects):
            return scope.selection
        from pytest_insight.query import Query  # takes long to import

        return self.narrow(Query(scope.selection, storage=storage)).selection


class FailedRunOptions(ProjectOptions, frozen=True):
    """The options that say which run is meant, and how far back history is asked."""

    branch: Annotated[
        str | None,
        _branch("The last run of this branch (wildcards allowed).", panel=None),
    ] = None
    window: Annotated[
        str | None,
        _window("Judge failures by the runs of this time before. Default: 30d.", panel=None),
    ] = None

    def last_of(self, storage: BaseStorage, session: str | None) -> Scope:
        """Return the sessions among which `last` is the newest one.

        Args:
            storage: the storage that has the sessions.
            session: the session or the run that was named.

        Raises:
            UsageError: an ID and a branch are given.
        """
        from pytest_insight.cli.options.session_names import is_last
        from pytest_insight.filters import arguments

        scope = self.scope(storage)
        if self.branch is None:
            return scope
        if session is not None and not is_last(session):
            raise UsageError("an ID and --branch contradict each other: leave one out")
        return scope._replace(branch=arguments.text("branch", self.branch))

    @property
    def is_project(self) -> bool:
        """Whether the runs of the project in the current folder are meant, as pytest means them."""
        return self.sut is None and self.branch is None and not self.all_projects

    @property
    def seconds(self) -> float:
        """How far back history is asked."""
        return window_seconds(self.window) if self.window else _usual_window()


def _usual_window() -> float:
    from pytest_insight.analyze.scope import WINDOW_SECONDS  # takes long to import

    return WINDOW_SECONDS


def window_seconds(given: str) -> float:
    """Return the seconds of a window.

    Raises:
        InvalidArgumentError: it is no period, or has no length.
    """
    from pytest_insight.errors import InvalidArgumentError
    from pytest_insight.filters import arguments

    seconds = arguments.span("--window", given)
    if not seconds:
        raise InvalidArgumentError(f"--window must be longer than 0, as in 30d, not {given!r}")
    return seconds


class JudgedTestOptions(msgspec.Struct, frozen=True):
    """The options that choose tests by their names: a verdict needs all runs of a test."""

    __test__: ClassVar[bool] = False

    tests: TestsArgument = None
    keywords: Annotated[str | None, keywords_option(panel=None)] = None

    def steps(self, query: Query) -> Query:
        """Return the query with these options as steps."""
        tests = query.filter_by_test()
        if self.keywords is not None:
            tests = tests.with_keywords(self.keywords)
        places = find_places(query, self.tests or ())
        return (tests.with_nodeid(*places) if places else tests).apply()


def judge(
    ctx: typer.Context,
    profile: str | None,
    sessions: JudgedSessionOptions,
    tests: JudgedTestOptions,
    *,
    durations: bool = True,
) -> tuple[Query, Verdicts, str]:
    """Return the query that the options mean, its verdicts, and which SUT was looked at.

    Args:
        ctx: that of the command.
        profile: the profile that was named.
        sessions: which sessions are judged.
        tests: whose verdicts are returned.
        durations: whether to compare durations.
    """
    from pytest_insight import analyze
    from pytest_insight.query import Query

    storage = storage_of(ctx, profile)
    scope = sessions.scope(storage)
    query = tests.steps(sessions.judged(Query(storage=storage, selection=scope.selection)))
    return query, analyze.verdicts(query, durations=durations), scope.note


def _known_fields(_: object) -> tuple[str, ...]:
    from pytest_insight.analysis.output.records import VERDICT_FIELDS

    return VERDICT_FIELDS


class VerdictOutputOptions(msgspec.Struct, frozen=True):
    """The options that say how verdicts are printed."""

    verbose: Annotated[
        bool, option("The evidence in full: sessions, commits, causes.", "--verbose", "-v")
    ] = False
    limit: LimitOption = None
    format_: VerdictFormatOption = FailureFormat.TABLE
    fields: Annotated[str | None, fields_option(_known_fields, "nodeid,verdict")] = None
    exit_code: ExitCodeOption = False

    def __post_init__(self) -> None:
        self._chosen_fields()  # an unknown one is refused before the store is read

    def _chosen_fields(self) -> list[str] | None:
        return chosen_fields(self.fields, _known_fields(None), self.format_)

    def print(self, answer: Answer, *, matched: bool, durations: bool = False) -> None:
        """Print verdicts, and exit with status 3 if `--exit-code` asks for it.

        Args:
            answer: the verdicts.
            matched: whether a test has the verdict that was asked for.
            durations: whether the rows are about durations.

        Raises:
            StorageError: with `--exit-code` no run was judged, or a part of the store cannot be
                read, so that no verdict means nothing.
        """
        from pytest_insight.cli.render.verdicts.verdicts import print_verdicts

        fields = self._chosen_fields()
        print_verdicts(
            answer, self.format_, self.limit, fields, verbose=self.verbose, durations=durations
        )
        if self.exit_code:
            exit_if_judged(answer, matched=matched)
