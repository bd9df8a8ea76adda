"""Filters as data: what a query keeps, said so that it can be run, pushed down, printed, compared.

A session filter has `matches(session)` and keeps or drops a whole session; a test filter has
`matches(result)` and keeps or drops single results. A `Selection` is a set of them and a limit. The
methods here are the meaning of each filter; a backend may compute the same in another way.

Times are compared as instants; "contains" is literal and case-sensitive; bounds are inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, ClassVar, Literal

import msgspec
from msgspec.structs import replace

from pytest_insight.models import TestOutcome, TestResult, TestSession

SECONDS_PER_DAY = 86_400

TextField = Literal["nodeid", "longreprtext", "capstdout", "capstderr", "caplog", "worker"]
"""The fields of a result that a pattern can be looked for in."""


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


class TestFilter(msgspec.Struct, frozen=True, tag_field="filter", forbid_unknown_fields=True):
    """Keeps or drops single results."""

    __test__: ClassVar[bool] = False

    def matches(self, result: TestResult) -> bool:
        """Whether the result is kept."""
        raise NotImplementedError


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


class OutcomeIn(TestFilter, frozen=True, tag="outcome"):
    """The outcome is one of `outcomes`."""

    outcomes: frozenset[TestOutcome]

    def matches(self, result: TestResult) -> bool:
        """By name, so that outcomes of other plugins match too."""
        return result.outcome in self.outcomes


class PatternMatches(TestFilter, frozen=True, tag="pattern"):
    """A text field fits a pattern.

    A plain pattern fits where it stands anywhere in the field, or matches the whole field as a
    shell wildcard; so `test_a[1]` finds that nodeid and `*::test_*` finds many. With `use_regex` it
    is a regular expression, searched for.
    """

    pattern: str
    field_name: TextField = "nodeid"
    use_regex: bool = False

    def matches(self, result: TestResult) -> bool:
        """Case-sensitive, unless the expression says otherwise."""
        text: str = getattr(result, self.field_name)
        if self.use_regex:
            return _compiled(self.pattern).search(text) is not None
        return self.pattern in text or fnmatchcase(text, self.pattern)


class NodeidContains(TestFilter, frozen=True, tag="nodeid-contains"):
    """The nodeid contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """Literal and case-sensitive."""
        return self.text in result.nodeid


class ErrorContains(TestFilter, frozen=True, tag="error-contains"):
    """The failure's text (`longreprtext`) contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """Literal and case-sensitive."""
        return self.text in result.longreprtext


class OutputContains(TestFilter, frozen=True, tag="output-contains"):
    """Any of the captured stdout, stderr and log contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """One of the three is enough."""
        text = self.text
        return text in result.capstdout or text in result.capstderr or text in result.caplog


class DurationBetween(TestFilter, frozen=True, tag="duration"):
    """Took at least `shortest` and at most `longest` seconds; None leaves that side open."""

    shortest: float | None = None
    longest: float | None = None

    def matches(self, result: TestResult) -> bool:
        """Both bounds are inclusive."""
        return (self.shortest is None or result.duration >= self.shortest) and (
            self.longest is None or result.duration <= self.longest
        )


class TestHasWarning(TestFilter, frozen=True, tag="warning"):
    """A warning was recorded while the test ran; with `wanted=False`, none was."""

    wanted: bool = True

    def matches(self, result: TestResult) -> bool:
        """By the result's own flag."""
        return result.has_warning == self.wanted


class Custom(TestFilter, frozen=True, tag="custom"):
    """A function says so. Cannot be saved or pushed down; backends run it after everything else."""

    predicate: Callable[[TestResult], Any]

    def matches(self, result: TestResult) -> bool:
        """Whatever the function returns, as a truth value; its exceptions are the caller's."""
        return bool(self.predicate(result))


class Selection(msgspec.Struct, frozen=True):
    """Which sessions, and which of their results.

    Attributes:
        session_filters: a session is kept where all of them match.
        test_filters: of a kept session only the results that all of them match; a session of which
            nothing is left drops out. Empty: results are not looked at.
        limit: of the sessions that `session_filters` keep, only the newest so many, counted before
            the test filters.
    """

    session_filters: tuple[SessionFilter, ...] = ()
    test_filters: tuple[TestFilter, ...] = ()
    limit: int | None = None

    def resolved(self, now: datetime | None = None) -> Selection:
        """The same with relative times made absolute: one moment for the whole run."""
        moment = now or datetime.now(UTC)
        return replace(
            self, session_filters=tuple(f.resolved(moment) for f in self.session_filters)
        )

    @property
    def header_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that can be answered without results."""
        return tuple(f for f in self.session_filters if not f.needs_results)

    @property
    def result_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that need the results."""
        return tuple(f for f in self.session_filters if f.needs_results)

    def narrowed(self, session: TestSession) -> TestSession | None:
        """A kept session with only the results the test filters keep; None where none is left."""
        if not self.test_filters:
            return session
        results: Iterable[TestResult] = session.test_results
        # Filter by filter: a comprehension over one filter is twice as fast as all() per result.
        # Custom ones last: they see only what everything else keeps.
        for test_filter in sorted(self.test_filters, key=lambda f: isinstance(f, Custom)):
            matches = test_filter.matches
            results = [result for result in results if matches(result)]
        kept = tuple(results)
        return session.with_results(kept) if kept else None


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


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
