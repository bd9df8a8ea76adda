"""Incidents: sessions in which so much failed at once that it says nothing about single tests.

A broken database or a full disk is no evidence that 25 tests are flaky. The bad results of an
incident do not count for verdicts; they stay visible, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low
from typing import NamedTuple

from pytest_insight.analysis.runs import Run, SessionFacts

LEAST_TESTS = 10
"""How many decided tests a session needs so that its share of bad ones makes an incident."""
LEAST_SHARE = 0.8
LEAST_WITH_CAUSE = 5
SHARE_WITH_CAUSE = 0.1
"""Of the tests of a session, how many one cause must hit, and at least `LEAST_WITH_CAUSE`."""
USUAL_SHARE = 0.5
"""A session of fewer tests than this share of the usual number is a choice of tests (`--lf`): that
most of them fail is what they were chosen for."""


class Incident(NamedTuple):
    """Why results of a session do not count.

    Attributes:
        session: the session.
        tests: how many tests it hit.
        causes: the keys of the causes whose results do not count; empty if no bad one does.
        message: what most of the tests said; empty if they said different things.
    """

    session: SessionFacts
    tests: int
    causes: frozenset[str]
    message: str

    @property
    def why(self) -> str:
        """The reason, for people."""
        said = f": {self.message}" if self.message else ""
        if not self.causes:
            return f"{self.tests:,} of {self.session.decided:,} tests failed{said}"
        causes = "one cause" if len(self.causes) == 1 else f"{len(self.causes)} causes"
        return f"{self.tests:,} tests, {causes}{said}"

    def covers(self, run: Run) -> bool:
        """Return whether it is the reason of a run of its session."""
        if self.causes:
            return run.cause in self.causes
        return run.is_bad or run.is_recovered


def find_incidents(sessions: Sequence[SessionFacts], notable: Iterable[Run]) -> dict[str, Incident]:
    """Return the incidents by session ID.

    Args:
        sessions: all sessions that are looked at, to know how many tests are usual.
        notable: all of their runs that are bad or recovered; others are ignored.
    """
    usual = usual_numbers(sessions)
    runs: dict[str, list[Run]] = {}
    for run in notable:
        runs.setdefault(run.session.session_id, []).append(run)
    found = {}
    for session_id, of_session in runs.items():
        incident = incident_of(of_session, usual.get(of_session[0].sut_name, 0))
        if incident is not None:
            found[session_id] = incident
    return found


def may_be_incident(session: SessionFacts) -> bool:
    """Return whether enough tests of a session failed for an incident; recovered ones aside."""
    return session.bad >= max(LEAST_WITH_CAUSE, SHARE_WITH_CAUSE * session.decided)


def usual_numbers(sessions: Iterable[SessionFacts]) -> Mapping[str, int]:
    """Return for each SUT the median number of decided tests of its sessions that had any."""
    numbers: dict[str, list[int]] = {}
    for session in sessions:
        if session.decided:
            numbers.setdefault(session.sut_name, []).append(session.decided)
    return {sut: median_low(found) for sut, found in numbers.items()}


def incident_of(runs: Sequence[Run], usual: int) -> Incident | None:
    """Return the incident of a session; None if its failures are those of single tests.

    Args:
        runs: its runs that are bad or recovered; others are ignored.
        usual: how many decided tests sessions of the SUT usually have.
    """
    runs = [run for run in runs if run.cause]
    if not runs:
        return None
    session = runs[0].session
    if session.decided < USUAL_SHARE * usual:
        return None
    counts = Counter(run.cause for run in runs)
    causes: frozenset[str] = frozenset()
    tests = session.bad
    if session.decided < LEAST_TESTS or tests < LEAST_SHARE * session.decided:
        least = max(LEAST_WITH_CAUSE, SHARE_WITH_CAUSE * session.decided)
        causes = frozenset(cause for cause, count in counts.items() if count >= least)
        tests = sum(counts[cause] for cause in causes)
        if not causes:
            return None
    cause, most = counts.most_common(1)[0]
    said = next(run.message for run in runs if run.cause == cause) if 2 * most > tests else ""
    return Incident(session, tests, causes, said)
