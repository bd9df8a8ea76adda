"""The options of the commands that judge tests: `flaky`, `slow`, `verdicts`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import choice_option, option, storage_of
from pytest_insight.cli.options.fields import fields_option
from pytest_insight.cli.options.places import TestsArgument, find_places
from pytest_insight.cli.options.selection import SESSIONS, AskedSessionOptions
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.terminal.damage import refuse_to_judge_damage
from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.query import Query

WINDOW = "30d"
"""The sessions that are judged if no option says."""

VerboseOption = Annotated[
    bool, option("The evidence in full: sessions, commits, causes.", "--verbose", "-v")
]
VerdictFormatOption = Annotated[
    FailureFormat,
    choice_option(
        "Output format: {choices}.",
        FailureFormat,
        "--format",
        "-f",
        example="markdown",
        metavar="FORMAT",
    ),
]


def known_fields(_: object) -> tuple[str, ...]:
    """Return the fields of a verdict, for `fields_option`."""
    from pytest_insight.analysis.records import VERDICT_FIELDS

    return VERDICT_FIELDS


FieldsOption = Annotated[str | None, fields_option(known_fields, "nodeid,verdict")]

_session = partial(option, rich_help_panel=SESSIONS)


class JudgedSessionOptions(AskedSessionOptions, frozen=True):
    """The options that say which sessions are judged."""

    window: Annotated[
        str | None,
        _session(
            "Judge the runs of this time. Default: 30d, unless --days, --since or --until say.",
            "--window",
            metavar="SPAN",
            example="90d",
            autocompletion=candidates.typed,
        ),
    ] = None
    branch: Annotated[
        str | None,
        _session(
            "Judge the runs of this branch, and those of the default branch before it began. "
            "Default: the branch of the last run. '*' judges all runs.",
            "--branch",
            metavar="NAME",
            example="main",
            autocompletion=candidates.branches,
        ),
    ] = None

    def judged(self, query: Query) -> Query:
        """Return the query with these options as steps."""
        from pytest_insight.filters import arguments

        query = self.narrow(query)
        window = self.window
        if window is None and self.days is None and self.since is None and self.until is None:
            window = WINDOW
        if window is None or (self.window is None and (self.session or self.run)):
            return query
        return query.in_last_seconds(arguments.span("--window", window))


class JudgedTestOptions(msgspec.Struct, frozen=True):
    """The options that choose tests by their names: a verdict needs all runs of a test."""

    __test__: ClassVar[bool] = False

    tests: TestsArgument = None
    keywords: Annotated[
        str | None,
        option(
            "Only tests whose names match, as for pytest -k.",
            "-k",
            metavar="EXPRESSION",
            example="'login and not slow'",
            autocompletion=candidates.keywords,
        ),
    ] = None

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


def exit_as_judge(query: Query, found: Verdicts, *, matched: bool, asked: bool) -> None:
    """Exit with status 3 if `--exit-code` asked for it and a test has the verdict.

    Raises:
        StorageError: no run was judged, or a part of the store cannot be read, so that no verdict
            means nothing.
    """
    if not asked:
        return
    if matched:
        raise typer.Exit(exit_status.MATCHED)
    refuse_to_judge_damage()
    if not any(session.decided for each in found.judged for session in each.sessions):
        location = query.open_storage().location
        raise StorageError(
            f"--exit-code has nothing to judge: no test passed or failed in the selected sessions "
            f"of {location}",
            location,
        )
