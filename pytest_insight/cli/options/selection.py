"""The options that select sessions and their tests, the same on every command."""

from __future__ import annotations

import enum
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec

from pytest_insight._util.override import override
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.kinds import choice_option, number_option, option
from pytest_insight.cli.options.project import ALL, ProjectOptions, Scope

if TYPE_CHECKING:
    from pytest_insight.cli.options.tests import TestOptions
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

SESSIONS = "Which sessions"

HASH = r"[0-9A-Fa-f]{4,64}"

_session = partial(option, rich_help_panel=SESSIONS)

AllProjectsOption = Annotated[
    bool,
    _session(
        "Sessions of every SUT. Default: of the project in this folder, if it has any.",
        "--all-projects",
        "-A",
    ),
]


def _complete_day(incomplete: str) -> list[str]:
    """Return names of days."""
    from pytest_insight.cli.options.times import DAYS

    return [day for day in DAYS if day.startswith(incomplete)] or candidates.typed(incomplete)


class TimeAndTagOptions(msgspec.Struct, frozen=True):
    """Options about sessions that are no names of sessions, branches or commits."""

    days: Annotated[
        float | None,
        number_option(
            "Only sessions from the last N days.",
            "--days",
            unit="days",
            metavar="N",
            example="7",
            rich_help_panel=SESSIONS,
        ),
    ] = None
    since: Annotated[
        str | None,
        _session(
            "Only sessions started at TIME or later: an age (90d), a day (monday), a time, a "
            "commit or a tag.",
            "--since",
            metavar="TIME",
            example="yesterday",
            autocompletion=_complete_day,
        ),
    ] = None
    until: Annotated[
        str | None,
        _session(
            "Only sessions started at TIME or earlier; a day is included as a whole.",
            "--until",
            metavar="TIME",
            example="2026-11-30",
            autocompletion=_complete_day,
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

    def narrow(self, query: Query) -> Query:
        """Return the query with these options as steps."""
        query = self._narrow_by_time(query)
        if self.sut is not None:
            query = query.for_sut(self.sut)
        for tag in self.tag or ():
            key, equals, value = tag.partition("=")
            query = query.with_session_tag(key, value if equals else None)
        return query

    def _narrow_by_time(self, query: Query) -> Query:
        from pytest_insight.cli.options.times import moment
        from pytest_insight.errors import InvalidArgumentError

        if self.days is not None:
            query = query.in_last_days(self.days)
        since = None if self.since is None else moment("--since", self.since)
        until = None if self.until is None else moment("--until", self.until, end=True)
        if since and until and since > until:
            raise InvalidArgumentError(f"--since {self.since!r} is after --until {self.until!r}")
        if since and until:
            query = query.between(since, until)
        elif since:
            query = query.after(since)
        elif until:
            query = query.before(until)
        return query


class SessionOptions(TimeAndTagOptions, frozen=True):
    """Options about sessions; a session must match all that are given."""

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
            "Only sessions on this commit: a hash, a hash prefix, a tag or HEAD~1.",
            "--commit",
            metavar="COMMIT",
            example="HEAD",
            autocompletion=candidates.commits,
        ),
    ] = None
    reruns: Annotated[
        bool, _session("Only sessions in which a test was run again.", "--reruns")
    ] = False
    run: Annotated[
        str | None,
        _session(
            "Only the sessions of one CI run: its ID, a session of it, or `last`. "
            "Without CI: the runs of its commit and branch within an hour.",
            "--run",
            metavar="ID",
            example="last",
            autocompletion=candidates.runs,
        ),
    ] = None
    session: Annotated[
        list[str] | None,
        _session(
            "Only the session with this ID, its beginning or end, wildcards, or `last`. "
            "Repeatable.",
            "--session",
            metavar="ID",
            example="last~1",
            autocompletion=candidates.sessions,
        ),
    ] = None

    @override
    def narrow(self, query: Query) -> Query:
        from pytest_insight.cli.options.session_names import find_run, session_patterns

        query = super().narrow(query)
        if self.branch is not None:
            query = query.with_branch(self.branch)
        if self.commit is not None:
            query = _on_commit(query, self.commit)
        if self.reruns:
            query = query.with_reruns()
        if self.run is not None:
            run = find_run(query.open_storage(), self.run, query.selection)
            query = query.with_session_filters(*run)
        if self.session:
            patterns = session_patterns(query.open_storage(), self.session, query.selection)
            query = query.with_session_id_pattern(*patterns)
        return query


class AskedSessionOptions(SessionOptions, frozen=True):
    """The options of commands that ask: they are about the project in the current folder.

    Commands that export, delete or check mean the whole store, and take `SessionOptions`.
    """

    all_projects: AllProjectsOption = False

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


class Counts(enum.StrEnum):
    """The tests of a listed session that are counted."""

    ALL = "all"
    MATCHING = "matching"


CountsOption = Annotated[
    Counts,
    choice_option(
        "Which tests of a session are counted: {choices}.",
        Counts,
        "--counts",
        metavar="WHICH",
        example="matching",
    ),
]


def sessions_query(
    storage: BaseStorage,
    sessions: SessionOptions,
    tests: TestOptions,
    scope: Scope,
    counts: Counts,
) -> Query:
    """Return a query for the sessions of the scope with a matching test."""
    find = whole_sessions if counts is Counts.ALL else matching_tests
    return find(storage, sessions, tests, scope)


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


def _on_commit(query: Query, name: str) -> Query:
    """Return the query for a commit: a hash prefix in the store, else what git means by the name.

    Raises:
        InvalidArgumentError: it is neither.
    """
    from pytest_insight._util.git import find_revision
    from pytest_insight.errors import InvalidArgumentError
    from pytest_insight.filters import CommitIs, Selection

    is_hash = re.fullmatch(HASH, name) is not None
    one = Selection((CommitIs(name),), limit=1)
    if is_hash and query.open_storage().session_ids(one):
        return query.with_commit(name)
    revision = find_revision(name)
    if revision is not None:
        return query.with_commit(revision.commit)
    if is_hash:
        return query.with_commit(name)
    raise InvalidArgumentError(
        f"git knows no commit {name!r} in this folder; give what it knows in its repository "
        "(HEAD~1, a tag, a branch), or 4 or more digits of a hash"
    )
