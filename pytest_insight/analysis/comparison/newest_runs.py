"""The newest decided run of each test in some sessions: one side of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.incidents import Incident, incident_of
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.runs import (
    DECIDED,
    Run,
    SessionFacts,
    Tests,
    in_time_order,
    is_notable,
)
from pytest_insight.models import TestOutcome, TestSession

COMPARED = (*DECIDED, TestOutcome.XPASSED)
"""The outcomes of runs that are compared; a skipped test was not run."""


class Newest(NamedTuple):
    """The newest runs of the tests of some sessions.

    Attributes:
        sessions: that were read, newest first.
        tests: of each of these, the number of its tests.
        runs: of each test its newest run that passed, failed, or was an unexpected pass. Without
            one, its newest run: it was skipped, or is part of an incident.
        incidents: the sessions of which bad runs do not count, newest first.
        timed: of some tests, all runs that passed at the first attempt, the newest session first,
            those of a session by nodeid.
        covered: of each test that an incident hit, its newest run that does not count for that
            reason. Three such runs in a row do count: the incident goes on.
    """

    sessions: list[SessionFacts]
    tests: list[int]
    runs: dict[str, Run]
    incidents: list[Incident]
    timed: list[Run]
    covered: dict[str, Run]


def newest_runs(
    newest_first: Iterable[TestSession],
    usual: int = 0,
    timed: Set[str] = frozenset(),
    rules: CauseRules = DEFAULT_RULES,
) -> Newest:
    """Return the newest run of each test.

    Args:
        newest_first: the sessions, newest first; one is in memory at a time.
        usual: how many tests a session usually has: one with less than half of them is no
            incident, as it is a choice of tests.
        timed: the tests of which all passed runs are returned, too.
        rules: what makes two failures one cause.
    """
    found = Newest([], [], {}, [], [], {})
    compared: set[str] = set()
    hits: Counter[str] = Counter()
    passed = TestOutcome.PASSED
    for session in newest_first:
        tests = Tests(session)
        facts, others = tests.facts, {name: tests.run(name, rules) for name in tests.others}
        incident = incident_of([run for run in others.values() if is_notable(run)], usual)
        found.sessions.append(facts)
        found.tests.append(len(tests.names))
        if incident is not None:
            found.incidents.append(incident)
        of_session = []
        for result in tests.first_results():
            nodeid = result.nodeid
            if nodeid in compared and nodeid not in timed:
                continue
            run = others.get(nodeid) or Run(nodeid, facts, passed, 1, result.duration)
            if nodeid in timed and nodeid not in others:
                of_session.append(run)
            if nodeid in compared:
                continue
            counts = run.outcome in COMPARED
            if incident is not None and incident.covers(run):
                hits[nodeid] += 1
                counts = hits[nodeid] == BROKEN_RUNS
                found.covered.setdefault(nodeid, run)
                run = found.covered.pop(nodeid) if counts else run
            if counts:
                compared.add(nodeid)
            if counts or nodeid not in found.runs:
                found.runs[nodeid] = run
        found.timed.extend(sorted(of_session, key=lambda run: run.nodeid))
    return found


def worst_of(lanes: Sequence[Newest]) -> Newest:
    """Return the runs of several environments or jobs as one: of each test a bad one if there is.

    Args:
        lanes: at least one.
    """
    if len(lanes) == 1:
        return lanes[0]
    runs: dict[str, Run] = {}
    for lane in lanes:
        for nodeid, run in lane.runs.items():
            known = runs.get(nodeid)
            if known is None or _weight(run) > _weight(known):
                runs[nodeid] = run
    both = sorted(
        (pair for lane in lanes for pair in zip(lane.sessions, lane.tests, strict=True)),
        key=lambda pair: in_time_order(pair[0]),
        reverse=True,
    )
    incidents = sorted(
        (each for lane in lanes for each in lane.incidents),
        key=lambda each: in_time_order(each.session),
        reverse=True,
    )
    sessions, tests = [each for each, _ in both], [count for _, count in both]
    return Newest(sessions, tests, runs, incidents, [], {})


def replaced_by(newest_first: Sequence[Newest]) -> Newest:
    """Return the runs of several attempts as one: of each test that of the last attempt with it.

    Args:
        newest_first: the attempts, at least one; the last one first.
    """
    if len(newest_first) == 1:
        return newest_first[0]
    runs: dict[str, Run] = {}
    for attempt in newest_first:
        for nodeid, run in attempt.runs.items():
            known = runs.get(nodeid)
            if known is None or (run.outcome in COMPARED and known.outcome not in COMPARED):
                runs[nodeid] = run
    return worst_of(newest_first)._replace(runs=runs)


def _weight(run: Run) -> tuple[bool, bool, datetime, str]:
    return run.is_bad, run.outcome in COMPARED, *in_time_order(run.session)
