"""`Query`: which sessions, step by step. Immutable: each step returns a new query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from pytest_insight._util.text import clean_text
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    SECONDS_PER_DAY,
    BranchIs,
    CommitIs,
    HasNodeidContaining,
    HasOutcome,
    HasReruns,
    HasTag,
    HasWarning,
    Selection,
    SessionFilter,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestFilter,
    TestingSystemIs,
    arguments,
)
from pytest_insight.models import TestOutcome
from pytest_insight.summaries import SummaryOrder, get_order

if TYPE_CHECKING:
    from pytest_insight.query.result import QueryResult
    from pytest_insight.query.tests import QueryTestFilter
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.summaries import TestSummary


class Query(msgspec.Struct, frozen=True):
    """A question about a history. Steps narrow it; `execute` asks.

    Session-level steps keep or drop whole sessions; `filter_by_test()` begins test-level steps,
    which keep a session's own fields and only the matching tests. All steps must match; their order
    does not matter, and a step may be taken several times.

    Two queries are equal when they ask the same; a query may be kept and executed again, and
    relative times (`in_last_days`) then count from the new moment.

    Attributes:
        selection: the filters, as data.
        profile_name: the profile to ask; None for the active one at the time of execution.
        storage: a storage to ask instead.

    Raises (every step):
        InvalidArgumentError: an argument that can never match or make sense.
    """

    selection: Selection = Selection()
    profile_name: str | None = None
    storage: BaseStorage | None = None

    # Which sessions -----------------------------------------------------------------------------

    def for_sut(self, name: str) -> Query:
        """Of this SUT; the name exactly, or a shell wildcard (`api-*`)."""
        return self._and(SutIs(arguments.text("SUT name", name)))

    def in_last_days(self, days: float) -> Query:
        """Started within so many days of 24 hours before the execution."""
        return self._within("days", days, SECONDS_PER_DAY)

    def in_last_hours(self, hours: float) -> Query:
        """Started within so many hours before the execution."""
        return self._within("hours", hours, 3_600)

    def in_last_minutes(self, minutes: float) -> Query:
        """Started within so many minutes before the execution."""
        return self._within("minutes", minutes, 60)

    def in_last_seconds(self, seconds: float) -> Query:
        """Started within so many seconds before the execution."""
        return self._within("seconds", seconds, 1)

    def after(self, time: datetime) -> Query:
        """Started at that time or later."""
        return self._and(StartedBetween(since=arguments.time("time", time)))

    def before(self, time: datetime) -> Query:
        """Started at that time or earlier."""
        return self._and(StartedBetween(until=arguments.time("time", time)))

    def between(self, start: datetime, end: datetime) -> Query:
        """Started from one time to another, both inclusive."""
        since, until = arguments.time("start", start), arguments.time("end", end)
        if since > until:
            raise InvalidArgumentError(f"the start {since} is after the end {until}")
        return self._and(StartedBetween(since, until))

    def date_range(self, start: datetime, end: datetime) -> Query:
        """Equivalent to `between(start, end)`."""
        return self.between(start, end)

    def with_session_tag(self, key: str, value: str | None = None) -> Query:
        """Carrying a tag; with a value, with exactly that value."""
        key = arguments.text("tag", key)
        if value is not None and not isinstance(value, str):
            raise InvalidArgumentError(f"a tag's value is a text, not {value!r}")
        return self._and(HasTag(key, None if value is None else clean_text(value)))

    def with_session_id_pattern(self, *patterns: str) -> Query:
        """With one of these IDs; each exactly, or a shell wildcard (`api-202611*`)."""
        if not patterns:
            raise InvalidArgumentError("name at least one session ID")
        checked = tuple(arguments.text("session ID pattern", pattern) for pattern in patterns)
        return self._and(SessionIdMatches(checked))

    def with_testing_system(
        self, facts: Mapping[str, object] | None = None, /, **more: object
    ) -> Query:
        """Run where these facts hold: `with_testing_system(host="ci-*", python="3.12.1")`.

        Each value exactly, or a shell wildcard; "plugins.xdist" leads into a nested fact.
        """
        if facts is not None and not isinstance(facts, Mapping):
            raise InvalidArgumentError(f"facts are names and values, not {facts!r}")
        wanted = {**(facts or {}), **more}
        if not wanted:
            raise InvalidArgumentError("name at least one fact of the testing system")
        query = self
        for key, value in wanted.items():
            query = query._and(TestingSystemIs(arguments.text("fact", key), _fact_text(value)))
        return query

    def with_branch(self, branch: str) -> Query:
        """Run on this git branch; exactly, or a shell wildcard (`release/*`)."""
        return self._and(BranchIs(arguments.text("branch", branch)))

    def with_commit(self, commit: str) -> Query:
        """Run on the commit whose hash begins so."""
        return self._and(CommitIs(arguments.commit(commit)))

    def with_outcome(self, *outcomes: str | TestOutcome) -> Query:
        """With at least one test of one of these outcomes."""
        return self._and(HasOutcome(arguments.outcomes(outcomes)))

    def with_warning(self, has_warning: bool = True) -> Query:
        """With at least one test that had a warning; with False, without any."""
        return self._and(HasWarning(arguments.flag("has_warning", has_warning)))

    def with_reruns(self, has_reruns: bool = True) -> Query:
        """With at least one test that was run again; with False, without any."""
        return self._and(HasReruns(arguments.flag("has_reruns", has_reruns)))

    def test_nodeid_contains(self, text: str) -> Query:
        """With at least one test whose nodeid contains the text; the sessions stay whole."""
        return self._and(HasNodeidContaining(arguments.text("text", text)))

    def latest(self, count: int = 1) -> Query:
        """Of the sessions that the other session-level steps keep, the so many that started last.

        Counted before the test-level steps: "the failures of the last five runs", not "the last
        five runs with failures" (for that, add `with_outcome` at session level).
        """
        count = arguments.whole("count", count, at_least=1)
        limit = self.selection.limit
        return self._selecting(limit=count if limit is None else min(limit, count))

    # Where --------------------------------------------------------------------------------------

    def with_profile(self, name: str) -> Query:
        """Ask this profile's storage; whether it exists is seen on execution."""
        return replace(self, profile_name=arguments.text("profile name", name), storage=None)

    # Which tests --------------------------------------------------------------------------------

    def filter_by_test(self) -> QueryTestFilter:
        """Begin test-level steps; `apply()` ends them."""
        from pytest_insight.query.tests import QueryTestFilter

        return QueryTestFilter(self)

    def with_test_filters(self, *filters: TestFilter) -> Query:
        """Add test filters made elsewhere."""
        return self._selecting(test_filters=self.selection.test_filters + filters)

    def with_session_filters(self, *filters: SessionFilter) -> Query:
        """Add session filters made elsewhere."""
        return self._selecting(session_filters=self.selection.session_filters + filters)

    # Asking -------------------------------------------------------------------------------------

    def execute(self) -> QueryResult:
        """Ask, and have the answer in memory: sessions by start time, the oldest first.

        Raises:
            StorageError: the store cannot be read.
            UnknownProfileError: there is no such profile.
        """
        from pytest_insight.query.result import QueryResult

        return QueryResult(tuple(self.open_storage().select(self.selection)), self)

    def group_by_test(
        self,
        *,
        sort: SummaryOrder | str | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        """Ask what the selected results say of each test: counts, durations, first and last seen.

        Args:
            sort: "mean", "p95", "failures" or "last", the most first; without, by nodeid.
            limit: only the first so many tests.
            percentiles: with p50 and p95, for which a database looks at single results; the order
                "p95" has them always.
            flaky: only tests that passed and also failed, had an error or were run again.

        Raises:
            StorageError: the store cannot be read.
            UnknownChoiceError: there is no such order.
            UnknownProfileError: there is no such profile.
        """
        order = None if sort is None else get_order(sort)
        if limit is not None:
            arguments.whole("limit", limit, at_least=0)
        return self.open_storage().group_by_test(
            self.selection, sort=order, limit=limit, percentiles=percentiles, flaky=flaky
        )

    def explain(self) -> list[str]:
        """How `execute` would go about it, in lines for people: what runs where."""
        return self.open_storage().explain(self.selection)

    def open_storage(self) -> BaseStorage:
        """The storage that `execute` asks."""
        if self.storage is not None:
            return self.storage
        from pytest_insight.storage.access import get_storage_instance

        return get_storage_instance(profile_name=self.profile_name)

    def _and(self, session_filter: SessionFilter) -> Query:
        return self.with_session_filters(session_filter)

    def _within(self, unit: str, count: float, seconds: int) -> Query:
        return self._and(StartedWithin(arguments.number(unit, count) * seconds))

    def _selecting(self, **changes: Any) -> Query:
        return replace(self, selection=replace(self.selection, **changes))


def _fact_text(value: object) -> str:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    raise InvalidArgumentError(f"a fact is a text, a number, True or False, not {value!r}")
