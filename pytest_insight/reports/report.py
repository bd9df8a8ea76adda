"""The contents of a report, whatever its format."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.analysis.comparison.values import Change
from pytest_insight.analysis.output import description
from pytest_insight.analysis.results import Judged, Verdicts
from pytest_insight.analysis.runs import LAST_RUNS, Run
from pytest_insight.analysis.values import (
    BROKEN,
    FLAKY,
    NEW_FAILURE,
    NEW_TEST,
    STABLE,
    SUSPECT,
    TOO_FEW,
    UNSTABLE_XFAIL,
    Verdict,
)
from pytest_insight.filters import Selection, SessionIdIn, TestFilter
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.models.text import plural
from pytest_insight.reports.causes import CauseSummary, find_causes
from pytest_insight.summaries import BAD, SessionSummary

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.storage.base import BaseStorage

MOST_SESSIONS = LAST_RUNS
"""The sessions of each SUT that a report has, the newest ones."""

PROBLEMS = (BROKEN, NEW_FAILURE, Change.NEW_TEST_FAILING, FLAKY, SUSPECT, UNSTABLE_XFAIL)
"""What the headline of a report counts, the worst first: verdicts, and new tests that fail."""


class Test(NamedTuple):
    """A test in a report.

    Attributes:
        verdict: what the history says of it.
        row: what each session of the suite says of it, as a letter (`analysis.matrix`).
        seconds: how long it took in the last session that ran it; None if the last one did not.
        durations: of its runs that passed, in seconds, by the position of the session; empty unless
            its duration changed.
    """

    verdict: Verdict
    row: str
    seconds: float | None
    durations: tuple[tuple[int, float], ...]


class Suite(NamedTuple):
    """What a report says of one SUT.

    Attributes:
        judged: which sessions were judged.
        sessions: the newest of them, in time order, without their results.
        last: the last one, with its results.
        tests: the worst first.
        causes: why tests failed; those that make tests fail now first.
    """

    judged: Judged
    sessions: tuple[SessionSummary, ...]
    last: TestSession
    tests: tuple[Test, ...]
    causes: tuple[CauseSummary, ...]

    @property
    def sut(self) -> str:
        """The SUT."""
        return self.judged.sut

    @property
    def unstable(self) -> list[Test]:
        """The tests that are not stable, without those of too few runs to say; the worst first."""
        return [each for each in self.tests if each.verdict.verdict not in (STABLE, TOO_FEW)]

    @property
    def failed(self) -> frozenset[str]:
        """The tests that failed in the last run."""
        return frozenset(r.nodeid for r in self.last.test_results if r.outcome in BAD)

    @property
    def headline(self) -> str:
        """What the last run says: "2 of 30 tests failed in the last run"."""
        if self.last.crashed:
            return "the last run crashed"
        tests = len({result.nodeid for result in self.last.test_results})
        if bad := len(self.failed):
            return f"{bad:,} of {plural(tests, 'test')} failed in the last run"
        if not tests:
            return "no test was run in the last run"
        if all(result.outcome == TestOutcome.PASSED for result in self.last.test_results):
            return f"{'all ' if tests > 1 else ''}{plural(tests, 'test')} passed in the last run"
        return f"none of {plural(tests, 'test')} failed in the last run"

    @property
    def counts(self) -> dict[str, int]:
        """How many tests have each of `PROBLEMS`, or got slower; none that no test has."""
        found = Counter(_problem(each.verdict) for each in self.tests)
        slower = sum(
            each.verdict.timing is not None and each.verdict.timing.ratio > 1 for each in self.tests
        )
        counts = {name: found[name] for name in PROBLEMS} | {"slower": slower}
        return {name: count for name, count in counts.items() if count}


class Report(NamedTuple):
    """What a report says.

    Attributes:
        made: when it was made.
        suites: one for each SUT with sessions.
        comparison: of the last run of the one suite; None if none was asked for.
    """

    made: datetime
    suites: tuple[Suite, ...]
    comparison: Comparison | None = None


def _problem(verdict: Verdict) -> str:
    is_bad = verdict.verdict == NEW_TEST and verdict.bad
    return Change.NEW_TEST_FAILING if is_bad else verdict.verdict


def make_report(
    storage: BaseStorage, found: Verdicts, names: tuple[TestFilter, ...] = ()
) -> Report:
    """Return the report about verdicts.

    Args:
        storage: they are of its sessions.
        found: the verdicts; those on tests that no session of a report ran are left out.
        names: filters by name that these tests passed; a session that ran none of them is left out.

    Raises:
        StorageError: the store cannot be read.
    """
    suites = [_suite(storage, found, judged, names) for judged in found.judged if judged.sessions]
    return Report(datetime.now(UTC), tuple(filter(None, suites)))


def _suite(
    storage: BaseStorage, found: Verdicts, judged: Judged, names: tuple[TestFilter, ...]
) -> Suite | None:
    ids = [each.session_id for each in judged.sessions[-MOST_SESSIONS:]]
    selection = Selection((SessionIdIn(frozenset(ids)),), test_filters=names)
    last = next(storage.iter_sessions(selection, newest_first=True), None)
    if last is None:  # deleted just now, or none has such a test
        return None
    matrix = storage.matrix(selection)
    known = {each.session.session_id: each for each in storage.session_summaries(selection)}
    columns = [n for n, each in enumerate(matrix.sessions) if each.session_id in known]
    rows = matrix.rows.get(judged.sut, {})
    if len(columns) < len(matrix.sessions):  # one was deleted between the two reads
        rows = {name: "".join(row[n] for n in columns) for name, row in rows.items()}
    summaries = tuple(known[matrix.sessions[n].session_id] for n in columns)
    places = {each.session.session_id: place for place, each in enumerate(summaries)}
    seconds: dict[str, float] = {}
    for result in last.test_results:
        seconds[result.nodeid] = seconds.get(result.nodeid, 0.0) + result.duration
    verdicts = sorted((each for each in found if each.sut == judged.sut), key=description.rank)
    runs = {
        each.nodeid: [run for run in found.runs(each) if run.session.session_id in places]
        for each in verdicts
    }
    tests = [
        Test(
            each,
            rows[each.nodeid],
            seconds.get(each.nodeid),
            _durations(each, runs[each.nodeid], places),
        )
        for each in verdicts
        if each.nodeid in rows
    ]
    causes = find_causes(storage, runs)
    return Suite(judged, summaries, last, tuple(tests), tuple(causes))


def _durations(
    verdict: Verdict, runs: list[Run], places: dict[str, int]
) -> tuple[tuple[int, float], ...]:
    if verdict.timing is None:
        return ()
    return tuple(
        (places[run.session.session_id], run.duration) for run in runs if run.outcome == "passed"
    )
