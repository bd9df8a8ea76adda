# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for selections: every filter alone, filters together, and the limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_insight import filters as f
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import START, Rules, fill, ids_of, make_result, make_session

FAILED, PASSED = TestOutcome.FAILED, TestOutcome.PASSED
SKIPPED, RERUN = TestOutcome.SKIPPED, TestOutcome.RERUN


_LAPTOP: dict[str, Any] = {
    **{"host": "laptop", "ci": True, "gpu": None, "plugins": "none"},
    "disks": ["ssd", {"kind": "tape"}],
}


def _failure() -> dict[str, Any]:
    text = "E  1 == 2\nHello"
    return {"phase": "setup", "message": "1 == 2", "crash": "a.py:3", "longreprtext": text}


_IN_CI = {
    **{"host": "ci-1", "cpus": 8, "plugins": {"xdist": "3.8"}, "x.y": "dot"},
    "ci": {"run_id": "[77]"},
}


def _history() -> list[TestSession]:
    """Five sessions, `s0` to `s4`, an hour apart."""
    return [
        make_session(0, session_id="s0", sut_name="api", test_results=()),
        make_session(
            1,
            session_id="s1",
            sut_name="api-2",
            session_tags={"ci": "nightly", "50%": ""},
            code_state=CodeState(commit="0123ABCD" * 5, branch="main"),
            test_results=(
                make_result("test_x", duration=1.0),
                make_result("test_y", "failed", duration=2.0, **_failure()),
            ),
        ),
        make_session(
            2,
            session_id="s2",
            sut_name="API",
            session_tags={"ci": "pr"},
            testing_system=_IN_CI,
            code_state=CodeState(branch="release/1.0"),
            test_results=(
                make_result("test_x[a_b]", "rerun", capstdout="out 50%"),
                make_result("test_x[a_b]", "passed", has_warning=True, worker="gw1"),
            ),
        ),
        make_session(
            3,
            session_id="s3",
            sut_name="web",
            testing_system=_LAPTOP,
            test_results=(
                make_result(
                    "test_X", "skipped", duration=0.0, capstderr="Err", message="the reason"
                ),
                make_result("test_z[*]", "flaky", duration=3.5, caplog="WARNING log"),
            ),
        ),
        make_session(
            4,
            session_id="s4",
            sut_name="web",
            code_state=CodeState(commit="fedcba98" * 5),
            testing_system={"ci": {"run_id": 78}},
            pinned=True,
            test_results=(make_result("test_y", "failed", has_warning=True),),
        ),
    ]


_HOUR = timedelta(hours=1)
_EAST = timezone(timedelta(hours=9))

SESSION_FILTERS: list[tuple[f.SessionFilter, str]] = [
    (f.SutIs("api"), "s0"),
    (f.SutIs("api*"), "s0 s1"),
    (f.SutIs("?PI"), "s2"),
    (f.SutIs("[aw]*"), "s0 s1 s3 s4"),
    (f.SutIs("a"), ""),
    (f.StartedBetween(), "s0 s1 s2 s3 s4"),
    (f.StartedBetween(since=START + 3 * _HOUR), "s3 s4"),
    (f.StartedBetween(since=START + 3 * _HOUR + timedelta(microseconds=1)), "s4"),
    (f.StartedBetween(until=START + _HOUR), "s0 s1"),
    (f.StartedBetween(until=START + _HOUR - timedelta(microseconds=1)), "s0"),
    (f.StartedBetween((START + _HOUR).astimezone(_EAST), START + 2 * _HOUR), "s1 s2"),
    (f.HasTag("ci"), "s1 s2"),
    (f.HasTag("ci", "nightly"), "s1"),
    (f.HasTag("ci", "night"), ""),
    (f.HasTag("50%"), "s1"),
    (f.HasTag("50%", ""), "s1"),
    (f.HasTag("ci", ""), ""),
    (f.HasTag("CI"), ""),
    (f.SessionIdMatches(("s1",)), "s1"),
    (f.SessionIdMatches(("s[1-3]",)), "s1 s2 s3"),
    (f.SessionIdMatches(("s",)), ""),
    (f.SessionIdMatches(("s0", "?4", "none")), "s0 s4"),
    (f.SessionIdIn(frozenset(("s0", "s4", "s9", "s*"))), "s0 s4"),
    (f.SessionIdIn(frozenset()), ""),
    (f.IsPinned(), "s4"),
    (f.IsPinned(wanted=False), "s0 s1 s2 s3"),
    (f.TestingSystemIs("host", "ci-1"), "s2"),
    (f.TestingSystemIs("host", "*"), "s2 s3"),
    (f.TestingSystemIs("cpus", "8"), "s2"),
    (f.TestingSystemIs("ci", "true"), "s3"),
    (f.TestingSystemIs("plugins.xdist", "3.*"), "s2"),
    (f.TestingSystemIs("x.y", "dot"), "s2"),
    (f.TestingSystemIs("gpu", "*"), ""),
    (f.TestingSystemIs("disks.0", "ssd"), ""),  # a list has no names
    (f.TestingSystemIs("disks.1.kind", "tape"), ""),
    (f.TestingSystemIs("disks.-1.kind", "tape"), ""),
    (f.BranchIs("main"), "s1"),
    (f.BranchIs("release/*"), "s2"),
    (f.BranchIs("*"), "s1 s2"),
    (f.CommitIs("0123abcd"), "s1"),
    (f.CommitIs("FEDC"), "s4"),
    (f.CommitIs("cba9"), ""),
    (f.InRun("[77]"), "s2"),
    (f.InRun("78"), "s4"),
    (f.InRun("7*"), ""),
    (f.InRun(None), "s0 s1 s3"),
    (f.HasOutcome(frozenset((FAILED,))), "s1 s4"),
    (f.HasOutcome(frozenset((SKIPPED, RERUN))), "s2 s3"),
    (f.HasOutcome(frozenset((TestOutcome("flaky"),))), "s3"),
    (f.HasWarning(), "s2 s4"),
    (f.HasWarning(wanted=False), "s0 s1 s3"),
    (f.HasReruns(), "s2"),
    (f.HasReruns(wanted=False), "s0 s1 s3 s4"),
    (f.HasNodeidContaining("test_x"), "s1 s2"),
    (f.HasNodeidContaining("[*]"), "s3"),
    (f.HasNodeidContaining("test%x"), ""),
    (f.HasTest((f.OutcomeIn(frozenset((FAILED,))),)), "s1 s4"),
    (f.HasTest((f.OutcomeIn(frozenset((FAILED,))), f.NodeidContains("test_x"))), ""),
    (f.HasTest((f.NodeidContains("test_x"), f.OutcomeIn(frozenset((PASSED,))))), "s1 s2"),
    (f.HasTest((f.Custom(lambda result: result.has_warning),)), "s2 s4"),
    (f.HasTest(()), "s1 s2 s3 s4"),
]

_LATER = "s2:test_x[a_b] s2:test_x[a_b] s3:test_X s3:test_z[*] s4:test_y"

TEST_FILTERS: list[tuple[f.TestFilter, str]] = [
    (f.OutcomeIn(frozenset((FAILED,))), "s1:test_y s4:test_y"),
    (f.OutcomeIn(frozenset((SKIPPED, TestOutcome("flaky")))), "s3:test_X s3:test_z[*]"),
    (f.PatternMatches("test_x"), "s1:test_x s2:test_x[a_b] s2:test_x[a_b]"),
    (f.PatternMatches("[a_b]"), "s2:test_x[a_b] s2:test_x[a_b]"),
    (f.PatternMatches("*::test_?"), "s1:test_x s1:test_y s3:test_X s4:test_y"),
    (f.PatternMatches("Hello", "longreprtext"), "s1:test_y"),
    (f.PatternMatches("gw1", "worker"), "s2:test_x[a_b]"),
    (f.PatternMatches("50%", "capstdout"), "s2:test_x[a_b]"),
    (f.PatternMatches("Err", "capstderr"), "s3:test_X"),
    (f.PatternMatches("*log", "caplog"), "s3:test_z[*]"),
    (
        f.PatternMatches(r"test_[xz]\[", use_regex=True),
        "s2:test_x[a_b] s2:test_x[a_b] s3:test_z[*]",
    ),
    (f.PatternMatches(r"(?m)^hello$", "longreprtext", use_regex=True), ""),
    (f.PatternMatches(r"(?im)^hello$", "longreprtext", use_regex=True), "s1:test_y"),
    (f.NodeidContains("x[a_"), "s2:test_x[a_b] s2:test_x[a_b]"),
    (f.NodeidContains("test_X"), "s3:test_X"),
    (f.NodeidContains("test.x"), ""),
    (f.NodeidUnder(("tests/test_a.py::test_x",)), "s1:test_x s2:test_x[a_b] s2:test_x[a_b]"),
    (f.NodeidUnder(("a.py", "tests/test_a.py::test_z[*]")), "s3:test_z[*]"),
    (f.NodeidUnder(("tests/test_a.py", "nosuch")), "s1:test_x s1:test_y " + _LATER),
    (f.NodeidUnder(("test", "tests/test_a.p", "tests/test_a.py::test", "ests")), ""),
    (f.KeywordsMatch("test_x"), "s1:test_x s2:test_x[a_b] s2:test_x[a_b] s3:test_X"),
    (f.KeywordsMatch("X and not (a_b] or TEST_x[)"), "s1:test_x s3:test_X"),
    (f.KeywordsMatch("test_z or y and not tests"), "s3:test_z[*]"),
    (f.KeywordsMatch("not x and not A_B or nosuch"), "s1:test_y s3:test_z[*] s4:test_y"),
    (f.KeywordsMatch("tests/test_a.py or a.py::test_x"), ""),  # each name is looked at alone
    (f.KeywordsMatch("\u00e9 or not tests::"), "s1:test_x s1:test_y " + _LATER),
    (f.ErrorContains("1 == 2\nHello"), "s1:test_y"),
    (f.ErrorContains("hello"), ""),
    (f.ErrorContains("the reason"), "s3:test_X"),
    (f.PatternMatches("a.py:*", "crash"), "s1:test_y"),
    (f.PatternMatches("reason", "message"), "s3:test_X"),
    (f.PhaseIs("setup"), "s1:test_y"),
    (f.PhaseIs("teardown"), ""),
    (f.OutputContains("out 50%"), "s2:test_x[a_b]"),
    (f.OutputContains("Err"), "s3:test_X"),
    (f.OutputContains("log"), "s3:test_z[*]"),
    (f.OutputContains("err"), ""),
    (f.DurationBetween(1.0, 2.0), "s1:test_x s1:test_y"),
    (f.DurationBetween(shortest=2.0), "s1:test_y s3:test_z[*]"),
    (f.DurationBetween(longest=0.0), "s3:test_X"),
    (f.TestHasWarning(), "s2:test_x[a_b] s4:test_y"),
    (f.TestHasWarning(wanted=False), "s1:test_x s1:test_y s2:test_x[a_b] s3:test_X s3:test_z[*]"),
    (
        f.Custom(lambda result: len(result.nodeid) > 23),
        "s2:test_x[a_b] s2:test_x[a_b] s3:test_z[*]",
    ),
]


def _numbered(rows: Sequence[tuple[object, str]]) -> list[str]:
    """Test IDs that are the same in every process, unlike the repr of a set or a lambda."""
    return [f"{type(row[0]).__name__}-{number}" for number, row in enumerate(rows)]


class SelectionRules(Rules):
    """Rules for `Selection`, in `iter_sessions` and `select`."""

    @pytest.mark.parametrize(
        ("session_filter", "expected"), SESSION_FILTERS, ids=_numbered(SESSION_FILTERS)
    )
    def test_a_session_filter_keeps_whole_sessions(
        self, storage: BaseStorage, session_filter: f.SessionFilter, expected: str
    ) -> None:
        storage.save_sessions(_history())
        found = storage.select(f.Selection((session_filter,)))
        assert found == [s for s in _history() if s.session_id in expected.split()]
        assert storage.count(f.Selection((session_filter,))) == len(expected.split())

    @pytest.mark.parametrize(("test_filter", "expected"), TEST_FILTERS, ids=_numbered(TEST_FILTERS))
    def test_a_test_filter_keeps_results_and_the_sessions_own_fields(
        self, storage: BaseStorage, test_filter: f.TestFilter, expected: str
    ) -> None:
        storage.save_sessions(_history())
        found = storage.select(f.Selection(test_filters=(test_filter,)))
        assert " ".join(_tests(found)) == expected
        originals = {session.session_id: session for session in _history()}
        assert all(s == originals[s.session_id].with_results(s.test_results) for s in found)

    def test_every_filter_is_covered(self) -> None:
        def kinds(base: type[Any]) -> set[type[Any]]:
            return {
                kind for kind in base.__subclasses__() if kind.__module__.startswith(f.__name__)
            }

        relative = {f.StartedWithin}  # has its own rules below
        assert {type(each) for each, _ in SESSION_FILTERS} | relative == kinds(f.SessionFilter)
        assert {type(each) for each, _ in TEST_FILTERS} == kinds(f.TestFilter)

    def test_all_session_filters_must_match(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        both = f.Selection((f.HasTag("ci"), f.HasReruns(), f.BranchIs("release/*")))
        assert ids_of(storage.select(both)) == ["s2"]
        neither = f.Selection((f.HasTag("ci"), f.SutIs("web")))
        assert storage.select(neither) == []

    @pytest.mark.parametrize(
        ("results", "run_again"),
        [
            ("test_x:retried test_x:passed", True),
            ("test_x:retried test_x:retried test_x:failed", True),
            ("test_x:rerun", True),
            ("test_x:passed test_x:retried", False),
            ("test_x:retried test_y:passed", False),
            ("test_x:retried test_x:passed:gw1", False),
            ("test_x:passed test_x:error test_x:failed", False),
            ("test_x:subtests passed test_x:passed", False),
            ("test_x:subtests skipped test_x:subtests failed test_x:xfailed", False),
        ],
    )
    def test_a_test_is_run_again_after_a_result_of_a_retry_plugin(
        self, storage: BaseStorage, results: str, run_again: bool
    ) -> None:
        fields = [each.split(":") for each in results.replace(" test", "|test").split("|")]
        made = [make_result(n, o, worker="".join(worker)) for n, o, *worker in fields]
        session = make_session(session_id="s0", test_results=made)
        storage.save_sessions([session, make_session(1, session_id="s1", test_results=())])
        found = [
            ids_of(storage.select(f.Selection((f.HasReruns(wanted=wanted),))))
            for wanted in (True, False)
        ]
        assert found == ([["s0"], ["s1"]] if run_again else [[], ["s0", "s1"]])
        assert bool(session.rerun_test_groups) == run_again

    def test_all_test_filters_must_match_one_result(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        filters = (f.OutcomeIn(frozenset((FAILED,))), f.TestHasWarning())
        assert _tests(storage.select(f.Selection(test_filters=filters))) == ["s4:test_y"]

    def test_session_filters_and_test_filters_work_together(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        selection = f.Selection(
            (f.HasWarning(), f.StartedBetween(until=START + 3 * _HOUR)),
            (f.NodeidContains("test_x"), f.OutcomeIn(frozenset((RERUN,)))),
        )
        assert _tests(storage.select(selection)) == ["s2:test_x[a_b]"]

    def test_a_custom_filter_gets_only_results_that_the_other_filters_keep(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(_history())
        seen: list[TestResult] = []
        custom = f.Custom(lambda result: seen.append(result) or True)  # type: ignore[func-returns-value]  # append returns None
        storage.select(f.Selection((f.SutIs("web"),), (custom, f.TestHasWarning())))
        assert seen == list(_history()[4].test_results)

    def test_an_exception_in_a_custom_filter_is_raised_to_the_caller(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(_history())
        with pytest.raises(ZeroDivisionError):
            storage.select(f.Selection(test_filters=(f.Custom(lambda _: 1 / 0),)))
        assert storage.count() == 5

    @pytest.mark.parametrize("limit", range(7))
    def test_a_limit_keeps_the_newest_sessions_in_the_usual_order(
        self, storage: BaseStorage, limit: int
    ) -> None:
        storage.save_sessions(_history())
        expected = ["s0", "s1", "s2", "s3", "s4"][max(5 - limit, 0) :]
        selection = f.Selection(limit=limit)
        assert ids_of(storage.select(selection)) == expected
        backwards = storage.iter_sessions(selection, newest_first=True)
        assert [session.session_id for session in backwards] == expected[::-1]

    def test_a_selection_may_have_thousands_of_patterns_outcomes_and_filters(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(_history())
        patterns = tuple(f"no-{number}*" for number in range(1_500))
        outcomes = frozenset(TestOutcome(f"odd-{number}") for number in range(1_500))
        long = f"{'s' * 60_000}*"
        for wanted, expected in (
            (f.Selection((f.SessionIdMatches((*patterns, "s1", "?3")),)), ["s1", "s3"]),
            (f.Selection((f.HasOutcome(outcomes | {FAILED}),)), ["s1", "s4"]),
            (f.Selection((f.SutIs("api*"),) * 1_200), ["s0", "s1"]),
            (f.Selection((f.SessionIdMatches((long, "s1")),)), ["s1"]),
            (f.Selection((), (f.NodeidUnder((*patterns, "tests")),)), ["s1", "s2", "s3", "s4"]),
            (f.Selection((), (f.KeywordsMatch(" or ".join(["no"] * 1_500)),)), []),
        ):
            assert ids_of(storage.select(wanted)) == expected

    def test_a_limit_applies_after_the_session_filters(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        assert ids_of(storage.select(f.Selection((f.SutIs("api*"),), limit=1))) == ["s1"]

    def test_a_limit_applies_after_session_filters_that_look_at_results(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(_history())
        no_warning = f.Selection((f.HasWarning(wanted=False),), limit=2)
        assert ids_of(storage.select(no_warning)) == ["s1", "s3"]
        backwards = storage.iter_sessions(no_warning, newest_first=True)
        assert [session.session_id for session in backwards] == ["s3", "s1"]

    def test_a_limit_applies_before_the_test_filters(self, storage: BaseStorage) -> None:
        storage.save_sessions(_history())
        failed = (f.OutcomeIn(frozenset((FAILED,))),)
        assert ids_of(storage.select(f.Selection((), failed, limit=3))) == ["s4"]
        with_results = f.Selection((f.HasReruns(wanted=False),), failed, limit=3)
        assert ids_of(storage.select(with_results)) == ["s1", "s4"]

    def test_replaced_sessions_are_not_selected(self, storage: BaseStorage) -> None:
        storage.save_session(make_session(0, sut_name="old"))
        storage.save_session(make_session(0, sut_name="new", test_results=()))
        assert storage.select(f.Selection((f.SutIs("old"),))) == []
        assert storage.select(f.Selection((f.HasOutcome(frozenset((FAILED,))),))) == []

    def test_relative_times_count_from_now(self, storage: BaseStorage) -> None:
        now = datetime.now(UTC)
        ages = {"future": -3600, "fresh": 60, "old": 7200}
        storage.save_sessions(
            make_session(session_id=name, session_start_time=now - timedelta(seconds=age))
            for name, age in ages.items()
        )
        last_hour = f.Selection((f.StartedWithin(3600),))
        assert ids_of(storage.select(last_hour)) == ["fresh", "future"]
        assert ids_of(storage.select(f.Selection((f.StartedWithin(0),)))) == ["future"]
        assert storage.count(f.Selection((f.StartedWithin(1e300),))) == 3

    def test_relative_times_count_from_the_first_call_of_next(self, storage: BaseStorage) -> None:
        storage.save_session(make_session(session_start_time=datetime.now(UTC)))
        sessions = storage.iter_sessions(f.Selection((f.StartedWithin(0.05),)))
        time.sleep(0.1)
        assert list(sessions) == []

    def test_a_selection_is_not_changed_by_selecting(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        selection = f.Selection((f.StartedWithin(3600),), (f.NodeidContains("x"),), 1)
        storage.select(selection)
        assert selection == f.Selection((f.StartedWithin(3600),), (f.NodeidContains("x"),), 1)


def _tests(sessions: list[TestSession]) -> list[str]:
    return [
        f"{session.session_id}:{result.nodeid.removeprefix('tests/test_a.py::')}"
        for session in sessions
        for result in session.test_results
    ]
