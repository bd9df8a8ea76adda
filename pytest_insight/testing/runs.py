# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for what the analysis reads: `survey`, `runs`, `durations` and `newest_runs`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.comparison.newest_runs import newest_runs
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.matrix import matrix
from pytest_insight.analysis.runs import Run, SessionFacts, last_runs
from pytest_insight.analysis.survey import Survey, survey
from pytest_insight.analysis.timed_sessions import TimedSession, last_timed
from pytest_insight.filters import BranchIs, OutcomeIn, Selection, SutIs
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import START, Rules, fill, make_result, make_session

_X = "tests/test_a.py::test_x"


def _session(number: int, /, *results: TestResult, branch: str = "main") -> TestSession:
    code = CodeState(commit=f"{number:040x}", branch=branch)
    return make_session(number, code_state=code, test_results=results)


def _history() -> list[TestSession]:
    """Return sessions with every way in which attempts become a run."""
    failed = make_result(outcome="failed", message="KeyError: 'a'\nmore", crash="a.py:1")
    return [
        _session(0, make_result(), make_result("test_y", "skipped", message="no database")),
        _session(1, make_result(outcome="rerun", message="TimeoutError: 0.51s"), make_result()),
        _session(2, make_result(), make_result(outcome="error", phase="teardown", message="e")),
        _session(3, failed, make_result("test_y", "xpassed"), branch="feature"),
        _session(4, make_result(outcome="retried"), failed),  # an outcome of pytest-retry
        _session(5, make_result(outcome="rerun")),  # died before it was run again
        _session(6, make_result("test_y", "xfailed"), make_result(outcome="of another plugin")),
        _session(7),
        make_session(8, sut_name="web", testing_system={"python": 3, "platform": None}),
    ]


def by_session(runs: Iterable[Run]) -> list[Run]:
    """Return runs with those of each session by nodeid: a storage yields them in any order."""
    return [
        run
        for _, of_session in groupby(runs, key=lambda run: run.session.session_id)
        for run in sorted(of_session, key=lambda run: run.nodeid)
    ]


def durations_of(timed: Iterable[TimedSession]) -> list[tuple[SessionFacts, dict[str, float]]]:
    """Return the sessions with the seconds of their tests: a storage gives them in any order."""
    return [(each.session, dict(zip(each.nodeids, each.seconds, strict=True))) for each in timed]


class RunRules(Rules):
    """Rules for what the analysis reads."""

    def test_a_new_storage_has_no_runs(self, storage: BaseStorage) -> None:
        assert list(storage.runs()) == []
        found = storage.survey()
        assert found == Survey([], [], {}, {}, {})

    def test_a_run_is_what_a_session_says_of_a_test(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        runs = [run for run in storage.runs(nodeids=[_X]) if run.sut_name == "api"]
        assert [(run.outcome, run.attempts, run.phase, run.message) for run in runs] == [
            ("of another plugin", 1, "", ""),
            ("rerun", 1, "", ""),
            ("failed", 2, "", "KeyError: 'a'"),
            ("failed", 1, "", "KeyError: 'a'"),
            ("error", 1, "teardown", "e"),
            ("passed", 2, "", "TimeoutError: 0.51s"),
            ("passed", 1, "", ""),
        ]
        recovered = DEFAULT_RULES.cause_of("", "TimeoutError: 0.7s")
        causes = [(run.cause, run.shape) for run in runs]
        assert causes[5] == (recovered.key, recovered.shape)
        assert causes[2] == causes[3] != causes[4]
        assert [bool(run.cause) for run in runs] == [False, False, *[True] * 4, False]

    def test_a_run_knows_its_session_and_how_many_of_its_tests_were_bad(
        self, storage: BaseStorage
    ) -> None:
        system = {"python": "3.12.7", "platform": "Linux-6.8.0-x86_64"}
        code = CodeState(commit="c" * 40, branch="main", digest="d")
        storage.save_session(make_session(1, testing_system=system, code_state=code))
        run = next(storage.runs())
        assert run.session == storage.survey().sessions[0]
        assert run.session.context == ("c" * 40, "d", "3.12 Linux")
        assert (run.session.branch, run.session.seconds) == ("main", 2.5)
        assert (run.session.decided, run.session.bad) == (2, 1)

    def test_runs_are_those_of_a_loop_over_the_sessions(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        main = Selection((BranchIs("main"),))
        for selection in (
            None,
            main,
            Selection(limit=3),
            Selection((), (OutcomeIn(frozenset({TestOutcome.FAILED})),)),
        ):
            for nodeids in (None, [_X], []):
                for last in (None, 0, 1, 2):
                    newest_first = storage.iter_sessions(selection, newest_first=True)
                    expected = by_session(last_runs(newest_first, nodeids, last))
                    found = by_session(storage.runs(selection, nodeids, last=last))
                    assert found == expected

    def test_the_runs_of_the_candidates_of_a_survey_are_all_of_them(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(_history())
        for selection in (None, Selection((BranchIs("main"),))):
            candidates = storage.survey(selection, line=Line("main")).candidates
            for last in (None, 2, 0):
                found = by_session(storage.runs(selection, candidates=candidates, last=last))
                assert found == [
                    run
                    for run in by_session(storage.runs(selection, last=last))
                    if (run.sut_name, run.nodeid) in candidates
                ]
        one = {("api", _X): 2}
        assert [run.session.session_id for run in storage.runs(candidates=one)] == [
            "api-6",
            "api-5",
        ]
        assert list(storage.runs(nodeids=["no such test"], candidates=one)) == []
        assert list(storage.runs(candidates={})) == []

    def test_of_each_test_of_each_sut_the_last_runs_are_given(self, storage: BaseStorage) -> None:
        fill(storage, *range(3))
        storage.save_sessions(
            make_session(number, session_id=f"web-{number}", sut_name="web") for number in range(9)
        )
        found = [run.session.session_id for run in storage.runs(nodeids=[_X], last=2)]
        assert sorted(found) == ["api-1", "api-2", "web-7", "web-8"]

    def test_a_survey_is_that_of_a_loop_over_the_sessions(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        line = Line("main")
        for selection in (None, Selection((BranchIs("main"),)), Selection(limit=3)):
            found = storage.survey(selection, line=line)
            assert found == survey(storage.iter_sessions(selection), line.counted(START))
        future = datetime.max.replace(tzinfo=UTC) - timedelta(days=99)
        storage.save_session(make_session(session_id="future", session_start_time=future))
        assert [each.session_id for each in storage.survey().sessions][-1] == "future"
        feature = make_result("test_feature", "failed")
        storage.save_session(_session(9, feature, branch="feature"))
        assert ("api", feature.nodeid) not in storage.survey(line=line).candidates
        assert storage.survey(line=line).decided["api"] == {_X: 4, "tests/test_a.py::test_y": 1}

    def test_durations_are_those_of_a_loop_over_the_sessions(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        twice = _session(9, make_result(duration=0.25), make_result(duration=0.5))
        some = _session(10, *(make_result(f"test_{n}", duration=n / 8) for n in range(1, 20)))
        storage.save_sessions([twice, some])
        failed = Selection((), (OutcomeIn(frozenset({TestOutcome.FAILED})),))
        for selection in (None, Selection((BranchIs("main"),)), Selection(limit=3), failed):
            for counts in (None, storage.survey(selection).counts, {("api", _X): 2}, {}):
                for last in (0, 1, 2, 99):
                    newest_first = storage.iter_sessions(selection, newest_first=True)
                    expected = durations_of(last_timed(newest_first, counts, last))
                    assert durations_of(storage.durations(selection, counts, last=last)) == expected

    def test_a_test_that_passed_twice_in_a_session_has_simply_passed(
        self, storage: BaseStorage
    ) -> None:
        storage.save_session(_session(0, make_result(), make_result()))
        (runs,) = storage.survey().runs.values()
        assert (runs.ran, runs.notable, runs.others) == ((0,), {}, {})

    def test_a_survey_names_the_tests_that_may_be_more_than_stable(
        self, storage: BaseStorage
    ) -> None:
        for number in range(3):
            new = [make_result("test_new")] if number == 2 else []
            steady = make_result("test_steady")
            broken = make_result("test_broken", "failed")
            storage.save_session(_session(number, steady, broken, *new))
        found = {nodeid.rpartition("::")[2] for _, nodeid in storage.survey().candidates}
        assert found == {"test_broken", "test_new"}

    def test_a_message_that_is_taken_from_the_text_is_called_guessed(
        self, storage: BaseStorage
    ) -> None:
        told = make_result(outcome="failed", message="KeyError: 'a'")
        text = make_result("test_y", "failed", longreprtext="E   KeyError: 'a'\n\na.py:1: KeyError")
        storage.save_session(_session(0, told, text))
        found = [(run.message, run.guessed) for run in by_session(storage.runs())]
        assert found == [("KeyError: 'a'", False), ("KeyError: 'a'", True)]
        assert len({run.cause for run in storage.runs()}) == 1

    def test_the_newest_runs_are_those_of_a_loop_over_the_sessions(
        self, storage: BaseStorage
    ) -> None:
        incident = [make_result(f"test_{n}", "failed", message="refused") for n in range(12)]
        hit = [_session(number, *incident) for number in (10, 12, 13)]
        storage.save_sessions([*_history(), *hit[:1], _session(11, incident[0])])
        main = Selection((BranchIs("main"),))
        failed = Selection((), (OutcomeIn(frozenset({TestOutcome.FAILED})),))
        for selection in (None, main, Selection(limit=3), failed):
            for usual in (0, 100):
                newest_first = storage.iter_sessions(selection, newest_first=True)
                found = storage.newest_runs(selection, usual=usual, timed={_X, "no such test"})
                assert found == newest_runs(newest_first, usual, {_X, "no such test"})
        assert [each.session.session_id for each in storage.newest_runs().incidents] == ["api-10"]
        assert storage.newest_runs(usual=100).incidents == []
        assert len(storage.newest_runs().covered) == 11
        storage.save_sessions(hit[1:])
        found = storage.newest_runs()
        assert found == newest_runs(storage.iter_sessions(newest_first=True))
        # Three times in a row, it is no incident for the tests that did nothing else since.
        assert (len(found.incidents), len(found.covered)) == (3, 1)

    def test_the_newest_decided_run_of_a_test_counts(self, storage: BaseStorage) -> None:
        storage.save_sessions(
            [
                _session(0, make_result(), make_result("test_y", "failed", message="e")),
                _session(1, make_result(outcome="failed", message="e")),
                _session(2, make_result(outcome="skipped"), make_result("test_z", "skipped")),
            ]
        )
        runs = storage.newest_runs().runs.values()
        assert {(run.nodeid[-6:], run.session.session_id) for run in runs} == {
            ("test_x", "api-1"),
            ("test_y", "api-0"),
            ("test_z", "api-2"),
        }

    def test_headers_are_the_sessions_without_results(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        failed = Selection((), (OutcomeIn(frozenset({TestOutcome.FAILED})),))
        for selection in (None, Selection((BranchIs("main"),)), Selection(limit=3), failed):
            for newest_first in (False, True):
                expected = storage.iter_sessions(selection, newest_first=newest_first)
                found = list(storage.iter_headers(selection, newest_first=newest_first))
                assert found == [session.with_results(()) for session in expected]

    def test_a_project_can_mask_more_of_its_messages(self, storage: BaseStorage) -> None:
        messages = ["order abc is late", "order xyz is late"]
        storage.save_sessions(
            _session(number, make_result(outcome="failed", message=message))
            for number, message in enumerate(messages)
        )
        masked = CauseRules([r"order (\w+)"])
        assert len({run.cause for run in storage.runs()}) == 2
        assert len({run.cause for run in storage.runs(rules=masked)}) == 1
        assert len({run.cause for run in storage.survey(rules=masked).notable}) == 1

    def test_a_matrix_has_a_letter_for_each_test_and_session(self, storage: BaseStorage) -> None:
        storage.save_sessions(reversed(_history()))
        found = storage.matrix(Selection((SutIs("api"),)))
        ids = [each.session_id for each in found.sessions]
        assert ids == storage.session_ids(Selection((SutIs("api"),)))
        assert found.rows["api"] == {_X: ".REFFR? ", "tests/test_a.py::test_y": "s  X  x "}

    def test_a_matrix_is_that_of_a_loop_over_the_sessions(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        assert storage.matrix() == matrix(storage.iter_sessions())
