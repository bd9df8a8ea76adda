"""The options that select sessions and their tests, the same on every command."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import number_option, option
from pytest_insight.cli.options.project import ALL, ProjectOptions, Scope
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.models import TestOutcome

if TYPE_CHECKING:
    from pytest_insight.query import Query, QueryTestFilter
    from pytest_insight.storage.base import BaseStorage

SESSIONS = "Which sessions"
TESTS = "Which tests"

_session = partial(option, rich_help_panel=SESSIONS)
_test = partial(option, rich_help_panel=TESTS)


class SessionOptions(msgspec.Struct, frozen=True):
    """Options about sessions; a session must match all that are given."""

    days: Annotated[
        float | None,
        number_option(
            "Only sessions from the last N days.",
            "--days",
            metavar="N",
            example="7",
            rich_help_panel=SESSIONS,
        ),
    ] = None
    since: Annotated[
        str | None,
        _session(
            "Only sessions started at TIME or later: 90d or 12h ago, or a time like 2026-11-01 or "
            "2026-11-01T08:30+01:00 (without an offset: local time).",
            "--since",
            metavar="TIME",
            example="7d",
        ),
    ] = None
    until: Annotated[
        str | None,
        _session(
            "Only sessions started at TIME or earlier, as with --since; a date includes the day.",
            "--until",
            metavar="TIME",
            example="2026-11-30",
        ),
    ] = None
    sut: Annotated[
        str | None,
        _session(
            "Only sessions of this SUT (wildcards allowed).",
            "--sut",
            metavar="NAME",
            example="'api-*'",
            autocompletion=candidates.suts,
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        _session(
            "Only sessions with this tag. Repeatable.",
            "--tag",
            metavar="KEY[=VALUE]",
            example="ci=nightly",
            autocompletion=candidates.tags,
        ),
    ] = None
    branch: Annotated[
        str | None,
        _session(
            "Only sessions on this git branch (wildcards allowed).",
            "--branch",
            metavar="NAME",
            example="'release/*'",
            autocompletion=candidates.branches,
        ),
    ] = None
    commit: Annotated[
        str | None,
        _session(
            "Only sessions on the commit with this hash or hash prefix.",
            "--commit",
            metavar="HASH",
            example="1a2b3c4",
            autocompletion=candidates.commits,
        ),
    ] = None
    reruns: Annotated[
        bool, _session("Only sessions in which a test was run again.", "--reruns")
    ] = False
    run: Annotated[
        str | None,
        _session(
            "Only the sessions of one CI run: its ID, a session of it, or `last`, the newest run "
            "that the other options select. Without CI: of a commit and branch within an hour.",
            "--run",
            metavar="ID",
            example="last",
            autocompletion=candidates.runs,
        ),
    ] = None
    session: Annotated[
        list[str] | None,
        _session(
            "Only the session with this ID or ID prefix (wildcards allowed); `last` is the newest "
            "one with results that the other options select, `last~1` the one before. Repeatable. "
            "All jobs of a CI run: --run last.",
            "--session",
            metavar="ID",
            example="last~1",
            autocompletion=candidates.sessions,
        ),
    ] = None

    def narrow(self, query: Query) -> Query:
        """Return the query with these options as steps."""
        from pytest_insight.cli.options.session_names import find_run, session_patterns

        query = self._narrow_by_time(query)
        if self.sut is not None:
            query = query.for_sut(self.sut)
        for tag in self.tag or ():
            key, equals, value = tag.partition("=")
            query = query.with_session_tag(key, value if equals else None)
        if self.branch is not None:
            query = query.with_branch(self.branch)
        if self.commit is not None:
            query = query.with_commit(self.commit)
        if self.reruns:
            query = query.with_reruns()
        if self.run is not None:
            run = find_run(query.open_storage(), self.run, query.selection)
            query = query.with_session_filters(*run)
        if self.session:
            patterns = session_patterns(query.open_storage(), self.session, query.selection)
            query = query.with_session_id_pattern(*patterns)
        return query

    def _narrow_by_time(self, query: Query) -> Query:
        from pytest_insight.filters import arguments

        if self.days is not None:
            query = query.in_last_days(self.days)
        since = None if self.since is None else arguments.moment("--since", self.since)
        until = None if self.until is None else arguments.moment("--until", self.until, end=True)
        if since and until:
            query = query.between(since, until)
        elif since:
            query = query.after(since)
        elif until:
            query = query.before(until)
        return query


class AskedSessionOptions(SessionOptions, frozen=True):
    """The options of commands that ask: they are about the project in the current folder.

    Commands that export, delete or check mean the whole store, and take `SessionOptions`.
    """

    all_projects: Annotated[
        bool,
        _session(
            "Sessions of every SUT. Default: of the project in this folder, if it has any.",
            "--all-projects",
            "-A",
        ),
    ] = False

    def scope(self, storage: BaseStorage) -> Scope:
        """Return the SUT that is meant if `--sut` names none; every one if sessions are named.

        Raises:
            UsageError: `--sut` and `--all-projects` are given.
            InsightError: the configuration of the project cannot be read.
        """
        from pytest_insight.cli.options.session_names import is_last

        named = [*(self.session or ()), *([] if self.run is None else [self.run])]
        if not all(map(is_last, named)):
            return Scope()
        scope = ProjectOptions(self.sut, self.all_projects).scope(storage)
        return scope if scope.project else Scope()


class TestOptions(msgspec.Struct, frozen=True):
    """Options about tests; a test must match all that are given."""

    __test__: ClassVar[bool] = False

    outcome: Annotated[
        list[str] | None,
        _test(
            "Only tests with this outcome. Repeatable.",
            "--outcome",
            metavar="NAME",
            example="failed",
            autocompletion=candidates.outcomes,
        ),
    ] = None
    nodeid: Annotated[
        str | None,
        _test(
            "Only tests whose nodeid contains TEXT.",
            "--nodeid",
            "-k",
            metavar="TEXT",
            example="test_login",
        ),
    ] = None
    regex: Annotated[bool, _test("Read --nodeid as a regular expression.", "--regex")] = False
    error: Annotated[
        str | None,
        _test(
            "Only tests whose failure contains TEXT.",
            "--error",
            metavar="TEXT",
            example="KeyError",
        ),
    ] = None
    captured: Annotated[
        str | None,
        _test(
            "Only tests whose captured output contains TEXT.",
            "--captured",
            metavar="TEXT",
            example="'out of memory'",
        ),
    ] = None
    min_duration: Annotated[
        float | None,
        number_option(
            "Only tests that took at least SECONDS.",
            "--min-duration",
            metavar="SECONDS",
            rich_help_panel=TESTS,
            example="0.5",
        ),
    ] = None
    max_duration: Annotated[
        float | None,
        number_option(
            "Only tests that took at most SECONDS.",
            "--max-duration",
            metavar="SECONDS",
            rich_help_panel=TESTS,
            example="2",
        ),
    ] = None
    warnings: Annotated[bool, _test("Only tests that raised a warning.", "--warnings")] = False

    def steps(self, query: Query) -> QueryTestFilter:
        """Return the options as test-level steps of the query.

        Raises:
            UsageError: `--regex` is given without `--nodeid`.
        """
        tests = query.filter_by_test()
        if self.outcome:
            _check_outcomes(query.open_storage(), self.outcome)
            tests = tests.with_outcome(*self.outcome)
        if self.regex and self.nodeid is None:
            raise UsageError("--regex needs --nodeid, which it makes a regular expression")
        if self.nodeid is not None:
            if self.regex:
                tests = tests.with_pattern(self.nodeid, use_regex=True)
            else:
                tests = tests.with_nodeid_containing(self.nodeid)
        if self.error is not None:
            tests = tests.with_error_containing(self.error)
        if self.captured is not None:
            tests = tests.with_output_containing(self.captured)
        if self.min_duration is not None or self.max_duration is not None:
            tests = tests.with_duration_between(self.min_duration, self.max_duration)
        if self.warnings:
            tests = tests.with_warning()
        return tests


def _check_outcomes(storage: BaseStorage, names: list[str]) -> None:
    """Raise UnknownChoiceError for an outcome that neither pytest nor the store has.

    Other plugins define outcomes of any name.
    """
    from pytest_insight.errors import UnknownChoiceError
    from pytest_insight.filters import OutcomeIn, Selection, arguments

    for name in sorted(arguments.outcomes(names).difference(TestOutcome)):
        having = Selection(test_filters=(OutcomeIn(frozenset((name,))),))
        if next(storage.iter_sessions(having, newest_first=True), None) is None:
            tests = storage.group_by_test(percentiles=False)
            stored = {outcome for test in tests for outcome in test.outcomes}
            raise UnknownChoiceError("outcome", str(name), {*TestOutcome, *stored})


def matching_tests(
    storage: BaseStorage, sessions: SessionOptions, tests: TestOptions, scope: Scope = ALL
) -> Query:
    """Return a query for the matching tests of the scope, in their sessions."""
    return tests.steps(_sessions_query(storage, sessions, scope)).apply()


def whole_sessions(
    storage: BaseStorage, sessions: SessionOptions, tests: TestOptions, scope: Scope = ALL
) -> Query:
    """Return a query for the sessions of the scope with a matching test, with all their tests."""
    return tests.steps(_sessions_query(storage, sessions, scope)).whole_sessions()


def _sessions_query(storage: BaseStorage, sessions: SessionOptions, scope: Scope) -> Query:
    from pytest_insight.query import Query

    return sessions.narrow(Query(storage=storage, selection=scope.selection))
