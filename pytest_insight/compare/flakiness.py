"""Which of the tests that failed are known to be flaky."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from glob import escape

from pytest_insight._util.times import earlier
from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.incidents import may_be_incident
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.runs import WINDOW, Run, is_notable
from pytest_insight.analysis.survey import survey_of
from pytest_insight.analysis.values import FLAKY, Verdict
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.analyze.incidents import find_notable
from pytest_insight.compare.chosen_sessions import Chosen
from pytest_insight.filters import Selection, StartedBetween, SutIs

LAST = 100
"""Runs of each test that are looked at."""
MAX_TESTS = 500
"""Tests that history is asked about: if more failed, they are not flaky."""


def known_flaky(
    base: Chosen, head: Chosen, bad: Sequence[Run], rules: CauseRules
) -> dict[str, Verdict]:
    """Return the verdicts on the tests that the history before the head calls flaky.

    All branches count as evidence. Whether a test is broken by now is judged by the runs of the
    head's branch, and those of the base's.

    Args:
        base: the side whose storage is asked.
        head: the side in which they failed.
        bad: their runs.
        rules: what makes two failures one cause.
    """
    if not bad or len(bad) > MAX_TESTS:
        return {}
    sut = base.newest.sut_name
    before = head.sessions[-1].session_start_time
    if not base.is_dated:
        before = max(before, base.newest.session_start_time)
    period = StartedBetween(earlier(before, WINDOW.total_seconds()), before)
    wanted = {(sut, run.nodeid): LAST for run in bad}
    found = base.storage.runs(
        Selection((SutIs(escape(sut)), period)), candidates=wanted, rules=rules
    )
    past = [run for run in found if run.session.session_id not in head.ids]
    doubtful = {
        run.session.session_id: run.session
        for run in past
        if run.cause and (run.is_recovered or may_be_incident(run.session))
    }
    notable = [run for run in past if is_notable(run) and run.session.session_id not in doubtful]
    notable += find_notable(base.storage, list(doubtful.values()), rules)
    decided = Counter(run.nodeid for run in past if run.is_decided)
    survey = survey_of(past, notable, {sut: dict(decided)})
    judged = analyze(survey, before, line=_line(base, head))
    return {each.nodeid: each for each in judged.verdicts if each.verdict == FLAKY}


def _line(base: Chosen, head: Chosen) -> Line:
    of_head, of_base = (
        (side.newest.code_state and side.newest.code_state.branch) or "" for side in (head, base)
    )
    if not of_head or not of_base:
        return Line()
    if of_head == of_base:
        return Line(of_head)
    return Line(of_head, of_base, head.newest.session_start_time)
