"""Filters of sessions: each keeps or drops whole sessions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from glob import escape
from typing import Any, ClassVar

import msgspec

from pytest_insight._util.override import override
from pytest_insight._util.times import earlier
from pytest_insight.filters.results import AnyTestFilter, matching
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.models.results import AwareTime, earlier_attempts

SECONDS_PER_DAY = 86_400
RUN_SECONDS = 3_600
"""Without CI, sessions of the same code are one run if they started this close together."""
MAX_AHEAD = timedelta(days=1)
"""How far in the future a session may be dated, as clocks and time zones differ. If it is dated
later, its clock was wrong and its age is unknown: it is in no period until now, and never among
the newest."""


class SessionFilter(msgspec.Struct, frozen=True, tag_field="filter", forbid_unknown_fields=True):
    """Base class of the filters that keep or drop whole sessions.

    Patterns match a text that is equal to them, or as shell wildcards (`*`, `?`, `[seq]`) the whole
    text; case-sensitive.
    """

    needs_results: ClassVar[bool] = False
    """Whether `matches` reads `test_results`, which a storage otherwise need not decode."""

    def matches(self, session: TestSession) -> bool:
        """Return whether the session is kept."""
        raise NotImplementedError

    def resolved(self, now: datetime) -> SessionFilter:  # noqa: ARG002 - for relative filters
        """Return an equivalent filter without times relative to `now`."""
        return self


class SutIs(SessionFilter, frozen=True, tag="sut"):
    """Keeps sessions of the SUTs whose name matches `pattern`."""

    pattern: str

    @override
    def matches(self, session: TestSession) -> bool:
        return self.names(session.sut_name)

    def names(self, sut_name: str) -> bool:
        """Return whether it is the name of one of the SUTs."""
        return _is_or_matches(sut_name, self.pattern)


class StartedWithin(SessionFilter, frozen=True, tag="started-within"):
    """Keeps sessions that started in the last `seconds`, none that is dated later than tomorrow.

    It stays relative until `resolved`: a saved filter means the last days before it is used.
    """

    seconds: float

    @override
    def matches(self, session: TestSession) -> bool:
        return self.resolved(datetime.now(UTC)).matches(session)

    @override
    def resolved(self, now: datetime) -> StartedBetween:
        return StartedBetween(earlier(now, self.seconds), latest_start(now))


class StartedBetween(SessionFilter, frozen=True, tag="started-between"):
    """Keeps sessions that started from `since` to `until`.

    Both bounds are inclusive and have a time zone; None means that there is no such bound. A period
    with a start in the past and no end ends tomorrow (`MAX_AHEAD`) when it is `resolved`.
    """

    since: AwareTime | None = None
    until: AwareTime | None = None

    @override
    def resolved(self, now: datetime) -> StartedBetween:
        latest = latest_start(now)
        if self.until is not None or self.since is None or self.since > latest:
            return self
        return StartedBetween(self.since, latest)

    @override
    def matches(self, session: TestSession) -> bool:
        return self.contains(session.session_start_time)

    def contains(self, start: datetime) -> bool:
        """Return whether a session that started then is kept."""
        return (self.since is None or start >= self.since) and (
            self.until is None or start <= self.until
        )


ANY_TIME = StartedWithin(math.inf)
"""Keeps all sessions but those that are dated in the future."""


def latest_start(now: datetime) -> datetime:
    """Return the start time after which a session is dated in the future; see `MAX_AHEAD`."""
    return min(now, _LATEST) + MAX_AHEAD


_LATEST = datetime.max.replace(tzinfo=UTC) - MAX_AHEAD


class HasTag(SessionFilter, frozen=True, tag="tag"):
    """Keeps sessions with the tag `key`; if `value` is given, only with exactly that value."""

    key: str
    value: str | None = None

    @override
    def matches(self, session: TestSession) -> bool:
        if self.value is None:
            return self.key in session.session_tags
        return session.session_tags.get(self.key) == self.value


class SessionIdMatches(SessionFilter, frozen=True, tag="session-id-pattern"):
    """Keeps sessions whose ID matches one of `patterns`."""

    patterns: tuple[str, ...]

    @override
    def matches(self, session: TestSession) -> bool:
        return any(_is_or_matches(session.session_id, pattern) for pattern in self.patterns)


class SessionIdIn(SessionFilter, frozen=True, tag="session-id"):
    """Keeps sessions whose ID is one of `ids`."""

    ids: frozenset[str]

    @override
    def matches(self, session: TestSession) -> bool:
        return session.session_id in self.ids


class IsPinned(SessionFilter, frozen=True, tag="pinned"):
    """Keeps pinned sessions, which pruning keeps; if `wanted` is False, the others."""

    wanted: bool = True

    @override
    def matches(self, session: TestSession) -> bool:
        return session.pinned is self.wanted


class TestingSystemIs(SessionFilter, frozen=True, tag="testing-system"):
    """Keeps sessions with the fact `key` in `testing_system`, if its value matches `pattern`.

    "plugins.xdist" is the key "xdist" in the object "plugins", unless a key has that full name.
    Values other than strings are compared by their JSON ("4", "true"). A session without the fact
    never matches.
    """

    __test__: ClassVar[bool] = False  # not a test class, despite its name

    key: str
    pattern: str

    @override
    def matches(self, session: TestSession) -> bool:
        value = _find_fact(session.testing_system, self.key)
        if value is None:
            return False
        return _is_or_matches(_fact_text(value), self.pattern)


class BranchIs(SessionFilter, frozen=True, tag="branch"):
    """Keeps sessions on a branch that matches `pattern`, not those on an unknown branch."""

    pattern: str

    @override
    def matches(self, session: TestSession) -> bool:
        branch = session.code_state.branch if session.code_state else None
        return branch is not None and _is_or_matches(branch, self.pattern)


class CommitIs(SessionFilter, frozen=True, tag="commit"):
    """Keeps sessions on a commit whose hash starts with `prefix`, in upper or lower case."""

    prefix: str

    @override
    def matches(self, session: TestSession) -> bool:
        commit = session.code_state.commit if session.code_state else None
        return commit is not None and commit.lower().startswith(self.prefix.lower())


class InRun(SessionFilter, frozen=True, tag="run"):
    """Keeps sessions of the CI run with this ID; if it is None, sessions of no CI run.

    The ID is the fact "ci.run_id" in `testing_system`, compared as by `TestingSystemIs`.
    """

    run_id: str | None

    @override
    def matches(self, session: TestSession) -> bool:
        return ci_run_id(session) == self.run_id


class HasOutcome(SessionFilter, frozen=True, tag="has-outcome"):
    """Keeps sessions with at least one result that has one of `outcomes`."""

    needs_results: ClassVar[bool] = True
    outcomes: frozenset[TestOutcome]

    @override
    def matches(self, session: TestSession) -> bool:
        return any(result.outcome in self.outcomes for result in session.test_results)


class HasWarning(SessionFilter, frozen=True, tag="has-warning"):
    """Keeps sessions with at least one warning; if `wanted` is False, those without any."""

    needs_results: ClassVar[bool] = True
    wanted: bool = True

    @override
    def matches(self, session: TestSession) -> bool:
        return any(result.has_warning for result in session.test_results) == self.wanted


class HasReruns(SessionFilter, frozen=True, tag="has-reruns"):
    """Keeps sessions in which a test was run again; if `wanted` is False, the others.

    See `TestSession.rerun_test_groups`.
    """

    needs_results: ClassVar[bool] = True
    wanted: bool = True

    @override
    def matches(self, session: TestSession) -> bool:
        return bool(earlier_attempts(session.test_results)) == self.wanted


class HasNodeidContaining(SessionFilter, frozen=True, tag="has-nodeid-containing"):
    """Keeps sessions with a nodeid that contains `text`, literally and case-sensitive."""

    needs_results: ClassVar[bool] = True
    text: str

    @override
    def matches(self, session: TestSession) -> bool:
        return any(self.text in result.nodeid for result in session.test_results)


class HasTest(SessionFilter, frozen=True, tag="has-test"):
    """Keeps sessions, whole, with a single result that all of `test_filters` keep."""

    needs_results: ClassVar[bool] = True
    test_filters: tuple[AnyTestFilter, ...]

    @override
    def matches(self, session: TestSession) -> bool:
        return bool(matching(self.test_filters, session.test_results))


AnySessionFilter = (
    SutIs
    | StartedWithin
    | StartedBetween
    | HasTag
    | SessionIdMatches
    | SessionIdIn
    | IsPinned
    | TestingSystemIs
    | BranchIs
    | CommitIs
    | InRun
    | HasOutcome
    | HasWarning
    | HasReruns
    | HasNodeidContaining
    | HasTest
)
"""All session filters as a union, which decodes a saved one to its class."""


def all_match(filters: Iterable[SessionFilter], session: TestSession) -> bool:
    """Return whether all filters keep the session."""
    return all(f.matches(session) for f in filters)


def ci_run_id(session: TestSession) -> str | None:
    """Return the ID of the CI run that a session is part of; None if it is unknown."""
    value = _find_fact(session.testing_system, "ci.run_id")
    return None if value is None else _fact_text(value)


def same_run(session: TestSession, *, is_newest: bool = False) -> tuple[SessionFilter, ...]:
    """Return the filters that keep the sessions of the run that a session is part of.

    These are the sessions of its CI run. Without a CI service they are those of its commit and
    branch that started within an hour of it; without a commit, only itself.

    Args:
        session: any session of the run.
        is_newest: later sessions are not part of the run.
    """
    run_id = ci_run_id(session)
    if run_id is not None:
        return (InRun(run_id),)
    code = session.code_state
    if code is None or not code.commit:
        return (SessionIdIn(frozenset((session.session_id,))),)
    start = session.session_start_time
    until = start if is_newest else _moved(start, RUN_SECONDS)
    branch = (BranchIs(escape(code.branch)),) if code.branch else ()
    during = StartedBetween(_moved(start, -RUN_SECONDS), until)
    return (InRun(None), CommitIs(code.commit), *branch, during)


def _moved(time: datetime, seconds: float) -> datetime | None:
    """Return a later or earlier time; None if it is outside the calendar."""
    try:
        return time.astimezone(UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _fact_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _is_or_matches(text: str, pattern: str) -> bool:
    return text == pattern or fnmatchcase(text, pattern)


def _find_fact(facts: dict[str, Any], key: str) -> Any:
    if key in facts:
        return facts[key]
    first, dot, rest = key.partition(".")
    nested = facts.get(first)
    return _find_fact(nested, rest) if dot and isinstance(nested, dict) else None
