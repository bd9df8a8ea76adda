"""The verdict on each test, and what belongs together: tests that broke at one time for one cause.

Pure: a storage gives a survey of the sessions and the runs of the tests it names as candidates
(`BaseStorage.survey`, `BaseStorage.runs`), in two passes because most tests never fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from pytest_insight.analysis.incidents import Incident, find_incidents
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.rates import rate_of
from pytest_insight.analysis.rules import BROKEN_RUNS, Case, Found, decide, nothing_to_say
from pytest_insight.analysis.runs import LAST_RUNS, Run, SessionFacts, Survey, in_time_order
from pytest_insight.analysis.values import (
    BROKEN,
    FASTER,
    FLAKY,
    NEW_FAILURE,
    NEW_TEST,
    SLOWER,
    STABLE,
    Excluded,
    Since,
    Timing,
    Verdict,
    count_causes,
)
from pytest_insight.filters.sessions import latest_start
from pytest_insight.models.text import plural

LEAST_OVERLAP = 0.4
"""Of the narrower of two intervals, how much must be in the other one."""

TestKey = tuple[str, str]
"""The SUT and the nodeid of a test."""

_TIME_ORDER = attrgetter("session.start", "session.session_id")
"""As `in_time_order`, for many runs: three times as fast."""


class Breakage(NamedTuple):
    """Tests that are red for one cause and may have broken at one time.

    Attributes:
        cause: the key of the cause.
        message: what it says.
        since: of the test for which it is known best when it began.
        verdicts: of the tests.
    """

    cause: str
    message: str
    since: Since | None
    verdicts: tuple[Verdict, ...]

    def __repr__(self) -> str:
        return f"<Breakage: {self.message!r}, {plural(len(self.verdicts), 'test')}>"


class Analysis(NamedTuple):
    """What a history says.

    Attributes:
        verdicts: of each test, by SUT and nodeid.
        breakages: of the tests that are red now, the largest first.
        incidents: the sessions of which results do not count, in time order.
    """

    verdicts: list[Verdict]
    breakages: list[Breakage]
    incidents: list[Incident]

    def __repr__(self) -> str:
        counts = Counter(each.verdict for each in self.verdicts)
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
        return f"<Analysis: {shown or 'no tests'}>"


class _Judged(NamedTuple):
    """A verdict, the cause of the last run, and in which sessions the red run may have begun."""

    verdict: Verdict
    cause: str
    interval: tuple[int, int]


def analyze(
    survey: Survey,
    runs: Iterable[Run],
    now: datetime,
    *,
    line: Line = ALL_RUNS,
    timings: Mapping[TestKey, Timing] | None = None,
) -> Analysis:
    """Return the verdict of each test of a survey that has a run in the line.

    Args:
        survey: of the sessions that are looked at; its `counted` is `line.counted(now)`.
        runs: the runs of at least the survey's candidates, in any order.
        now: sessions that are dated later (`filters.MAX_AHEAD`) do not count.
        line: whose runs are judged; evidence of same code counts from every branch.
        timings: how the durations of tests changed.
    """
    latest = latest_start(now)
    sessions = [each for each in survey.sessions if each.start <= latest]
    court = _Court(sessions, find_incidents(sessions, survey.notable), line, now)
    by_test: dict[TestKey, list[Run]] = {key: [] for key in sorted(survey.tests)}
    for run in runs:
        session = run.session
        of_test = by_test.get((session.sut_name, run.nodeid))
        if of_test is not None and session.start <= latest:
            of_test.append(run)
    verdicts, red = [], []
    for key, found in by_test.items():
        if not found:
            verdicts.append(_never_failed(key, survey, (timings or {}).get(key)))
            continue
        judged = court.judge(key, found, (timings or {}).get(key))
        verdicts.append(judged.verdict)
        new_and_bad = judged.verdict.verdict == NEW_TEST and judged.verdict.bad
        if new_and_bad or judged.verdict.verdict in (BROKEN, NEW_FAILURE):
            red.append(judged)
    incidents = sorted(court.incidents.values(), key=lambda each: in_time_order(each.session))
    return Analysis(verdicts, find_breakages(red), incidents)


def candidates_for(survey: Survey, only: Collection[str] = ()) -> dict[TestKey, int]:
    """Return the tests whose runs must be looked at, and how many runs they have.

    Args:
        survey: of the sessions.
        only: the verdicts that are asked for; empty for all. Of the tests that failed, most can be
            neither flaky nor broken.
    """
    candidates = survey.candidates
    if not only or not {FLAKY, BROKEN}.issuperset(only):
        return candidates
    contexts = Counter(each.context for each in survey.sessions if each.decided)
    contexts[None] = 0
    bad = Counter((run.sut_name, run.nodeid) for run in survey.notable if run.is_bad)
    kept = {
        (run.sut_name, run.nodeid)
        for run in survey.notable
        # No segment of one run is all bad: more than the last 200 would have to be good before it.
        if run.is_recovered
        or contexts[run.session.context] > 1
        or bad[run.sut_name, run.nodeid] > 1
    }
    return {key: count for key, count in candidates.items() if key in kept}


class _Court:
    """Judges tests by what is known of all sessions."""

    def __init__(
        self,
        sessions: Sequence[SessionFacts],
        incidents: dict[str, Incident],
        line: Line,
        now: datetime,
    ) -> None:
        self.incidents = incidents
        self._line = line
        self._now = now
        self._position = {each.session_id: number for number, each in enumerate(sessions)}
        self._first: dict[str, SessionFacts] = {}
        for session in sessions:
            if session.decided and line.has(session):
                self._first.setdefault(session.sut_name, session)

    def judge(self, key: TestKey, runs: list[Run], timing: Timing | None) -> _Judged:
        """Return the verdict on a test.

        Args:
            key: the test.
            runs: all of its runs, in any order; at least one.
            timing: how its duration changed.
        """
        runs.sort(key=_TIME_ORDER)
        of_line = [run for run in runs if run.is_decided and self._line.has(run.session)]
        of_line = of_line[-LAST_RUNS:]
        of_incidents = {id(run) for run in runs if run.cause and self._incident_of(run) is not None}
        left_out = of_incidents - _still_red(of_line)
        decided = [run for run in of_line if id(run) not in left_out]
        first = self._first.get(key[0])
        case = Case(
            decided,
            # An incident that goes on breaks tests; it does not make them flaky.
            [run for run in runs if id(run) not in of_incidents],
            self._now,
            has_earlier=bool(decided and first and first.start < decided[0].session.start),
        )
        excluded = tuple(
            Excluded(run.session.session_id, incident.why)
            for run in of_line
            if id(run) in left_out and (incident := self._incident_of(run)) is not None
        )
        return self._judged(key, case, decide(case), excluded, timing)

    def _judged(
        self,
        key: TestKey,
        case: Case,
        found: Found,
        excluded: tuple[Excluded, ...],
        timing: Timing | None,
    ) -> _Judged:
        runs = case.decided
        low, high = _interval(case, found.since)
        hit = [run for run in runs if run.cause]
        bad = sum(case.is_bad)
        verdict = Verdict(
            key[1],
            key[0],
            _with_timing(found.verdict, timing),
            len(runs),
            bad,
            len(hit) - bad,
            rate_of(len(hit), len(runs)),
            None if found.since is None else _since(runs, found.since, low, high),
            count_causes(hit),
            tuple(run.session.session_id for run in found.evidence),
            excluded,
            timing,
            found.detail,
        )
        at = (
            [self._position.get(runs[p].session.session_id, 0) for p in (low, high)] if runs else []
        )
        return _Judged(verdict, runs[-1].cause if runs else "", (at[0], at[1]) if at else (0, 0))

    def _incident_of(self, run: Run) -> Incident | None:
        incident = self.incidents.get(run.session.session_id)
        return incident if incident is not None and incident.covers(run) else None


def _still_red(runs: Sequence[Run]) -> set[int]:
    """Return the runs of a red run that has not ended, if it is long enough to be no incident."""
    red: set[int] = set()
    for run in reversed(runs):
        if not run.is_bad:
            break
        red.add(id(run))
    return red if len(red) >= BROKEN_RUNS else set()


def _never_failed(key: TestKey, survey: Survey, timing: Timing | None) -> Verdict:
    runs = min(survey.decided[key[0]][key[1]], LAST_RUNS)
    found = nothing_to_say(runs)
    verdict = _with_timing(found.verdict, timing)
    return Verdict(
        key[1], key[0], verdict, runs, 0, 0, rate_of(0, runs), timing=timing, detail=found.detail
    )


def _with_timing(verdict: str, timing: Timing | None) -> str:
    """Return the verdict of a test whose duration changed: only a stable one is called slower."""
    if timing is None or verdict != STABLE:
        return verdict
    return SLOWER if timing.ratio > 1 else FASTER


def _interval(case: Case, since: int | None) -> tuple[int, int]:
    """Return the first and last position at which what began at a run may have begun."""
    if since is None:
        return 0, 0
    segment = next((each for each in case.segments if each.first == since), None)
    if segment is None or not segment.high:
        return since, since
    return segment.low, max(segment.high, since)


def _since(runs: Sequence[Run], since: int, low: int, high: int) -> Since:
    session = runs[since].session
    before = runs[low - 1].session.commit if low else ""
    return Since(
        session.session_id, session.commit, session.start, before, runs[high].session.commit
    )


def find_breakages(judged: Sequence[_Judged]) -> list[Breakage]:
    """Return the groups of tests with one cause that may have broken at one time."""
    groups: list[list[_Judged]] = []
    for each in sorted(judged, key=lambda one: (one.cause, _width(one.interval), one.interval)):
        for group in groups:
            if group[0].cause == each.cause and _overlap(group[0].interval, each.interval):
                group.append(each)
                break
        else:
            groups.append([each])
    found = [
        Breakage(
            group[0].cause,
            next((c.message for c in group[0].verdict.causes if c.cause == group[0].cause), ""),
            group[0].verdict.since,
            tuple(sorted((each.verdict for each in group), key=lambda v: (v.sut, v.nodeid))),
        )
        for group in groups
    ]
    return sorted(found, key=lambda each: (-len(each.verdicts), each.verdicts[0].nodeid))


def _width(interval: tuple[int, int]) -> int:
    return interval[1] - interval[0] + 1


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    shared = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return shared > LEAST_OVERLAP * min(_width(one), _width(other))
