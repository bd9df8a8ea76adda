"""The newest runs of the head: what its jobs, its shards and its matrix found, as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.comparison.changes import without_mended_files
from pytest_insight.analysis.comparison.newest_runs import Newest, replaced_by, worst_of
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.incidents import USUAL_SHARE, usual_numbers
from pytest_insight.analysis.runs import environment_of
from pytest_insight.compare.chosen_sessions import Chosen, selection_of
from pytest_insight.models import TestSession

MANY_RUNS = (SideKind.SPAN, SideKind.QUERY)
"""Heads that are not one run."""
_INTERRUPTED, _INTERNAL_ERROR, _USAGE_ERROR = 2, 3, 4  # pytest.ExitCode


class Lane(NamedTuple):
    """What tells jobs apart that run the same tests.

    Attributes:
        environment: the minor version of Python and the operating system.
        job: the name of the CI job.
        tags: the values of the tags that differ between the sessions of the head.
    """

    environment: str
    job: str
    tags: tuple[str | None, ...]


class Lanes:
    """Tells in which lane a session is.

    Args:
        sessions: of the head.
    """

    def __init__(self, sessions: Sequence[TestSession]) -> None:
        names = sorted({name for each in sessions for name in each.session_tags})
        self._tags = [n for n in names if len({each.session_tags.get(n) for each in sessions}) > 1]

    def lane(self, session: TestSession) -> Lane:
        """Return the lane of a session."""
        tags = tuple(session.session_tags.get(name) for name in self._tags)
        job = str(_ci(session).get("job", ""))
        return Lane(environment_of(session.testing_system), job, tags)

    def grouped(self, sessions: Iterable[TestSession]) -> dict[Lane, list[TestSession]]:
        """Return sessions by lane, in the order in which they are given."""
        found: dict[Lane, list[TestSession]] = {}
        for session in sessions:
            found.setdefault(self.lane(session), []).append(session)
        return found


def newest_of_head(head: Chosen, rules: CauseRules) -> Newest:
    """Return the runs of the head; of a test with several, the worst.

    A test that was run again in the same job of its CI run counts by its last run. Other jobs are
    other environments, or shards, as are sessions that cannot be reruns: they ran at the same time,
    or on another machine in the same attempt.
    """
    found = []
    for sessions in Lanes(head.sessions).grouped(head.sessions).values():
        if head.kind in MANY_RUNS:
            found.append(_read(head, sessions, rules))
            continue
        attempts = [
            worst_of([_read(head, leg, rules) for leg in _legs(of_attempt)])
            for of_attempt in _attempts(sessions)
        ]
        found.append(replaced_by(attempts))
    return worst_of([each._replace(runs=without_mended_files(each.runs)) for each in found])


def _read(head: Chosen, sessions: Sequence[TestSession], rules: CauseRules) -> Newest:
    """Return the newest runs of one job, of which those of an incident are no older ones."""
    found = head.storage.newest_runs(selection_of(sessions), rules=rules)
    incidents = {each.session.session_id for each in found.incidents if not each.causes}
    is_old = head.kind in MANY_RUNS
    hit = {
        nodeid: run
        for nodeid, run in found.covered.items()
        if not (is_old and run.session.session_id in incidents)
    }
    return found._replace(runs=found.runs | hit, covered={})


def _attempts(sessions: Sequence[TestSession]) -> list[list[TestSession]]:
    """Return sessions by the attempt of their job, the last one first."""
    found: dict[int, list[TestSession]] = {}
    for session in sessions:
        found.setdefault(_attempt(session), []).append(session)
    return [found[number] for number in sorted(found, reverse=True)]


def _legs(sessions: Sequence[TestSession]) -> list[list[TestSession]]:
    """Return the sessions of one attempt, those that may be reruns of each other together."""
    legs: list[list[TestSession]] = []  # each newest first
    for session in reversed(sessions):
        for leg in legs:
            before = leg[0]
            same_host = not _attempt(session) or _host(before) == _host(session)
            if same_host and before.session_stop_time <= session.session_start_time:
                leg.insert(0, session)
                break
        else:
            legs.append([session])
    return legs


def unfinished(head: Chosen, new: Newest) -> Iterator[str]:
    """Yield which sessions of the head ended before they could tell how its tests are.

    Those of which all tests were run again later do not matter.
    """
    tests = dict(zip((each.session_id for each in new.sessions), new.tests, strict=True))
    bad = {each.session_id: each.bad for each in new.sessions}
    counting = {run.session.session_id for run in new.runs.values()}
    lanes = Lanes(head.sessions)
    last = {id(of_lane[0]) for of_lane in lanes.grouped(head.sessions).values()}
    of_side = head.sessions[:1] if head.kind in MANY_RUNS else head.sessions
    for session in reversed(of_side):
        has_tests = bool(tests.get(session.session_id))
        if session.session_id in counting or (not has_tests and id(session) in last):
            why = why_unfinished(session, bad.get(session.session_id, 0))
            if why:
                yield f"{session.session_id} {why}{'' if has_tests else ' before any test'}"


def why_unfinished(session: TestSession, bad: int = 0) -> str:
    """Return how a session ended before its tests were run; empty if it did not.

    Args:
        session: the session; its results are not looked at.
        bad: how many tests failed. `-x` interrupts a run, too.
    """
    if session.crashed:
        return "crashed"
    if session.exit_status == _INTERRUPTED and not bad:
        return "was interrupted"
    if session.exit_status in (_INTERNAL_ERROR, _USAGE_ERROR):
        return f"ended with status {session.exit_status} of pytest"
    return ""


def without_choices(head: Chosen, new: Newest, old: Newest) -> Newest:
    """Return the runs of the head with only those incidents that count.

    That most tests fail of a few that were chosen (`--lf`) says nothing. What one cause broke in
    the head is listed as changes. An attempt of which all tests were run again does not count.

    Args:
        head: the head.
        new: its runs.
        old: the runs of the base, which tells how many tests are usual.
    """
    usual = max(usual_numbers(old.sessions).values(), default=0)
    if len(new.runs) < USUAL_SHARE * usual:
        return new._replace(incidents=[])
    counting = {run.session.session_id for run in new.runs.values()}
    kept = [
        each
        for each in new.incidents
        if not each.causes and (head.kind in MANY_RUNS or each.session.session_id in counting)
    ]
    return new._replace(incidents=kept)


def _ci(session: TestSession) -> Mapping[str, Any]:
    ci = session.testing_system.get("ci")
    return ci if isinstance(ci, dict) else {}


def _attempt(session: TestSession) -> int:
    """Return the number of the attempt; 0 if it is unknown."""
    number = str(_ci(session).get("attempt", ""))
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 0


def _host(session: TestSession) -> str:
    return str(session.testing_system.get("host", ""))
