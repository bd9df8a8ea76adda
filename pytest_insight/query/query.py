"""The fluent query: `Query` selects sessions, `QueryTestFilter` tests, `QueryResult` answers.

All three are immutable; each step returns a new object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast, overload

import msgspec

from pytest_insight import analysis
from pytest_insight._util.override import override
from pytest_insight._util.storable import storable_text
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    SECONDS_PER_DAY,
    AnyTestFilter,
    BranchIs,
    CommitIs,
    Custom,
    DurationBetween,
    ErrorContains,
    HasNodeidContaining,
    HasOutcome,
    HasReruns,
    HasTag,
    HasTest,
    HasWarning,
    InRun,
    KeywordsMatch,
    NodeidContains,
    NodeidUnder,
    OutcomeIn,
    OutputContains,
    PatternMatches,
    PhaseIs,
    Selection,
    SessionFilter,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestFilter,
    TestHasWarning,
    TestingSystemIs,
    TextField,
    arguments,
    same_run,
)
from pytest_insight.filters.selection import EVERYTHING
from pytest_insight.filters.step_code import session_step, test_step
from pytest_insight.models import Phase, TestOutcome, TestResult, TestSession
from pytest_insight.models.text import days_text, plural
from pytest_insight.query.arrow import ArrowSource
from pytest_insight.query.lists import ResultList, SessionSequence, SummaryList
from pytest_insight.query.records import result_record
from pytest_insight.query.unknown_outcomes import warn_of_unknown_outcomes
from pytest_insight.storage.base import BaseStorage
from pytest_insight.summaries import BAD, SummaryOrder, TestSummary, get_order


@dataclass(frozen=True, repr=False)
class Query(ArrowSource):
    """A query of the history: steps narrow it down, `execute` runs it.

    Session-level steps keep or drop whole sessions. `filter_by_test()` begins test-level steps,
    which keep only the matching tests of each session. All steps must match, in any order, and a
    step may be repeated.

    Queries are immutable and comparable, and `repr(query)` is the code that builds the query. A
    query can be executed again; times such as `in_last_days` then count from that moment. To save
    one, keep `query.selection.to_dict()`, and build it again with
    `Query(Selection.from_dict(data))`.

    Attributes:
        selection: the filters, as data.
        profile_name: the profile to query; None for the one that is active during the execution.
        storage: a storage to query instead of a profile's.

    Raises (every step):
        InvalidArgumentError: an argument makes no sense or can never match.
    """

    selection: Selection = EVERYTHING
    profile_name: str | None = None
    storage: BaseStorage | None = None

    @override
    def __repr__(self) -> str:
        steps = "".join(self._steps())
        return f"query{steps}" if steps else "Query()"

    # Session-level steps ------------------------------------------------------------------------

    def for_sut(self, name: str) -> Query:
        """Keep only sessions of this SUT (wildcards allowed, as in `api-*`)."""
        return self._and(SutIs(arguments.text("SUT name", name)))

    def in_last_days(self, days: float) -> Query:
        """Keep only sessions from the last N days of 24 hours."""
        return self._within("days", days, SECONDS_PER_DAY)

    def in_last_hours(self, hours: float) -> Query:
        """Keep only sessions from the last N hours."""
        return self._within("hours", hours, 3_600)

    def in_last_minutes(self, minutes: float) -> Query:
        """Keep only sessions from the last N minutes."""
        return self._within("minutes", minutes, 60)

    def in_last_seconds(self, seconds: float) -> Query:
        """Keep only sessions from the last N seconds."""
        return self._within("seconds", seconds, 1)

    def after(self, time: datetime) -> Query:
        """Keep only sessions that started at this time or later."""
        return self._and(StartedBetween(since=arguments.time("time", time)))

    def before(self, time: datetime) -> Query:
        """Keep only sessions that started at this time or earlier."""
        return self._and(StartedBetween(until=arguments.time("time", time)))

    def between(self, start: datetime, end: datetime) -> Query:
        """Keep only sessions that started between two times, both inclusive."""
        since, until = arguments.time("start", start), arguments.time("end", end)
        if since > until:
            raise InvalidArgumentError(f"the start {since} is after the end {until}")
        return self._and(StartedBetween(since, until))

    def date_range(self, start: datetime, end: datetime) -> Query:
        """Equivalent to `between(start, end)`."""
        return self.between(start, end)

    def with_session_tag(self, key: str, value: str | None = None) -> Query:
        """Keep only sessions with this tag; if a value is given, with exactly that value."""
        key = arguments.text("tag", key)
        if value is not None and not isinstance(value, str):
            raise InvalidArgumentError(f"the value of a tag must be a string, not {value!r}")
        return self._and(HasTag(key, None if value is None else storable_text(value)))

    def with_session_id_pattern(self, *patterns: str) -> Query:
        """Keep only sessions with one of these IDs (wildcards allowed, as in `api-202611*`)."""
        if not patterns:
            raise InvalidArgumentError("give at least one session ID")
        checked = tuple(arguments.text("session ID pattern", pattern) for pattern in patterns)
        return self._and(SessionIdMatches(checked))

    def with_testing_system(
        self, facts: Mapping[str, object] | None = None, /, **more: object
    ) -> Query:
        """Keep only sessions from systems with all of these facts.

        `with_testing_system(host="ci-*")` or `with_testing_system({"plugins.xdist": "3.*"})`, which
        is the key "xdist" in the object "plugins". Wildcards are allowed.
        """
        if facts is not None and not isinstance(facts, Mapping):
            raise InvalidArgumentError(f"facts must be a mapping of names to values, not {facts!r}")
        wanted = {**(facts or {}), **more}
        if not wanted:
            raise InvalidArgumentError("give at least one fact of the testing system")
        return self.with_session_filters(
            *(
                TestingSystemIs(arguments.text("fact", key), _fact_text(value))
                for key, value in wanted.items()
            )
        )

    def with_branch(self, branch: str) -> Query:
        """Keep only sessions on this git branch (wildcards allowed, as in `release/*`)."""
        return self._and(BranchIs(arguments.text("branch", branch)))

    def with_commit(self, commit: str) -> Query:
        """Keep only sessions on the commit with this hash, or hash prefix of 4 or more digits."""
        return self._and(CommitIs(arguments.commit(commit)))

    def with_run(self, run: str | TestSession) -> Query:
        """Keep only sessions of one CI run.

        Args:
            run: the run's ID as the CI service gave it, or any session of the run. Without a CI
                service, the run of a session is all sessions of its commit and branch that started
                within an hour of it.
        """
        if isinstance(run, TestSession):
            return self.with_session_filters(*same_run(run))
        return self._and(InRun(arguments.text("ID of a CI run", run)))

    def with_outcome(self, *outcomes: str | TestOutcome) -> Query:
        """Keep only sessions with at least one result of one of these outcomes."""
        return self._and(HasOutcome(arguments.outcomes(outcomes)))

    def with_warning(self, has_warning: bool = True) -> Query:
        """Keep only sessions with at least one warning; if False, only those without any."""
        return self._and(HasWarning(arguments.flag("has_warning", has_warning)))

    def with_reruns(self, has_reruns: bool = True) -> Query:
        """Keep only sessions with at least one rerun; if False, only those without any."""
        return self._and(HasReruns(arguments.flag("has_reruns", has_reruns)))

    def test_nodeid_contains(self, text: str) -> Query:
        """Keep only sessions with a test whose nodeid contains the text; they stay whole."""
        return self._and(HasNodeidContaining(arguments.text("text", text)))

    def latest(self, count: int = 1) -> Query:
        """Keep only the N sessions that started last, of those that the session-level steps keep.

        Test-level steps come afterwards: `latest(5)` with a test-level `with_outcome("failed")`
        gives the failures of the last five sessions. Add a session-level `with_outcome("failed")`
        for the last five sessions with failures.
        """
        count = arguments.whole("count", count, at_least=1)
        limit = self.selection.limit
        return self._selecting(limit=count if limit is None else min(limit, count))

    def with_session_filters(self, *filters: SessionFilter) -> Query:
        """Keep only sessions that match all of these filters."""
        arguments.instances("session filter", SessionFilter, filters)
        return self._selecting(session_filters=self.selection.session_filters + filters)

    # Test-level steps ---------------------------------------------------------------------------

    def filter_by_test(self) -> QueryTestFilter:
        """Begin test-level steps; `apply()` ends them."""
        return QueryTestFilter(self)

    def with_test_filters(self, *filters: TestFilter) -> Query:
        """Keep only tests that match all of these filters."""
        arguments.instances("test filter", TestFilter, filters)
        return self._selecting(test_filters=self.selection.test_filters + filters)

    # Where to search ----------------------------------------------------------------------------

    def with_profile(self, name: str) -> Query:
        """Query the storage of this profile, which need not exist before the execution."""
        return replace(self, profile_name=arguments.text("profile name", name), storage=None)

    def open_storage(self) -> BaseStorage:
        """Return the storage that `execute` queries.

        Raises:
            UnknownProfileError: the profile does not exist.
        """
        if self.storage is not None:
            return self.storage
        from pytest_insight.storage.functions import get_storage_instance  # only without a storage

        return get_storage_instance(profile_name=self.profile_name)

    # Execution ----------------------------------------------------------------------------------

    def execute(self) -> QueryResult:
        """Run the query and return the sessions, ordered by start time.

        If nothing is found and the query names an outcome that neither pytest nor the store has, a
        UserWarning says which.

        Raises:
            StorageError: the store cannot be read.
            UnknownProfileError: the profile does not exist.
        """
        storage = self.open_storage()
        sessions = tuple(storage.select(self.selection))
        if not sessions:
            warn_of_unknown_outcomes(storage, self.selection)
        return QueryResult(sessions, self)

    def tests(
        self,
        *,
        outcome: str | TestOutcome | Iterable[str | TestOutcome] | None = None,
        nodeid: str | None = None,
        days: float | None = None,
    ) -> ResultList:
        """Run the query and return its results, ordered by the start time of their sessions.

        Args:
            outcome: only results with this outcome, or one of these.
            nodeid: only results whose nodeid contains this text.
            days: only results of sessions from the last N days.

        Raises:
            InvalidArgumentError: an argument makes no sense.
            StorageError: the store cannot be read.
            UnknownProfileError: the profile does not exist.
        """
        tests = (self if days is None else self.in_last_days(days)).filter_by_test()
        if outcome is not None:
            tests = tests.with_outcome(*([outcome] if isinstance(outcome, str) else outcome))
        if nodeid is not None:
            tests = tests.with_nodeid_containing(nodeid)
        return tests.apply().execute().tests()

    def failures(self, *, days: float | None = None) -> ResultList:
        """Run the query and return the results that failed or had an error; see `tests`."""
        return self.tests(outcome=BAD, days=days)

    def first(self) -> TestSession | None:
        """Run the query and return the first session in time order, or None.

        The newest one is that of `latest()`.

        Raises:
            StorageError: the store cannot be read.
            UnknownProfileError: the profile does not exist.
        """
        return next(self.iter_sessions(), None)

    def iter_sessions(self, *, newest_first: bool = False) -> Iterator[TestSession]:
        """Run the query and return its sessions one at a time, without keeping them in memory.

        Args:
            newest_first: return them by descending start time.

        Raises:
            StorageError: the store cannot be read.
            UnknownProfileError: there is no such profile.
        """
        return self.open_storage().iter_sessions(self.selection, newest_first=newest_first)

    @override
    def _arrow_sessions(self) -> Iterator[TestSession]:
        return self.iter_sessions()

    @override
    def _arrow_storage(self) -> BaseStorage:
        return self.open_storage()

    def session_ids(self) -> list[str]:
        """Run the query and return the IDs of its sessions by start time.

        Raises:
            StorageError: the store cannot be read.
            UnknownProfileError: there is no such profile.
        """
        return self.open_storage().session_ids(self.selection)

    def group_by_test(
        self,
        *,
        sort: SummaryOrder | str | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        """Run the query and return a summary of each test: counts, durations, first and last run.

        Args:
            sort: "mean", "p95", "failures" or "last", in descending order; by nodeid if None.
            limit: return at most N tests.
            percentiles: include p50 and p95, for which a database reads every result; the order
                "p95" always does.
            flaky: only tests that passed and also failed, had an error or were rerun.

        Raises:
            StorageError: the store cannot be read.
            UnknownChoiceError: `sort` is not one of the orders.
            UnknownProfileError: the profile does not exist.
        """
        order = None if sort is None else get_order(sort)
        if limit is not None:
            arguments.whole("limit", limit, at_least=0)
        found = self.open_storage().group_by_test(
            self.selection, sort=order, limit=limit, percentiles=percentiles, flaky=flaky
        )
        return SummaryList(found)

    def analyze(self) -> analysis.Verdicts:
        """Run the query and return the verdict on each test; see `analyze.verdicts`.

        Raises:
            InvalidArgumentError: a test-level step is not about names.
            StorageError: the store cannot be read.
            UnknownProfileError: the profile does not exist.
        """
        from pytest_insight.analyze import verdicts  # not needed by other queries

        return verdicts(self)

    def compare_to(self, base: Query | str) -> analysis.Comparison:
        """Run the query and compare its sessions, the head, with those of another query, the base.

        `query.latest().compare_to(query.with_commit("dc0d61a"))`

        Args:
            base: a query, or what `compare.against` takes: "main", "last~1".

        Raises:
            InvalidArgumentError: a side selects no session, both are the same, or they cannot be
                compared; see `Compare.execute`.
            StorageError: the store cannot be read.
            UnknownProfileError: the profile does not exist.
        """
        from pytest_insight.compare import Compare  # not needed by other queries

        return Compare(base, self, EVERYTHING, self.profile_name, self.storage).execute()

    def explain(self) -> list[str]:
        """Return the query plan as lines of text, without running the query."""
        return self.open_storage().explain(self.selection)

    def _and(self, session_filter: SessionFilter) -> Query:
        return self.with_session_filters(session_filter)

    def _within(self, unit: str, count: float, seconds: int) -> Query:
        return self._and(StartedWithin(arguments.number(unit, count) * seconds))

    def _selecting(self, **changes: Any) -> Query:
        return replace(self, selection=msgspec.structs.replace(self.selection, **changes))

    def _steps(self) -> Iterator[str]:
        """Yield the code of each step, starting with a dot."""
        if self.storage is not None:
            yield f".on_storage({self.storage!r})"
        if self.profile_name is not None:
            yield f".with_profile({self.profile_name!r})"
        yield from map(session_step, self.selection.session_filters)
        if self.selection.limit is not None:
            yield f".latest({self.selection.limit})"
        if self.selection.test_filters:
            steps = "".join(map(test_step, self.selection.test_filters))
            yield f".filter_by_test(){steps}.apply()"


@dataclass(frozen=True, repr=False)
class QueryTestFilter:
    """The test-level steps of a query, between `filter_by_test()` and `apply()`.

    All steps must match. Sessions without any matching test are dropped from the result.

    Attributes:
        query: the query to which the steps belong.
        filters: the filters, as data.

    Raises (every step):
        InvalidArgumentError: an argument makes no sense or can never match.
    """

    query: Query
    filters: tuple[TestFilter, ...] = ()

    @override
    def __repr__(self) -> str:
        steps = (*self.query._steps(), ".filter_by_test()", *map(test_step, self.filters))
        return f"query{''.join(steps)}"

    def with_outcome(self, *outcomes: str | TestOutcome) -> QueryTestFilter:
        """Keep only tests with one of these outcomes."""
        return self._and(OutcomeIn(arguments.outcomes(outcomes)))

    def with_pattern(
        self, pattern: str, field_name: TextField = "nodeid", use_regex: bool = False
    ) -> QueryTestFilter:
        """Keep only tests with a text field that contains or matches a pattern.

        Args:
            pattern: a text that the field contains, or a shell wildcard for the whole field.
            field_name: the field.
            use_regex: the pattern is a regular expression, searched for with `re.search`.
        """
        pattern = arguments.text("pattern", pattern)
        field = arguments.text_field(field_name)
        if arguments.flag("use_regex", use_regex):
            arguments.regex(pattern)
        return self._and(PatternMatches(pattern, field, use_regex))

    def with_nodeid_containing(self, text: str) -> QueryTestFilter:
        """Keep only tests whose nodeid contains the text literally."""
        return self._and(NodeidContains(arguments.text("text", text)))

    def with_nodeid(self, *nodeids: str) -> QueryTestFilter:
        """Keep only tests with one of these nodeids, or in one of these classes, files or folders.

        They are relative to the root folder, as nodeids are. `a.py::test_x` includes the test with
        any parameters.
        """
        return self._and(NodeidUnder(arguments.places(nodeids)))

    def with_keywords(self, expression: str) -> QueryTestFilter:
        """Keep only tests for whose names an expression holds, as for `pytest -k`.

        `"login and not (slow or admin)"`: each word is a part of the name of a folder, file, class
        or test, in upper or lower case. Markers are not recorded, so that no word means one.
        """
        return self._and(KeywordsMatch(arguments.keywords(expression)))

    def with_error_containing(self, text: str) -> QueryTestFilter:
        """Keep only tests whose message or failure contains the text literally."""
        return self._and(ErrorContains(arguments.text("text", text)))

    def with_output_containing(self, text: str) -> QueryTestFilter:
        """Keep only tests whose captured stdout, stderr or log contains the text literally."""
        return self._and(OutputContains(arguments.text("text", text)))

    def with_phase(self, phase: Phase) -> QueryTestFilter:
        """Keep only results of a phase: "setup", "call" or "teardown"."""
        return self._and(PhaseIs(arguments.phase(phase)))

    def with_duration_between(
        self, shortest: float | None = None, longest: float | None = None
    ) -> QueryTestFilter:
        """Keep only tests that took this many seconds, both bounds inclusive; None is unbounded."""
        if shortest is not None:
            arguments.number("the shortest duration", shortest)
        if longest is not None:
            arguments.number("the longest duration", longest)
        if shortest is None and longest is None:
            raise InvalidArgumentError("give a shortest or a longest duration")
        if shortest is not None and longest is not None and shortest > longest:
            raise InvalidArgumentError(
                f"the shortest duration {shortest} is more than the longest {longest}"
            )
        return self._and(DurationBetween(shortest, longest))

    def with_warning(self, has_warning: bool = True) -> QueryTestFilter:
        """Keep only tests with a warning; if False, only tests without one."""
        return self._and(TestHasWarning(arguments.flag("has_warning", has_warning)))

    def with_custom_filter(self, predicate: Callable[[TestResult], Any]) -> QueryTestFilter:
        """Keep only tests for which a function returns something true; applied last."""
        if not callable(predicate):
            raise InvalidArgumentError(f"a custom filter must be a function, not {predicate!r}")
        return self._and(Custom(predicate))

    def apply(self) -> Query:
        """Return the query with these steps."""
        return self.query.with_test_filters(*self.filters)

    def whole_sessions(self) -> Query:
        """Return the query for the sessions with a test that matches these steps, kept whole."""
        return (
            self.query.with_session_filters(
                HasTest(cast("tuple[AnyTestFilter, ...]", self.filters))
            )
            if self.filters
            else self.query
        )

    def _and(self, test_filter: TestFilter) -> QueryTestFilter:
        return replace(self, filters=(*self.filters, test_filter))


@dataclass(frozen=True, repr=False)
class QueryResult(ArrowSource, SessionSequence):
    """The sessions that a query found, ordered by start time: a sequence.

    Attributes:
        sessions: after test-level steps, each holds only its matching tests.
        query: the query that was executed.
    """

    sessions: tuple[TestSession, ...]
    query: Query

    @overload
    def __getitem__(self, index: int) -> TestSession: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[TestSession, ...]: ...

    @override
    def __getitem__(self, index: int | slice) -> TestSession | tuple[TestSession, ...]:
        return self.sessions[index]

    @override
    def __iter__(self) -> Iterator[TestSession]:
        return iter(self.sessions)

    @override
    def __len__(self) -> int:
        return len(self.sessions)

    @override
    def __repr__(self) -> str:
        if not self.sessions:
            return "<QueryResult: no sessions>"
        results = sum(len(session.test_results) for session in self.sessions)
        days = days_text(self.sessions[0].session_start_time, self.sessions[-1].session_start_time)
        return f"<QueryResult: {plural(len(self), 'session')}, {plural(results, 'result')}, {days}>"

    def _repr_html_(self) -> str:
        from pytest_insight.models.html import results_html, sessions_html  # for notebooks

        if not self.query.selection.test_filters:
            return sessions_html(self.sessions)
        newest_first = ((s, r) for s in reversed(self.sessions) for r in s.test_results)
        return results_html(newest_first, sum(len(s.test_results) for s in self.sessions))

    @property
    def empty(self) -> bool:
        """Whether no session was found."""
        return not self.sessions

    def first(self) -> TestSession | None:
        """Return the first session, which is the oldest one; None if no session was found."""
        return self.sessions[0] if self.sessions else None

    def tests(self) -> ResultList:
        """Return the results of all sessions, in order."""
        return ResultList(self.sessions)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary for each result, in order; `pandas.DataFrame` takes the list.

        The keys stay the same, and later versions may add some: `session`, `session_start` (aware),
        `sut`, `branch`, `commit`, `tags` (a dictionary), `nodeid`, `file`, `outcome` (a string),
        `phase` ("setup", "call" or "teardown"), `start` (aware), `duration` (in seconds),
        `message`, `crash`, `worker`, `has_warning`, `longreprtext`. Branch and commit are None if
        they are unknown; other texts are empty.
        """
        return [result_record(*pair) for pair in self.tests_with_sessions()]

    @override
    def _arrow_sessions(self) -> Sequence[TestSession]:
        return self.sessions

    @override
    def _arrow_storage(self) -> BaseStorage:
        return self.query.open_storage()

    def tests_with_sessions(self) -> Iterator[tuple[TestSession, TestResult]]:
        """Yield each result together with its session."""
        for session in self.sessions:
            for result in session.test_results:
                yield session, result


def _fact_text(value: object) -> str:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    raise InvalidArgumentError(f"a fact must be a string, a number, True or False, not {value!r}")
