"""Verdicts and histories of the sessions that a query selects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pytest_insight.analysis.durations import LEAST_BASELINE, LEAST_HEAD, TIMED_RUNS, Durations
from pytest_insight.analysis.history import History, histories
from pytest_insight.analysis.results import Judged, Verdicts
from pytest_insight.analysis.runs import LAST_RUNS
from pytest_insight.analysis.verdicts import analyze as judge
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
    from pytest_insight.analysis.runs import Run, SessionFacts
    from pytest_insight.analysis.values import Timing
    from pytest_insight.analysis.verdicts import Analysis
    from pytest_insight.analysis.wanted import TestKey
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
        only: the verdicts that are returned; empty for all.

    Raises:
        InvalidArgumentError: the query has a test-level step that is not about names: a verdict
            needs all runs of a test.
        StorageError: the store cannot be read.
        UnknownProfileError: the profile does not exist.
    """
    names = name_filters(query.selection)
    storage = query.open_storage()
    asked = with_window(replace(query.selection, test_filters=()))
    rules = project_rules()
    suts = [
        _judge(storage, asked, sut, names, rules, durations=durations)
        for sut in sut_names(storage, asked)
    ]
    found = tuple(
        each
        for sut in suts
        for each in sut.analysis.verdicts
        if has_name(names, each.nodeid) and (not only or each.verdict in only)
    )
    kept = {(each.sut, each.nodeid) for each in found}
    breakages = tuple(
        each
        for sut in suts
        for each in sut.analysis.breakages
        if any((v.sut, v.nodeid) in kept for v in each.verdicts)
    )
    judged = tuple(sut.judged for sut in suts)
    return Verdicts(found, breakages, judged, lambda: _read_runs(storage, suts, rules))


class _Sut(NamedTuple):
    """What is said of a SUT, and how to read the runs that it is said of.

    Attributes:
        analysis: the verdicts on all its tests.
        judged: what was judged.
        selection: its sessions.
        candidates: the tests that may be more than stable, as in `BaseStorage.runs`.
        timed: likewise the tests whose duration changed.
    """

    analysis: Analysis
    judged: Judged
    selection: Selection
    candidates: dict[TestKey, int]
    timed: dict[TestKey, int]


def _judge(
    storage: BaseStorage,
    asked: Selection,
    sut: str,
    names: tuple[TestFilter, ...],
    rules: CauseRules,
    *,
    durations: bool,
) -> _Sut:
    """Judge the tests of one SUT; incidents count that hit a test with one of these names."""
    now = datetime.now(UTC)
    line, selection = line_of(storage, asked, sut)
    counted = line.counted(now)
    survey = storage.survey(selection, line=line, rules=rules)
    timings: dict[TestKey, Timing] = {}
    speed = None
    counts = survey.counts if durations else {}
    if max(counts.values(), default=0) >= LEAST_BASELINE + LEAST_HEAD:
        timed = storage.durations(selection, counts, last=TIMED_RUNS)
        compared = Durations(each for each in timed if counted(each.session))
        timings = compared.timings()
        speed = _last_speed(compared, survey.sessions)
    analysis = judge(survey, now, line=line, timings=timings)
    excluded = {
        each.session_id
        for verdict in analysis.verdicts
        if has_name(names, verdict.nodeid)
        for each in verdict.excluded
    }
    return _Sut(
        analysis,
        Judged(
            sut,
            line,
            tuple(each for each in survey.sessions if counted(each)),
            # If all of its tests went on failing, all results of an incident count again.
            tuple(each for each in analysis.incidents if each.session.session_id in excluded),
            speed,
            ", ".join(
                each.pattern for each in selection.session_filters if isinstance(each, BranchIs)
            ),
        ),
        selection,
        {key: count for key, count in survey.candidates.items() if has_name(names, key[1])},
        {key: counts[key] for key in timings},
    )


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


def _read_runs(
    storage: BaseStorage, suts: Sequence[_Sut], rules: CauseRules
) -> dict[TestKey, tuple[Run, ...]]:
    """Return the last runs of the tests that may be more than stable or whose duration changed.

    Raises:
        StorageError: the store cannot be read.
    """
    runs: dict[TestKey, tuple[Run, ...]] = {}
    for sut in suts:
        for candidates, last in ((sut.timed, TIMED_RUNS), (sut.candidates, LAST_RUNS)):
            read = storage.runs(sut.selection, candidates=candidates, last=last, rules=rules)
            runs |= _in_time_order(read)
    return runs


def _in_time_order(newest_first: Iterable[Run]) -> dict[TestKey, tuple[Run, ...]]:
    """Return the runs of each test in time order."""
    found: dict[TestKey, list[Run]] = {}
    for run in newest_first:
        found.setdefault((run.sut_name, run.nodeid), []).append(run)
    return {key: tuple(reversed(of_test)) for key, of_test in found.items()}


def _last_speed(compared: Durations, sessions: Iterable[SessionFacts]) -> float | None:
    speeds = [compared.speeds[s.session_id] for s in sessions if s.session_id in compared.speeds]
    return speeds[-1].ratio if speeds and speeds[-1].tests else None
