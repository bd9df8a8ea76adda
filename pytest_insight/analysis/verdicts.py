"""The verdict on each test, and what belongs together: tests that broke at one time for one cause.

Pure: a storage gives a survey of the sessions, with the runs of the tests that may be more than
stable (`BaseStorage.survey`); most tests never fail, and of those the number of runs suffices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from pytest_insight.analysis.compact_runs import CompactRuns, NumberedSessions
from pytest_insight.analysis.incidents import Incident, find_incidents
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.rates import rate_of
from pytest_insight.analysis.rules import BROKEN_RUNS, Case, Found, decide, nothing_to_say
from pytest_insight.analysis.runs import LAST_RUNS, SessionFacts, in_time_order
from pytest_insight.analysis.survey import Survey
from pytest_insight.analysis.values import (
    BROKEN,
    FASTER,
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
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.filters.sessions import latest_start
from pytest_insight.models.text import plural

LEAST_OVERLAP = 0.4
"""Of the narrower of two intervals, how much must be in the other one."""


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
    now: datetime,
    *,
    line: Line = ALL_RUNS,
    timings: Mapping[TestKey, Timing] | None = None,
) -> Analysis:
    """Return the verdict of each test of a survey that has a run in the line.

    Args:
        survey: of the sessions that are looked at, counted by `line.counted(now)`.
        now: sessions that are dated later (`filters.MAX_AHEAD`) do not count.
        line: whose runs are judged; evidence of same code counts from every branch.
        timings: how the durations of tests changed.
    """
    court = _Court(survey, line, now)
    timings = timings or {}
    verdicts, red = [], []
    for key in sorted(survey.tests):
        runs = survey.runs.get(key)
        if runs is None:
            verdicts.append(_never_failed(key, survey, timings.get(key)))
            continue
        judged = court.judge(key, runs, timings.get(key))
        verdicts.append(judged.verdict)
        new_and_bad = judged.verdict.verdict == NEW_TEST and judged.verdict.bad
        if new_and_bad or judged.verdict.verdict in (BROKEN, NEW_FAILURE):
            red.append(judged)
    incidents = sorted(court.incidents.values(), key=lambda each: in_time_order(each.session))
    return Analysis(verdicts, find_breakages(red), incidents)


class _Court:
    """Judges tests by what is known of all sessions.

    A run is identified by the number of its session (`compact_runs`).
    """

    def __init__(self, survey: Survey, line: Line, now: datetime) -> None:
        end = latest_start(now)
        self._sessions = NumberedSessions([s for s in survey.sessions if s.start <= end])
        facts = self._sessions.facts
        self.incidents = find_incidents(facts, survey.notable)
        self._now = now
        self._in_line = [line.has(session) for session in facts]
        self._first: dict[str, SessionFacts] = {}
        for session, in_line in zip(facts, self._in_line, strict=True):
            if session.decided and in_line:
                self._first.setdefault(session.sut_name, session)

    def judge(self, key: TestKey, runs: CompactRuns, timing: Timing | None) -> _Judged:
        """Return the verdict on a test.

        Args:
            key: the test.
            runs: all of its runs.
            timing: how its duration changed.
        """
        runs = runs.last(LAST_RUNS, len(self._sessions.facts))
        undecided = runs.undecided
        of_line = [n for n in runs.ran if self._in_line[n] and n not in undecided]
        of_incidents = {
            number: incident
            for number, run in runs.notable.items()
            if run.cause
            and (incident := self.incidents.get(run.session.session_id)) is not None
            and incident.covers(run)
        }
        left_out = of_incidents.keys() - _still_red(of_line, runs)
        decided = [number for number in of_line if number not in left_out]
        first, facts = self._first.get(key[0]), self._sessions.facts
        case = Case(
            self._sessions,
            runs,
            decided,
            self._now,
            # Parts of a suite that run at one time may start in one second.
            has_earlier=bool(decided and first and first.start < facts[decided[0]].start),
            # An incident that goes on breaks tests; it does not make them flaky.
            left_out=of_incidents.keys(),
        )
        excluded = tuple(
            Excluded(facts[number].session_id, of_incidents[number].why)
            for number in of_line
            if number in left_out
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
        runs, facts = case.decided, self._sessions.facts
        hit = [case.runs.notable[number] for number in case.hits]
        bad = sum(case.is_bad)
        low, high = _interval(case, found.since)
        verdict = Verdict(
            key[1],
            key[0],
            _with_timing(found.verdict, timing),
            len(runs),
            bad,
            len(hit) - bad,
            rate_of(len(hit), len(runs)),
            None if found.since is None else _since(case, found.since, low, high),
            count_causes(hit),
            tuple(facts[number].session_id for number in found.evidence),
            excluded,
            timing,
            found.detail,
        )
        if not runs:
            return _Judged(verdict, "", (0, 0))
        last = case.runs.notable.get(runs[-1])
        return _Judged(verdict, last.cause if last else "", (runs[low], runs[high]))


def _still_red(of_line: Sequence[int], runs: CompactRuns) -> Set[int]:
    """Return the runs of a red run that has not ended, if it is long enough to be no incident."""
    red: set[int] = set()
    for number in reversed(of_line):
        run = runs.notable.get(number)
        if run is None or not run.is_bad:
            break
        red.add(number)
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


def _since(case: Case, since: int, low: int, high: int) -> Since:
    sessions = [case.sessions.facts[number] for number in case.decided]
    session = sessions[since]
    before = sessions[low - 1].commit if low else ""
    return Since(session.session_id, session.commit, session.start, before, sessions[high].commit)


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
