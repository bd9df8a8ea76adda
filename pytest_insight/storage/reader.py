"""The part of every storage that reads: two primitives, and questions in terms of them.

Sessions are ordered by start time, and by ID if they started at the same time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Set
from datetime import UTC, datetime
from itertools import chain

from pytest_insight import analysis
from pytest_insight._util.storable import storable_text
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.runs import LAST_RUNS, Run, last_runs
from pytest_insight.analysis.survey import Survey, survey
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.document.codec import encode_session
from pytest_insight.filters import ANY_TIME, Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.storage.page import Page, first_page
from pytest_insight.summaries import (
    SessionSummary,
    SummaryOrder,
    TestSummary,
    sort_summaries,
    summarize,
)


class SessionReader(ABC):
    """Reads the test sessions of one store, which has each session ID once.

    A backend implements `iter_sessions` and `session_ids`, and may override the rest.
    """

    @abstractmethod
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """Yield the selected sessions with only their selected results.

        Memory is bounded by the largest session. Sessions that other processes save after the first
        `next()` may or may not be yielded, but never in part.

        Args:
            selection: None for all sessions. Relative times count from the first `next()`.
            newest_first: yield the same sessions in reverse order.

        Raises:
            StorageError: the store cannot be read.
        """

    @abstractmethod
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        """Return the IDs of the selected sessions, in the order of `iter_sessions`.

        Faster than `iter_sessions` if the selection does not depend on results.
        """

    def load_sessions(self) -> list[TestSession]:
        """Return all sessions. Equivalent to `list(iter_sessions())`."""
        return list(self.iter_sessions())

    def select(self, selection: Selection) -> list[TestSession]:
        """Return the selected sessions. Equivalent to `list(iter_sessions(selection))`."""
        return list(self.iter_sessions(selection))

    def get_last_session(self) -> TestSession | None:
        """Return the last session with results, not dated in the future; None without one."""
        newest, all_dated = Selection(limit=1), Selection((ANY_TIME,))
        found = chain(self.iter_sessions(newest), self.iter_sessions(all_dated, newest_first=True))
        return next((session for session in found if session.test_results), None)

    def get_session_by_id(self, session_id: str) -> TestSession | None:
        """Return the session with exactly this ID; None if there is none."""
        selection = Selection((SessionIdIn(frozenset((storable_text(session_id),))),))
        return next(self.iter_sessions(selection), None)

    def encoded_sessions(self, ids: Collection[str]) -> Iterator[bytes]:
        """Yield the sessions with these IDs, encoded as by `document.codec.encode_session`.

        A backend that stores those bytes yields them without decoding the results.
        """
        wanted = Selection((SessionIdIn(frozenset(ids)),))
        return map(encode_session, self.iter_sessions(wanted))

    def count(self, selection: Selection | None = None) -> int:
        """Return the number of selected sessions. Equivalent to `len(session_ids(selection))`."""
        return len(self.session_ids(selection))

    def first_page(self, selection: Selection, limit: int) -> Page:
        """Return the newest selected sessions, and the number of all unless that takes long."""
        return first_page(self, selection, limit, self.count)

    def session_summaries(self, selection: Selection) -> list[SessionSummary]:
        """Return the selected sessions in time order, with counts instead of their results."""
        return [
            SessionSummary(
                session.with_results(()),
                {str(outcome): count for outcome, count in session.outcome_counts.items()},
            )
            for session in self.iter_sessions(selection)
        ]

    def count_results(self, selection: Selection) -> int | None:
        """Return the number of selected results; None if it would take long to find out."""
        return sum(len(session.test_results) for session in self.iter_sessions(selection))

    def group_by_test(
        self,
        selection: Selection | None = None,
        *,
        sort: SummaryOrder | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        """Return a summary of the selected results of each test; see `Query.group_by_test`.

        Equivalent to `sort_summaries(summarize(iter_sessions(selection)), sort, limit)`, with
        `flaky` of the flaky tests only.
        """
        percentiles = percentiles or sort == SummaryOrder.P95
        found = summarize(self.iter_sessions(selection), percentiles=percentiles)
        return sort_summaries((each for each in found if each.flaky or not flaky), sort, limit)

    def survey(
        self,
        selection: Selection | None = None,
        *,
        line: Line = ALL_RUNS,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Survey:
        """Return the selected sessions at a glance, with the runs that verdicts depend on.

        Equivalent to `analysis.survey.survey(iter_sessions(selection), line.counted(now), rules)`.
        """
        counted = line.counted(datetime.now(UTC))
        return survey(self.iter_sessions(selection), counted, rules)

    def matrix(self, selection: Selection | None = None) -> analysis.Matrix:
        """Return what each selected session says of each of its tests, as one letter.

        Equivalent to `analysis.matrix.matrix(iter_sessions(selection))`.
        """
        from pytest_insight.analysis.matrix import matrix  # few commands need it

        return matrix(self.iter_sessions(selection))

    def runs(
        self,
        selection: Selection | None = None,
        nodeids: Collection[str] | None = None,
        *,
        last: int | None = LAST_RUNS,
        candidates: Mapping[TestKey, int] | None = None,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Iterator[Run]:
        """Yield the runs of tests in the selected sessions, the newest session first.

        Equivalent to `analysis.runs.last_runs(iter_sessions(selection, newest_first=True), ...)`,
        but for the order of the runs of one session, which may be any.

        Args:
            selection: None for all sessions. The counts of a run's session are those of the
                selected results.
            nodeids: only the runs of these tests; None for all tests.
            last: the most runs of each test within a SUT; None for all.
            candidates: only the runs of these tests, by SUT and nodeid, and not more of each than
                the number: `survey(selection).candidates`. Reading ends when all were yielded.
            rules: what makes two failures one cause.
        """
        sessions = self.iter_sessions(selection, newest_first=True)
        return last_runs(sessions, nodeids, last, candidates, rules)

    def durations(
        self, selection: Selection | None, counts: Mapping[TestKey, int] | None, *, last: int
    ) -> Iterator[analysis.TimedSession]:
        """Yield how long the last runs of tests took, the newest session first.

        Equivalent to `analysis.timed_sessions.last_timed(iter_sessions(selection,
        newest_first=True), counts, last)`, but for the order of the tests of a session.

        Args:
            selection: None for all sessions.
            counts: the tests by SUT and nodeid, and how many runs each of them has
                (`survey(selection).counts`): reading ends when all were yielded. None for all.
            last: the most runs of each test.
        """
        from pytest_insight.analysis.timed_sessions import last_timed  # few commands need it

        return last_timed(self.iter_sessions(selection, newest_first=True), counts, last)

    def newest_runs(
        self,
        selection: Selection | None = None,
        *,
        usual: int = 0,
        timed: Set[str] = frozenset(),
        rules: CauseRules = DEFAULT_RULES,
    ) -> analysis.Newest:
        """Return the newest decided run of each test, for a comparison.

        Equivalent to `analysis.comparison.newest_runs.newest_runs(iter_sessions(selection,
        newest_first=True), usual, timed, rules)`. Tests of different SUTs with equal nodeids are
        one.

        Args:
            selection: None for all sessions.
            usual: how many tests a session usually has; one with less than half of them is no
                incident.
            timed: the tests of which all runs that passed are returned, too.
            rules: what makes two failures one cause.
        """
        from pytest_insight.analysis.comparison.newest_runs import newest_runs  # likewise

        sessions = self.iter_sessions(selection, newest_first=True)
        return newest_runs(sessions, usual, timed, rules)

    def iter_headers(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """Yield the selected sessions without their results.

        Equivalent to `with_results(())` of each session of `iter_sessions`, and faster if the
        selection does not depend on results.
        """
        for session in self.iter_sessions(selection, newest_first=newest_first):
            yield session.with_results(())

    def sut_names(self) -> list[str]:
        """Return the names of the SUTs that have sessions, each once, sorted."""
        return sorted({session.sut_name for session in self.iter_sessions()})

    def explain(self, selection: Selection) -> list[str]:
        """Return the query plan of a selection, as lines for people."""
        return selection.resolved().described()
