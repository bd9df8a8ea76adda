"""Filters of whole sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import msgspec

from pytest_insight.filters.tests import AnyTestFilter, matching
from pytest_insight.models import TestOutcome, TestSession

SECONDS_PER_DAY = 86_400


class SessionFilter(msgspec.Struct, frozen=True, tag_field="filter", forbid_unknown_fields=True):
    """Keeps or drops whole sessions."""

    needs_results: ClassVar[bool] = False
    """Whether `matches` looks at `test_results`; a backend decodes them only where it must."""

    def matches(self, session: TestSession) -> bool:
        """Whether the session is kept."""
        raise NotImplementedError

    def resolved(self, now: datetime) -> SessionFilter:  # noqa: ARG002 - for relative filters
        """The same filter with times relative to `now` made absolute."""
        return self


class SutIs(SessionFilter, frozen=True, tag="sut"):
    """The SUT's name is `pattern`, or matches it as a shell wildcard (`*`, `?`, `[seq]`)."""

    pattern: str

    def matches(self, session: TestSession) -> bool:
        """Exactly, or as a whole by wildcards; case-sensitive."""
        return _is_or_matches(session.sut_name, self.pattern)


class StartedWithin(SessionFilter, frozen=True, tag="started-within"):
    """Started at most `seconds` before now, or later (a clock ahead of ours is no reason to drop).

    Relative until `resolved`: the same query run tomorrow means tomorrow's last days.
    """

    seconds: float

    def matches(self, session: TestSession) -> bool:
        """Relative to the moment of the call; `Selection.resolved` fixes one for a whole run."""
        return self.resolved(datetime.now(UTC)).matches(session)

    def resolved(self, now: datetime) -> StartedBetween:
        """The absolute filter; a span longer than the calendar keeps everything."""
        try:
            return StartedBetween(since=now - timedelta(seconds=self.seconds))
        except OverflowError:
            return StartedBetween()


class StartedBetween(SessionFilter, frozen=True, tag="started-between"):
    """Started at or after `since` and at or before `until`; None leaves that side open."""

    since: datetime | None = None
    until: datetime | None = None

    def matches(self, session: TestSession) -> bool:
        """By the session's start time."""
        start = session.session_start_time
        return (self.since is None or start >= self.since) and (
            self.until is None or start <= self.until
        )


class HasTag(SessionFilter, frozen=True, tag="tag"):
    """Carries the tag; with `value`, with exactly that value."""

    key: str
    value: str | None = None

    def matches(self, session: TestSession) -> bool:
        """Tags are compared exactly."""
        if self.value is None:
            return self.key in session.session_tags
        return session.session_tags.get(self.key) == self.value


class SessionIdMatches(SessionFilter, frozen=True, tag="session-id-pattern"):
    """The ID is one of `patterns`, or matches one as a shell wildcard."""

    patterns: tuple[str, ...]

    def matches(self, session: TestSession) -> bool:
        """Exactly, or as a whole by wildcards; case-sensitive."""
        return any(_is_or_matches(session.session_id, pattern) for pattern in self.patterns)


class SessionIdIn(SessionFilter, frozen=True, tag="session-id"):
    """The ID is one of `ids`."""

    ids: frozenset[str]

    def matches(self, session: TestSession) -> bool:
        """IDs are compared exactly."""
        return session.session_id in self.ids


class IsPinned(SessionFilter, frozen=True, tag="pinned"):
    """Is pinned, so that pruning leaves it alone; or is not, with `wanted` false."""

    wanted: bool = True

    def matches(self, session: TestSession) -> bool:
        """By the session's own mark."""
        return session.pinned is self.wanted


class TestingSystemIs(SessionFilter, frozen=True, tag="testing-system"):
    """The fact at `key` of the testing system is `pattern`, or matches it as a shell wildcard.

    A dot in the key leads into a nested object ("plugins.xdist") where no key of that full name is
    there. Values that are not text are compared by their JSON ("4", "true").
    """

    __test__: ClassVar[bool] = False

    key: str
    pattern: str

    def matches(self, session: TestSession) -> bool:
        """A fact that is not there never matches."""
        value = _fact(session.testing_system, self.key)
        if value is None:
            return False
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return _is_or_matches(text, self.pattern)


class BranchIs(SessionFilter, frozen=True, tag="branch"):
    """Ran on the branch `pattern`, or one matching it as a shell wildcard."""

    pattern: str

    def matches(self, session: TestSession) -> bool:
        """A session without a known branch never matches."""
        branch = session.code_state.branch if session.code_state else None
        return branch is not None and _is_or_matches(branch, self.pattern)


class CommitIs(SessionFilter, frozen=True, tag="commit"):
    """Ran on the commit whose hash begins with `prefix` (case does not matter in hashes)."""

    prefix: str

    def matches(self, session: TestSession) -> bool:
        """A session without a known commit never matches."""
        commit = session.code_state.commit if session.code_state else None
        return commit is not None and commit.lower().startswith(self.prefix.lower())


class HasOutcome(SessionFilter, frozen=True, tag="has-outcome"):
    """At least one result has one of the outcomes."""

    needs_results: ClassVar[bool] = True
    outcomes: frozenset[TestOutcome]

    def matches(self, session: TestSession) -> bool:
        """Looks at every result until one fits."""
        return any(result.outcome in self.outcomes for result in session.test_results)


class HasWarning(SessionFilter, frozen=True, tag="has-warning"):
    """At least one test had a warning; with `wanted=False`, none had."""

    needs_results: ClassVar[bool] = True
    wanted: bool = True

    def matches(self, session: TestSession) -> bool:
        """Looks at every result until one has a warning."""
        return any(result.has_warning for result in session.test_results) == self.wanted


class HasReruns(SessionFilter, frozen=True, tag="has-reruns"):
    """At least one test was run again; with `wanted=False`, none was."""

    needs_results: ClassVar[bool] = True
    wanted: bool = True

    def matches(self, session: TestSession) -> bool:
        """By the outcome `rerun`, as `rerun_test_groups` does."""
        rerun = TestOutcome.RERUN
        return any(result.outcome == rerun for result in session.test_results) == self.wanted


class HasNodeidContaining(SessionFilter, frozen=True, tag="has-nodeid-containing"):
    """At least one result's nodeid contains `text`."""

    needs_results: ClassVar[bool] = True
    text: str

    def matches(self, session: TestSession) -> bool:
        """Literal and case-sensitive."""
        return any(self.text in result.nodeid for result in session.test_results)


class HasTest(SessionFilter, frozen=True, tag="has-test"):
    """At least one result is kept by all of the test filters; the session stays whole."""

    needs_results: ClassVar[bool] = True
    test_filters: tuple[AnyTestFilter, ...]

    def matches(self, session: TestSession) -> bool:
        """One result must fit them all: two that fit one each are not enough."""
        return bool(matching(self.test_filters, session.test_results))


def all_match(filters: Iterable[SessionFilter], session: TestSession) -> bool:
    """Whether every one of the filters keeps the session."""
    return all(f.matches(session) for f in filters)


def _is_or_matches(text: str, pattern: str) -> bool:
    return text == pattern or fnmatchcase(text, pattern)


def _fact(facts: dict[str, Any], key: str) -> Any:
    if key in facts:
        return facts[key]
    first, dot, rest = key.partition(".")
    nested = facts.get(first)
    return _fact(nested, rest) if dot and isinstance(nested, dict) else None
