"""Windows: how often tests fail in the sessions of two sides, not how they were last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from statistics import median_low
from typing import NamedTuple

from pytest_insight.analysis.comparison.significance import ALPHA, benjamini_hochberg, fisher
from pytest_insight.analysis.comparison.values import Change, Rates, TestChange, WindowFacts
from pytest_insight.analysis.incidents import Incident, find_incidents
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.runs import Run, in_time_order
from pytest_insight.analysis.survey import Survey

LEAST_RUNS = 2
LEAST_BAD = 2
LEAST_DIFFERENCE = 0.05
"""Of the rates of failures."""

TestCounts = Mapping[str, tuple[int, int]]
"""The bad and the decided runs of tests."""


class Counts(NamedTuple):
    """How often the tests of a side failed.

    Attributes:
        tests: the bad and the decided runs of each, without those of incidents.
        incidents: these, newest first.
    """

    tests: TestCounts
    incidents: list[Incident]


class Windows(NamedTuple):
    """What two windows show.

    Attributes:
        changes: the tests that fail more or less often.
        facts: what could be shown.
    """

    changes: list[TestChange]
    facts: WindowFacts


def counts_of(survey: Survey) -> Counts:
    """Return how often each test failed, and passed or failed, without incidents.

    An incident ends: what one cause broke in several sessions counts.
    """
    incidents = find_incidents(survey.sessions, survey.notable)
    often = Counter(cause for each in incidents.values() for cause in each.causes)
    for session_id, incident in list(incidents.items()):
        causes = frozenset(each for each in incident.causes if often[each] < BROKEN_RUNS)
        if incident.causes and not causes:
            del incidents[session_id]
        elif incident.causes != causes:
            incidents[session_id] = incident._replace(causes=causes)
    bad: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for tests in survey.decided.values():
        runs.update(tests)
    for run in survey.notable:
        of_session = incidents.get(run.session.session_id)
        if run.is_bad and of_session is not None and of_session.covers(run):
            runs[run.nodeid] -= 1
        elif run.is_bad:
            bad[run.nodeid] += 1
    newest_first = sorted(
        incidents.values(), key=lambda each: in_time_order(each.session), reverse=True
    )
    return Counts({nodeid: (bad[nodeid], count) for nodeid, count in runs.items()}, newest_first)


def compare_windows(
    base: TestCounts,
    head: TestCounts,
    old: Mapping[str, Run],
    new: Mapping[str, Run],
    wanted: Callable[[str], bool] | None,
) -> Windows:
    """Return the tests that fail more or less often than before.

    Args:
        base: how often tests failed in the base.
        head: likewise in the head.
        old: the newest run of each test in the base.
        new: likewise in the head.
        wanted: whether a test is compared, by its nodeid; None for all.
    """
    both = [
        nodeid
        for nodeid in sorted(base.keys() & head.keys())
        if min(base[nodeid][1], head[nodeid][1]) >= LEAST_RUNS
        and (wanted is None or wanted(nodeid))
    ]
    found: dict[str, TestChange] = {}
    for change, one, other in ((Change.WORSE, base, head), (Change.BETTER, head, base)):
        may_differ = [n for n in both if other[n][0]]
        probabilities = [fisher(*one[n], *other[n]) for n in may_differ]
        qs = benjamini_hochberg(probabilities, len(both))
        for nodeid, p, q in zip(may_differ, probabilities, qs, strict=True):
            (k0, n0), (k1, n1) = one[nodeid], other[nodeid]
            if q <= ALPHA and k1 >= LEAST_BAD and k1 / n1 - k0 / n0 >= LEAST_DIFFERENCE:
                rates = Rates(*base[nodeid], *head[nodeid], p, q)
                detail = (
                    f"{rates.base_bad} of {rates.base_runs}, "
                    f"now {rates.head_bad} of {rates.head_runs}"
                )
                found[nodeid] = TestChange(
                    nodeid, change, old.get(nodeid), new.get(nodeid), detail=detail, rates=rates
                )
    base_runs, head_runs = (
        median_low([counts[nodeid][1] for nodeid in both]) if both else 0 for counts in (base, head)
    )
    facts = WindowFacts(
        len(both), base_runs, head_runs, smallest_difference(base_runs, head_runs, len(both))
    )
    return Windows(list(found.values()), facts)


def smallest_difference(base_runs: int, head_runs: int, tests: int) -> float | None:
    """Return the least rate in the head that is called worse, of a test that never failed before.

    None if not even a test that always fails would be.

    Args:
        base_runs: its runs in the base.
        head_runs: its runs in the head.
        tests: how many tests are compared.
    """
    for bad in range(LEAST_BAD, head_runs + 1):
        is_enough = bad / head_runs >= LEAST_DIFFERENCE
        if is_enough and fisher(0, base_runs, bad, head_runs) * tests <= ALPHA:
            return bad / head_runs
    return None
