"""Whatever a store holds can be analysed: each test has one verdict, with evidence that exists."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_insight.analysis.durations import Durations
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.runs import facts_of, last_runs
from pytest_insight.analysis.survey import survey
from pytest_insight.analysis.timed_sessions import timed_sessions
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from tests.analysis.histories import NOW
from tests.strategies import examples

LINES = (Line(), Line("main"), Line("feature", "main", NOW - timedelta(days=20)), Line(""))

RESULTS = st.builds(
    TestResult,
    nodeid=st.sampled_from(["t.py::a", "t.py::b"]),
    outcome=st.sampled_from([*TestOutcome, "retried", "of a plugin"]).map(TestOutcome),
    start_time=st.just(NOW),
    duration=st.sampled_from([0.0, 5e-324, 1.0, 2.0, 1e308]),
    phase=st.sampled_from(["", "setup", "teardown"]),
    message=st.sampled_from(["", "KeyError: 'a'\n", "\x1b[31m/tmp/[", "assert 1 == 2"]),
    worker=st.sampled_from(["", "gw0"]),
)
CODES = st.builds(
    CodeState,
    commit=st.sampled_from([None, "a", "b"]),
    branch=st.sampled_from([None, "main", "feature"]),
    digest=st.sampled_from([None, "unknown", "d"]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[TestSession]:
    """Up to 12 sessions in any order, some at one time, some dated in the future."""
    return [
        TestSession(
            f"{number}",
            draw(st.sampled_from(["api", "web"])),
            NOW + timedelta(days=draw(st.sampled_from([-99, -20, -2, -1, 0, 0, 999]))),
            session_duration=draw(st.sampled_from([0.0, 1.0])),
            testing_system={"python": draw(st.sampled_from(["3.12.1", None, ["3"]]))},
            code_state=draw(st.none() | CODES),
            test_results=tuple(draw(st.lists(RESULTS, max_size=4))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(histories(), st.sampled_from(LINES))
@settings(max_examples=examples(60), deadline=None)
def test_every_test_has_one_verdict_whose_evidence_exists(
    history: list[TestSession], line: Line
) -> None:
    read = survey(history, line.counted(NOW))
    runs = list(last_runs(history))
    found = analyze(read, NOW, line=line, timings=Durations(timed_sessions(runs)).timings())
    counted = [s for s in history if line.counted(NOW)(facts_of(s))]
    tests = {(s.sut_name, result.nodeid) for s in counted for result in s.test_results}
    assert [(each.sut, each.nodeid) for each in found.verdicts] == sorted(tests)
    known = {each.session_id for each in history}
    for each in found.verdicts:
        assert 0 <= each.bad + each.recovered <= each.runs <= len(history)
        assert 0 <= each.rate.low <= each.rate.value <= each.rate.high <= 1
        assert known.issuperset(each.evidence)
        assert sum(cause.count for cause in each.causes) == each.bad + each.recovered
        assert "\n" not in each.detail


@given(histories())
@settings(max_examples=examples(30), deadline=None)
def test_the_order_in_which_sessions_are_read_does_not_matter(
    history: list[TestSession],
) -> None:
    read = survey(history, Line().counted(NOW))
    found = analyze(read, NOW)
    backwards = history[::-1]
    again = survey(backwards, Line().counted(NOW))
    assert again._replace(notable=[]) == read._replace(notable=[])
    assert analyze(again, NOW) == found
