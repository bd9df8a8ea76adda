"""The histories of tests with the verdicts on them, from the runs that were already read.

`verdicts` surveys all sessions. For a few tests, only the sessions in which they failed need a
survey, and only the durations of those that seem to have changed are compared with those of all
tests; so for most tests the store is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pytest_insight.analysis.history import History
from pytest_insight.analysis.incidents import find_incidents
from pytest_insight.analysis.rules import ENOUGH_RUNS
from pytest_insight.analysis.runs import Run, in_time_order, is_notable
from pytest_insight.analysis.segments import Segment, find_segments
from pytest_insight.analysis.survey import Survey, survey_of
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.analyze.incidents import find_doubtful, find_notable
from pytest_insight.analyze.scope import line_of, with_window
from pytest_insight.filters import StartedBetween

if TYPE_CHECKING:
    from pytest_insight.analysis.causes import CauseRules
    from pytest_insight.analysis.line import Line
    from pytest_insight.analysis.runs import SessionFacts
    from pytest_insight.analysis.values import Timing, Verdict
    from pytest_insight.analysis.wanted import TestKey
    from pytest_insight.filters import Selection
    from pytest_insight.storage.base import BaseStorage


class JudgedHistory(NamedTuple):
    """The history of a test, and the verdict on it.

    Attributes:
        history: its runs.
        line: the line of development that is judged.
        verdict: None if no run is judged.
    """

    history: History
    line: Line
    verdict: Verdict | None

    @property
    def of_line(self) -> History:
        """The history without runs of other lines."""
        runs = tuple(run for run in self.history.runs if self.line.has(run.session))
        return self.history._replace(runs=runs)

    @property
    def decided(self) -> list[Run]:
        """The runs of the line that passed or failed, without those of incidents."""
        excluded = self.verdict.excluded if self.verdict else ()
        left_out = {each.session_id for each in excluded}
        return [r for r in self.of_line.decided if r.session.session_id not in left_out]

    @property
    def segments(self) -> list[Segment]:
        """The parts of `decided` between which the rate of failures changed."""
        return find_segments([run.is_bad for run in self.decided])


def judge_histories(
    storage: BaseStorage, asked: Selection, found: Sequence[History], rules: CauseRules
) -> list[JudgedHistory]:
    """Return the histories with the verdicts that `verdicts` would return, in the same order.

    Args:
        storage: the storage.
        asked: the sessions that are asked for; those of the last 30 days are judged if no filter
            says.
        found: histories of tests with all of their runs in `scope.without_line(asked)`.
        rules: what makes two failures one cause.
    """
    by_sut: dict[str, list[History]] = {}
    for each in found:
        by_sut.setdefault(each.sut_name, []).append(each)
    judged: dict[tuple[str, str], JudgedHistory] = {}
    for sut, histories in by_sut.items():
        line, selection = line_of(storage, asked, sut)
        verdicts = _judge(storage, with_window(selection), line, histories, rules)
        for each in histories:
            judged[sut, each.nodeid] = JudgedHistory(each, line, verdicts.get(each.nodeid))
    return [judged[each.sut_name, each.nodeid] for each in found]


def _judge(
    storage: BaseStorage,
    selection: Selection,
    line: Line,
    histories: Sequence[History],
    rules: CauseRules,
) -> dict[str, Verdict]:
    """Return the verdicts on tests of one SUT that have a run in the line, by nodeid."""
    now = datetime.now(UTC)
    tests = {each.nodeid: _selected(each.runs, selection, now) for each in histories}
    sut = histories[0].sut_name
    survey = _own_survey(storage, sut, tests.values(), line, rules, now)
    if survey is None:
        survey = storage.survey(selection, line=line, rules=rules)
    # Of tests that never failed, as in `verdicts`, only the number of runs is judged.
    once = {nodeid for nodeid, count in survey.decided.get(sut, {}).items() if count == 1}
    runs = [
        run
        for nodeid, of_test in tests.items()
        if nodeid in once or any(map(is_notable, of_test))
        for run in of_test
    ]
    timings = _timings(storage, selection, tests.values(), line.counted(now))
    found = analyze(survey.judging(runs), now, line=line, timings=timings).verdicts
    return {each.nodeid: each for each in found}


def _timings(
    storage: BaseStorage,
    selection: Selection,
    tests: Collection[Sequence[Run]],
    is_counted: Callable[[SessionFacts], bool],
) -> dict[TestKey, Timing]:
    """Return how the durations of tests changed.

    All tests of a session tell how fast its machine was. They are read only if it matters.
    """
    if max(map(len, tests)) < ENOUGH_RUNS:
        return {}
    from pytest_insight.analysis.durations import TIMED_RUNS, Durations  # takes long to import
    from pytest_insight.analysis.timed_sessions import timed_sessions

    last = [run for of_test in tests for run in of_test[-TIMED_RUNS:] if is_counted(run.session)]
    changed = Durations(timed_sessions(last)).timings()
    if not changed:
        return {}
    first = min(run.session.start for run in last if (run.sut_name, run.nodeid) in changed)
    filters = (*selection.session_filters, StartedBetween(first))
    period = replace(selection, session_filters=filters)
    timed = storage.durations(period, None, last=TIMED_RUNS)
    return Durations(each for each in timed if is_counted(each.session)).timings()


def _selected(runs: Iterable[Run], selection: Selection, now: datetime) -> list[Run]:
    """Return the runs of the selected period in time order."""
    filters = selection.resolved(now).session_filters
    periods = [each for each in filters if isinstance(each, StartedBetween)]
    kept = [run for run in runs if all(each.contains(run.session.start) for each in periods)]
    return sorted(kept, key=lambda run: in_time_order(run.session))


def _own_survey(
    storage: BaseStorage,
    sut: str,
    tests: Collection[Sequence[Run]],
    line: Line,
    rules: CauseRules,
    now: datetime,
) -> Survey | None:
    """Return a survey that suffices for some tests; None if the verdicts depend on other sessions.

    They do if a test may be new, and if a session may be an incident, which depends on how many
    tests are usual.
    """
    counted = line.counted(now)
    decided: dict[str, int] = {}
    for of_test in tests:
        here = [run for run in of_test if counted(run.session)]
        if here:
            decided[here[0].nodeid] = sum(run.is_decided for run in here)
    if 1 in decided.values():
        return None
    doubtful = {
        run.session.session_id: run.session
        for of_test in tests
        for run in find_doubtful(of_test, line)
        if run.cause
    }
    if find_incidents((), find_notable(storage, doubtful.values(), rules)):
        return None
    return survey_of([run for of_test in tests for run in of_test], [], {sut: decided})
