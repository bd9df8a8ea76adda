"""The history of tests: of each its runs, one for each session, in time order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

from pytest_insight.analysis.failures import headline
from pytest_insight.filters.sessions import latest_start
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import earlier_attempts
from pytest_insight.summaries import BAD


class Run(NamedTuple):
    """What one session says of one test.

    Attributes:
        session_id: the session.
        start: when the session started.
        branch: its branch; empty if it is unknown.
        commit: its commit; empty if it is unknown.
        outcome: the outcome that counts: that of a failure if there is one (a pass whose teardown
            failed is an error), else that of the last attempt.
        attempts: how often the test was run in the session; more than 1 if it was run again.
        duration: of all attempts together, in seconds.
        phase: of the result that counts.
        message: the first line of why it did not pass; empty for a pass.
        crash: where, as `path:line`.
    """

    session_id: str
    start: datetime
    branch: str
    commit: str
    outcome: TestOutcome
    attempts: int
    duration: float
    phase: str
    message: str
    crash: str

    @property
    def is_bad(self) -> bool:
        """Whether it failed or had an error."""
        return self.outcome in BAD

    @property
    def is_recovered(self) -> bool:
        """Whether it passed, but not at the first attempt."""
        return self.outcome == TestOutcome.PASSED and self.attempts > 1


class Cause(NamedTuple):
    """A message and a place with which a test failed.

    Attributes:
        message: its first line.
        crash: the place, as `path:line`.
        runs: in how many runs.
        last: the start of the last session in which it did.
    """

    message: str
    crash: str
    runs: int
    last: datetime


class History(NamedTuple):
    """All runs of one test.

    Attributes:
        nodeid: the test.
        sut_name: the SUT; equal nodeids of two SUTs are two tests.
        runs: in time order, but those dated in the future first; at least one.
    """

    nodeid: str
    sut_name: str
    runs: tuple[Run, ...]

    @property
    def branches(self) -> dict[str, list[Run]]:
        """The runs by branch, the branch with the most runs first."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.branch, []).append(run)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    @property
    def causes(self) -> list[Cause]:
        """The distinct messages of the failures, the most frequent first."""
        bad = [run for run in self.runs if run.is_bad]
        counts = Counter((run.message, run.crash) for run in bad)
        last = {(run.message, run.crash): run.start for run in bad}
        return [Cause(*key, count, last[key]) for key, count in counts.most_common()]

    @property
    def median_duration(self) -> float:
        """The median of the durations, in seconds."""
        return median(run.duration for run in self.runs)


def histories(sessions: Iterable[TestSession]) -> list[History]:
    """Return the history of each test, by SUT and nodeid.

    Nobody knows the age of a session that is dated in the future: it counts as older than others.

    Args:
        sessions: in any order; of each, the results to look at.
    """
    found: dict[tuple[str, str], list[Run]] = {}
    latest = latest_start(datetime.now(UTC))

    def age(session: TestSession) -> tuple[bool, datetime]:
        return session.session_start_time <= latest, session.session_start_time

    for session in sorted(sessions, key=age):
        again = earlier_attempts(session.test_results)
        attempts: dict[str, list[tuple[bool, TestResult]]] = {}
        for position, result in enumerate(session.test_results):
            attempts.setdefault(result.nodeid, []).append((position in again, result))
        for nodeid, results in attempts.items():
            found.setdefault((session.sut_name, nodeid), []).append(_run(session, results))
    return [History(nodeid, sut, tuple(runs)) for (sut, nodeid), runs in sorted(found.items())]


def _run(session: TestSession, results: list[tuple[bool, TestResult]]) -> Run:
    final = [result for again, result in results if not again] or [result for _, result in results]
    counted = next((result for result in final if result.outcome in BAD), final[-1])
    code = session.code_state
    return Run(
        session.session_id,
        session.session_start_time,
        (code and code.branch) or "",
        (code and code.commit) or "",
        counted.outcome,
        1 + sum(again for again, _ in results),
        sum(result.duration for _, result in results),
        counted.phase,
        "" if counted.outcome == TestOutcome.PASSED else headline(counted),
        counted.crash,
    )
