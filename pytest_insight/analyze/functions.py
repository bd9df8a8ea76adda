"""Verdicts and histories of the sessions that a query selects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.analysis.durations import LEAST_BASELINE, LEAST_HEAD, TIMED_RUNS, Durations
from pytest_insight.analysis.history import History, histories
from pytest_insight.analysis.results import Judged, Verdicts
from pytest_insight.analysis.verdicts import analyze as judge
from pytest_insight.analysis.verdicts import candidates_for
from pytest_insight.analyze.scope import (
    Asked,
    has_name,
    line_of,
    name_filters,
    project_rules,
    sut_names,
    with_window,
)
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import BranchIs, NodeidUnder

if TYPE_CHECKING:
    from pytest_insight.analysis.causes import CauseRules
    from pytest_insight.analysis.incidents import Incident
    from pytest_insight.analysis.runs import Run, SessionFacts, Survey
    from pytest_insight.analysis.values import Timing, Verdict
    from pytest_insight.analysis.verdicts import Analysis, Breakage, TestKey
    from pytest_insight.filters import Selection, TestFilter
    from pytest_insight.storage.base import BaseStorage


def verdicts(query: Asked, *, durations: bool = True, only: Collection[str] = ()) -> Verdicts:
    """Return the verdict on each test of a query.

    A step `with_branch` names the line of development that is judged: the runs of the branch, and
    those of the default branch before it began. Without that step it is the branch of the newest
    session of each SUT. With wildcards, all runs on the branches that match are judged as one line,
    with `"*"` all runs.

    Steps about the names of tests choose the tests whose verdicts are returned.

    Args:
        query: which sessions are looked at; those of the last 30 days if no step says.
        durations: whether to compare durations, which reads the last runs of all tests.
        only: the verdicts that are returned; empty for all. Fewer runs are read for "flaky" and
            "broken".

    Raises:
        InvalidArgumentError: the query has a test-level step that is not about names: a verdict
            needs all runs of a test.
        StorageError: the store cannot be read.
        UnknownProfileError: the profile does not exist.
    """
    names = name_filters(query.selection)
    storage = query.open_storage()
    asked = with_window(replace(query.selection, test_filters=()))
    found: list[Verdict] = []
    breakages: list[Breakage] = []
    judged: list[Judged] = []
    runs: dict[TestKey, tuple[Run, ...]] = {}
    rules = project_rules()
    for sut in sut_names(storage, asked):
        analysis, what = _judge(storage, asked, sut, names, rules, runs, only, durations=durations)
        found += analysis.verdicts
        breakages += analysis.breakages
        judged.append(what)
    if names or only:
        kept = {
            (v.sut, v.nodeid)
            for v in found
            if has_name(names, v.nodeid) and (not only or v.verdict in only)
        }
        found = [v for v in found if (v.sut, v.nodeid) in kept]
        breakages = [
            each for each in breakages if any((v.sut, v.nodeid) in kept for v in each.verdicts)
        ]
    return Verdicts(tuple(found), tuple(breakages), tuple(judged), runs)


def _judge(
    storage: BaseStorage,
    asked: Selection,
    sut: str,
    names: tuple[TestFilter, ...],
    rules: CauseRules,
    runs: dict[TestKey, tuple[Run, ...]],
    only: Collection[str],
    *,
    durations: bool,
) -> tuple[Analysis, Judged]:
    """Judge the tests of one SUT that have these names, and add the runs that were read to `runs`.

    Tests with other names or verdicts are in the analysis, too, but of those no runs are read.
    """
    now = datetime.now(UTC)
    line, selection = line_of(storage, asked, sut)
    counted = line.counted(now)
    survey = storage.survey(selection, line=line, rules=rules)
    candidates = {
        key: count for key, count in candidates_for(survey, only).items() if has_name(names, key[1])
    }
    read = list(storage.runs(selection, candidates=candidates, rules=rules))
    _leave_out(survey, candidates.keys() - {(run.sut_name, run.nodeid) for run in read})
    timings: dict[TestKey, Timing] = {}
    speed = None
    counts = survey.counts if durations else {}
    if max(counts.values(), default=0) >= LEAST_BASELINE + LEAST_HEAD:
        timed = storage.runs(selection, candidates=counts, last=TIMED_RUNS)
        last = [run for run in timed if counted(run.session)]
        compared = Durations(last)
        timings = compared.timings()
        speed = _last_speed(compared, survey.sessions)
        _collect(runs, (run for run in last if (run.sut_name, run.nodeid) in timings))
    _collect(runs, read)
    analysis = judge(survey, read, now, line=line, timings=timings)
    sessions = tuple(each for each in survey.sessions if counted(each))
    incidents = tuple(
        each for each in _effective(analysis, survey, candidates, names) if counted(each.session)
    )
    branches = ", ".join(
        each.pattern for each in selection.session_filters if isinstance(each, BranchIs)
    )
    return analysis, Judged(sut, line, sessions, incidents, speed, branches)


def _effective(
    analysis: Analysis,
    survey: Survey,
    candidates: Collection[TestKey],
    names: tuple[TestFilter, ...],
) -> list[Incident]:
    """Return the incidents of which any result does not count.

    If all of their tests went on failing, all of their results count again. Failures of a test
    that is no candidate do not count: there are too few of them.
    """
    left_out = {each.session_id for verdict in analysis.verdicts for each in verdict.excluded}
    incidents = {each.session.session_id: each for each in analysis.incidents}
    for run in survey.notable:
        session_id = run.session.session_id
        if (
            session_id in incidents
            and (run.sut_name, run.nodeid) not in candidates
            and incidents[session_id].covers(run)
            and has_name(names, run.nodeid)
        ):
            left_out.add(session_id)
    return [each for each in analysis.incidents if each.session.session_id in left_out]


def history(nodeid: str, query: Asked) -> History:
    """Return the runs of a test with its causes, durations, and the segments of its history.

    Args:
        nodeid: the test.
        query: its sessions are looked at.

    Raises:
        InvalidArgumentError: no selected session has the test, or those of several SUTs do.
        StorageError: the store cannot be read.
        UnknownProfileError: the profile does not exist.
    """
    asked = query.selection
    filters = (*asked.test_filters, NodeidUnder((nodeid,)))
    sessions = query.open_storage().iter_sessions(replace(asked, test_filters=filters))
    found = [each for each in histories(sessions, project_rules()) if each.nodeid == nodeid]
    if len(found) == 1:
        return found[0]
    if found:
        suts = ", ".join(each.sut_name for each in found)
        raise InvalidArgumentError(
            f"several SUTs have the test {nodeid!r}: {suts}; choose one with for_sut()"
        )
    raise InvalidArgumentError(f"no selected session has a test {nodeid!r}")


def _leave_out(survey: Survey, unread: Iterable[TestKey]) -> None:
    """Leave out the tests whose runs a damaged store does not yield: none of them is stable."""
    for sut, nodeid in unread:
        survey.decided[sut].pop(nodeid, None)


def _collect(runs: dict[TestKey, tuple[Run, ...]], more: Iterable[Run]) -> None:
    """Add runs that come newest first, each test's in time order."""
    found: dict[TestKey, list[Run]] = {}
    for run in more:
        found.setdefault((run.sut_name, run.nodeid), []).append(run)
    runs.update({key: tuple(reversed(of_test)) for key, of_test in found.items()})


def _last_speed(compared: Durations, sessions: Iterable[SessionFacts]) -> float | None:
    speeds = [compared.speeds[s.session_id] for s in sessions if s.session_id in compared.speeds]
    return speeds[-1].ratio if speeds and speeds[-1].tests else None
