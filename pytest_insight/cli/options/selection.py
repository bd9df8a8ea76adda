"""The options that select: which sessions, and which of their tests. The same on every command."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
import typer

from pytest_insight.cli.completion.candidates import outcomes, sessions, suts
from pytest_insight.cli.options.common import option
from pytest_insight.cli.terminal.output import say

if TYPE_CHECKING:
    from pytest_insight.query import QueryTestFilter
    from pytest_insight.query.query import Query
    from pytest_insight.storage.base import BaseStorage

SESSIONS = "Which sessions"
TESTS = "Which tests"


_session = partial(option, rich_help_panel=SESSIONS)
_test = partial(option, rich_help_panel=TESTS)


class SessionOptions(msgspec.Struct, frozen=True):
    """Which sessions: all that are given must fit."""

    days: Annotated[
        float | None, _session("Started within so many days.", "--days", metavar="N", example="7")
    ] = None
    since: Annotated[
        str | None,
        _session(
            "Started then or later: 90d or 12h ago, or a time like 2026-11-01 or "
            "2026-11-01T08:30+01:00 (without an offset: local time).",
            "--since",
            metavar="TIME",
            example="7d",
        ),
    ] = None
    until: Annotated[
        str | None,
        _session(
            "Started then or earlier, as with --since; a date means to its end.",
            "--until",
            metavar="TIME",
            example="2026-11-30",
        ),
    ] = None
    sut: Annotated[
        str | None,
        _session(
            "Of this SUT; wildcards.",
            "--sut",
            metavar="NAME",
            example="'api-*'",
            autocompletion=suts,
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        _session(
            "Carrying this tag; may be repeated.",
            "--tag",
            metavar="KEY[=VALUE]",
            example="ci=nightly",
        ),
    ] = None
    branch: Annotated[
        str | None,
        _session(
            "Run on this git branch; wildcards.", "--branch", metavar="NAME", example="'release/*'"
        ),
    ] = None
    commit: Annotated[
        str | None,
        _session(
            "Run on the commit that begins so.", "--commit", metavar="HASH", example="1a2b3c4"
        ),
    ] = None
    reruns: Annotated[bool, _session("In which a test was run again.", "--reruns")] = False
    session: Annotated[
        list[str] | None,
        _session(
            "With this ID, the beginning of one, or wildcards; `last` is the newest of those that "
            "the other options select, `last~1` the one before it. May be repeated.",
            "--session",
            metavar="ID",
            example="last~1",
            autocompletion=sessions,
        ),
    ] = None

    def narrow(self, query: Query) -> Query:
        """The query with these options as steps."""
        from pytest_insight.cli.options.session_names import session_patterns

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


class TestOptions(msgspec.Struct, frozen=True):
    """Which tests of the sessions: one test must fit all that are given."""

    __test__: ClassVar[bool] = False

    outcome: Annotated[
        list[str] | None,
        _test(
            "With this outcome; may be repeated.",
            "--outcome",
            "-o",
            metavar="NAME",
            example="failed",
            autocompletion=outcomes,
        ),
    ] = None
    nodeid: Annotated[
        str | None,
        _test(
            "With a nodeid that contains this.",
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
            "With a failure whose text contains this.",
            "--error",
            metavar="TEXT",
            example="KeyError",
        ),
    ] = None
    output: Annotated[
        str | None,
        _test(
            "With captured output that contains this.",
            "--output",
            metavar="TEXT",
            example="'out of memory'",
        ),
    ] = None
    min_duration: Annotated[
        float | None,
        _test("That took at least so long.", "--min-duration", metavar="SECONDS", example="0.5"),
    ] = None
    max_duration: Annotated[
        float | None,
        _test("That took at most so long.", "--max-duration", metavar="SECONDS", example="2"),
    ] = None
    warnings: Annotated[bool, _test("With a warning.", "--warnings")] = False

    def steps(self, query: Query) -> QueryTestFilter:
        """The options as test-level steps.

        Raises:
            typer.BadParameter: `--regex` without what it is about.
        """
        tests = query.filter_by_test()
        if self.outcome:
            _warn_of_unknown(self.outcome)
            tests = tests.with_outcome(*self.outcome)
        if self.regex and self.nodeid is None:
            raise typer.BadParameter("--regex says how to read --nodeid, so give that too")
        if self.nodeid is not None:
            if self.regex:
                tests = tests.with_pattern(self.nodeid, use_regex=True)
            else:
                tests = tests.with_nodeid_containing(self.nodeid)
        if self.error is not None:
            tests = tests.with_error_containing(self.error)
        if self.output is not None:
            tests = tests.with_output_containing(self.output)
        if self.min_duration is not None or self.max_duration is not None:
            tests = tests.with_duration_between(self.min_duration, self.max_duration)
        if self.warnings:
            tests = tests.with_warning()
        return tests


def _warn_of_unknown(names: list[str]) -> None:
    """Another plugin may have an outcome of any name, but a slip of the pen is more likely."""
    import difflib

    from pytest_insight.models import TestOutcome

    known = list(map(str, TestOutcome))
    for name in names:
        near = difflib.get_close_matches(name.strip().lower(), known, n=1)
        if near and near[0] != name.strip().lower():
            say(f"warning: {name!r} is no outcome of pytest's: did you mean {near[0]}?")


def matching_tests(storage: BaseStorage, sessions: SessionOptions, tests: TestOptions) -> Query:
    """A query for the matching tests, in their sessions."""
    return tests.steps(_of(storage, sessions)).apply()


def whole_sessions(storage: BaseStorage, sessions: SessionOptions, tests: TestOptions) -> Query:
    """A query for the sessions, with all their tests, that have a matching test."""
    return tests.steps(_of(storage, sessions)).whole_sessions()


def _of(storage: BaseStorage, sessions: SessionOptions) -> Query:
    from pytest_insight.query.query import Query

    return sessions.narrow(Query(storage=storage))
