"""What the history of a SUT says of the failures of a run, read within a time limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pytest_insight._util.times import earlier
from pytest_insight.analysis.causes import DIFFERENT, Cause, CauseRules, likeness
from pytest_insight.analysis.incidents import LEAST_WITH_CAUSE, Incident, find_incidents
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.runs import (
    UNKNOWN_DIGEST,
    Run,
    SessionFacts,
    in_time_order,
    is_notable,
)
from pytest_insight.analysis.survey import survey_of
from pytest_insight.analysis.values import BROKEN, Verdict
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.analyze.branches import find_line
from pytest_insight.analyze.failed_tests import FailedTests
from pytest_insight.analyze.incidents import by_test, count_red_runs, find_doubtful, find_notable
from pytest_insight.analyze.scope import WINDOW_SECONDS
from pytest_insight.filters import Selection, StartedBetween, SutIs

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

SECONDS = 0.3
"""How long a run waits for its history."""
MAX_TESTS = 25
"""Tests that history is asked about; if more failed, there is something else to look at first."""
LAST = 100
"""Runs of each test that are looked at."""
MAX_SURVEYED = 50_000
"""Tests of earlier sessions that are looked at to tell incidents from failures of single tests."""


class OutOfTimeError(Exception):
    """The history was not read within the time limit."""


class JudgedFailure(NamedTuple):
    """A test of this run that failed, and what the history says of it.

    Attributes:
        run: of this run.
        verdict: with this run as the last one.
        red_runs: how often in a row it has failed, this run included.
        was: why it failed in the run before, if that was for another reason; else empty.
        on_default: whether it failed in its last run on the default branch as well; False if this
            run is one of that branch.
        is_first: whether no earlier run of the test passed or failed.
    """

    run: Run
    verdict: Verdict
    red_runs: int
    was: str
    on_default: bool
    is_first: bool


class MassFailure(NamedTuple):
    """So many failures with one cause that they say nothing about single tests.

    Attributes:
        tests: how many tests have that cause.
        message: what it says.
    """

    tests: int
    message: str


class FailureHistory(NamedTuple):
    """What the history says of the tests of a run that failed.

    Attributes:
        tests: those tests; empty if the history was not asked, or if it says nothing.
        default_branch: its name; empty if it is unknown.
        failed: how many tests failed.
        decided: how many tests passed or failed.
        mass: the cause of most failures if there are too many for verdicts; else None.
        not_asked: why the history was not asked; empty if it was.
        left_out: how many of the failures look like those of an incident, which is no evidence
            until they are red for `BROKEN_RUNS` runs; 0 if none do.
    """

    tests: tuple[JudgedFailure, ...] = ()
    default_branch: str = ""
    failed: int = 0
    decided: int = 0
    mass: MassFailure | None = None
    not_asked: str = ""
    left_out: int = 0


class _Limit:
    """A time limit that is checked between steps."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            OutOfTimeError: none are.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise OutOfTimeError
        return left

    def watch(self, runs: Iterable[Run]) -> list[Run]:
        """Return runs as a list."""
        found = []
        for run in runs:
            self.left()
            found.append(run)
        return found


def look_back(
    storage: BaseStorage,
    failed: FailedTests,
    where: Path | Line,
    clock: Callable[[], float],
    seconds: float = SECONDS,
    most: int = MAX_TESTS,
    window: float = WINDOW_SECONDS,
) -> FailureHistory | None:
    """Return what the history says of the tests that failed; None without a history of the SUT.

    Args:
        storage: of the history; it may have this run, or not yet.
        failed: the tests of this run that failed.
        where: in the working tree that was tested; or the line of the run, if it was long ago.
        clock: returns seconds.
        seconds: the time limit.
        most: how many tests history is asked about.
        window: how many seconds back, from the start of the run.

    Raises:
        InsightError: the store cannot be read.
    """
    limit = _Limit(clock, seconds)
    session = failed.session
    found = FailureHistory(failed=len(failed.runs), decided=session.decided)
    try:
        period = StartedBetween(earlier(session.start, window), session.start)
        selection = Selection((SutIs(escape(session.sut_name)), period))
        if len(failed.runs) > most:
            is_any = _is_any(storage, selection, session, limit)
            return _of_many(found, failed, most) if is_any else None
        # Not as `nodeids`: reading ends when there are enough runs of each of these.
        wanted = {(session.sut_name, nodeid): LAST for nodeid in failed.nodeids}
        runs = storage.runs(selection, candidates=wanted, rules=failed.rules)
        past = limit.watch(run for run in runs if run.session.session_id != session.session_id)
        if not past and not _is_any(storage, selection, session, limit):
            return None
        incident = _incident(failed, _sessions(past))
        if incident is not None and not incident.causes and (mass := _mass(failed)):
            return found._replace(mass=mass)
        failed = failed._replace(runs=_without_context(failed.runs, incident))
        line = where if isinstance(where, Line) else _line_of(session, past, where, limit)
        bad_of_others = _notable_of_incidents(storage, past, line, failed.rules, limit)
        judged = _judge(failed, past, bad_of_others, line)
        limit.left()
        default, left_out = line.default_branch or "", _count_left_out(judged, incident)
        return found._replace(tests=tuple(judged), default_branch=default, left_out=left_out)
    except OutOfTimeError:
        return found._replace(not_asked=f"it took longer than {seconds:g} s")


def _is_any(
    storage: BaseStorage, selection: Selection, session: SessionFacts, limit: _Limit
) -> bool:
    """Return whether the history has another session."""
    limit.left()
    found = storage.session_ids(Selection(selection.session_filters, limit=2))
    return found not in ([], [session.session_id])


def _of_many(found: FailureHistory, failed: FailedTests, most: int) -> FailureHistory:
    mass = _mass(failed)
    if mass is not None and _incident(failed) is not None:
        return found._replace(mass=mass)
    return found._replace(not_asked=f"it is for at most {most:,} tests")


def _incident(failed: FailedTests, sessions: Iterable[SessionFacts] = ()) -> Incident | None:
    session = failed.session
    return find_incidents([*sessions, session], failed.runs).get(session.session_id)


def _count_left_out(judged: Iterable[JudgedFailure], incident: Incident | None) -> int:
    """Return how many failures are left out as those of an incident, which ends with the third."""
    if incident is None:
        return 0
    return sum(incident.covers(each.run) and each.red_runs < BROKEN_RUNS for each in judged)


def _without_context(runs: Sequence[Run], incident: Incident | None) -> list[Run]:
    """Return the runs, those of an incident without the code state that they ran on.

    That an incident hit a test on code on which it passed does not show that the test is flaky.
    """
    if incident is None:
        return list(runs)
    return [
        replace(run, session=replace(run.session, digest=UNKNOWN_DIGEST))
        if incident.covers(run)
        else run
        for run in runs
    ]


def _line_of(session: SessionFacts, past: Sequence[Run], folder: Path, limit: _Limit) -> Line:
    branches = {run.session.branch for run in past}

    def began() -> datetime:
        on_branch = (run.session.start for run in past if run.session.branch == session.branch)
        return min(on_branch, default=session.start)

    return find_line(session.branch, began, branches.__contains__, folder, left=limit.left)


def _mass(failed: FailedTests) -> MassFailure | None:
    """Return the cause of more than half of the failures, if there is one."""
    cause, count = Counter(run.cause for run in failed.runs).most_common(1)[0]
    message = next(run.message for run in failed.runs if run.cause == cause)
    return MassFailure(count, message) if 2 * count > len(failed.runs) else None


def _sessions(runs: Iterable[Run]) -> list[SessionFacts]:
    found = {run.session.session_id: run.session for run in runs}
    return sorted(found.values(), key=in_time_order)


def _notable_of_incidents(
    storage: BaseStorage, past: Sequence[Run], line: Line, rules: CauseRules, limit: _Limit
) -> list[Run]:
    """Return what else failed in the sessions whose failures may be those of an incident.

    Sessions since which a test has not passed are left out: a long red run is no incident.
    """
    doubtful = {
        run.session.session_id: run.session
        for runs in by_test(past).values()
        for run in find_doubtful(runs, line, more_red=1)
        if run.cause and (run.is_recovered or run.session.bad >= LEAST_WITH_CAUSE)
    }
    chosen: list[SessionFacts] = []
    tests = 0
    for session in sorted(doubtful.values(), key=in_time_order, reverse=True):
        tests += session.decided
        if tests > MAX_SURVEYED:
            break
        chosen.append(session)
    limit.left()
    return find_notable(storage, chosen, rules)


def _judge(
    failed: FailedTests,
    past: Sequence[Run],
    of_incidents: Sequence[Run],
    line: Line,
) -> list[JudgedFailure]:
    session = failed.session
    runs = [*past, *failed.runs]
    decided: Counter[str] = Counter(dict.fromkeys(failed.nodeids, 0))
    decided.update(run.nodeid for run in runs if run.is_decided and line.has(run.session))
    # This run's failures are no evidence of an incident: a mass failure has no verdicts.
    notable = [run for run in past if is_notable(run)]
    of_them = {run.session.session_id for run in of_incidents}
    notable = [r for r in notable if r.session.session_id not in of_them] + list(of_incidents)
    survey = survey_of(runs, notable, {session.sut_name: dict(decided)})
    found = {each.nodeid: each for each in analyze(survey, session.start, line=line).verdicts}
    earlier = by_test(past)
    return [
        _judged(run, found[run.nodeid], earlier.get(run.nodeid, []), line) for run in failed.runs
    ]


def _judged(run: Run, verdict: Verdict, past: Sequence[Run], line: Line) -> JudgedFailure:
    decided = [each for each in past if each.is_decided]
    of_line = [each for each in decided if line.has(each.session)]
    was = ""
    if verdict.verdict == BROKEN and of_line and of_line[-1].is_bad:
        before = of_line[-1]
        if likeness(Cause(before.cause, before.shape), Cause(run.cause, run.shape)) == DIFFERENT:
            was = before.message
    on_default = [each for each in decided if each.session.branch == line.default_branch]
    return JudgedFailure(
        run,
        verdict,
        1 + count_red_runs(of_line),
        was,
        line.branch != line.default_branch and bool(on_default) and on_default[-1].is_bad,
        not of_line,
    )
