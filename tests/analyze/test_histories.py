"""Histories with verdicts: equal to those of the survey of all sessions, from fewer of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_insight import analyze
from pytest_insight._util.override import override
from pytest_insight.analysis.causes import DEFAULT_RULES
from pytest_insight.analysis.history import histories
from pytest_insight.analysis.survey import Survey
from pytest_insight.analyze.histories import judge_histories
from pytest_insight.analyze.scope import without_line
from pytest_insight.filters import BranchIs, NodeidContains, Selection, StartedWithin
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.query import Query
from pytest_insight.storage import InMemoryStorage

NOW = datetime.now(UTC)


def sessions(seed: int) -> list[TestSession]:
    """Return a history with incidents, breakages, flaky, new and slower tests, on two branches."""
    rng, pace = random.Random(seed), random.Random(seed)
    found = []
    names = [f"t.py::test_{n}" for n in range(rng.choice((4, 12, 30)))]
    rates = {name: rng.choice((0, 0, 0, 0.1, 0.4)) for name in names}
    broken = set(rng.sample(names, 2))
    for number in range(rng.randrange(1, 30)):
        start = NOW - timedelta(days=40 - number * 1.4, hours=rng.random())
        incident = rng.random() < 0.15
        speed = pace.lognormvariate(0, 0.2)
        results: list[TestResult] = []
        for name in names:
            if rng.random() < 0.1:
                continue
            why: dict[str, Any] = {"message": f"assert {name}"}
            outcome = rng.choice(("passed", "passed", "passed", "skipped"))
            if incident and rng.random() < 0.6:
                outcome, why = "failed", {"message": "ConnectionRefusedError"}
            elif rng.random() < rates[name] or (name in broken and number > 20):
                outcome = "failed"
            duration = 0.1 * speed * (3 if name == names[1] and number > 18 else 1)
            if rng.random() < 0.05:
                results.append(TestResult(name, "rerun", start, duration, **why))
            message = why if outcome == "failed" else {}
            results.append(TestResult(name, outcome, start, duration, **message))
        code = CodeState(
            f"{number // rng.choice((1, 2)):040x}", rng.choice(("main", "main", "fix"))
        )
        sut = rng.choice(("shop", "shop", "api"))
        found.append(
            TestSession(
                f"{sut}-{number}", sut, start, session_duration=1.0, code_state=code,
                test_results=tuple(results),
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(40))
def test_the_verdict_on_one_test_is_the_one_among_all_tests(seed: int) -> None:
    storage = InMemoryStorage()
    storage.save_sessions(sessions(seed))
    branch = random.Random(seed).choice((None, "main", "fix", "*", "f*"))
    asked = Selection((BranchIs(branch),) if branch else ())
    every = analyze.verdicts(Query(asked, storage=storage))
    expected = {(each.sut, each.nodeid): each for each in every}
    # One test, or several in one reading.
    for text in ("t.py::test_1", "t.py::test_2", "test_"):
        selection = Selection(
            without_line(asked).session_filters, test_filters=(NodeidContains(text),)
        )
        found = histories(storage.iter_sessions(selection))
        for each in judge_histories(storage, asked, found, DEFAULT_RULES):
            key = (each.history.sut_name, each.history.nodeid)
            assert each.verdict == expected.get(key)


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_flaky_and_broken_alone_are_those_among_all_verdicts(seed: int) -> None:
    storage = InMemoryStorage()
    storage.save_sessions(sessions(seed))
    asked = Query(storage=storage)
    every = analyze.verdicts(asked, durations=False)
    alone = analyze.verdicts(asked, durations=False, only=("flaky", "broken"))
    assert alone.verdicts == every.with_verdict("flaky", "broken")


def test_a_test_that_got_slower_is_so_in_its_history_whatever_the_machine_does() -> None:
    storage = InMemoryStorage()
    for number in range(20):
        start = NOW - timedelta(days=20 - number)
        speed = 1.6 if number > 11 else 1.0
        factors = {"slower": 3 if number > 11 else 1, "as_before": 1}
        factors |= dict.fromkeys((f"other_{n}" for n in range(20)), 1)
        results = tuple(
            TestResult(f"t.py::test_{name}", "passed", start, 0.2 * speed * factor)
            for name, factor in factors.items()
        )
        storage.save_session(TestSession(f"s{number}", "shop", start, test_results=results))
    found = []
    for name in ("slower", "as_before"):
        one = Selection(test_filters=(NodeidContains(name),))
        (judged,) = judge_histories(
            storage, Selection(), histories(storage.iter_sessions(one)), DEFAULT_RULES
        )
        assert judged.verdict == analyze.verdicts(Query(storage=storage))[judged.history.nodeid]
        found.append(judged.verdict.verdict)
    assert found == ["slower", "stable"]


class CountingStorage(InMemoryStorage):
    """Counts how often sessions are surveyed.

    Attributes:
        surveyed: by session ID.
    """

    def __init__(self) -> None:
        super().__init__()
        self.surveyed: Counter[str] = Counter()

    @override
    def survey(self, *args: Any, **given: Any) -> Survey:
        found = super().survey(*args, **given)
        self.surveyed.update(session.session_id for session in found.sessions)
        return found


def surveyed_for(pictures: Collection[str]) -> set[str]:
    """Return which sessions are surveyed for a verdict on the first of some tests."""
    storage = CountingStorage()
    for number in range(len(next(iter(pictures)))):
        start = NOW - timedelta(days=10 - number)
        results = [
            TestResult(f"t.py::test_{n}", "failed" if row[number] == "F" else "passed", start, 0.1,
                       message="ConnectionRefusedError" if row[number] == "F" else "")
            for n, row in enumerate(pictures)
        ]  # fmt: skip
        code = CodeState(f"{number:040x}", "main")
        storage.save_session(
            TestSession(f"s{number}", "shop", start, session_duration=1.0, code_state=code,
                        test_results=tuple(results))
        )  # fmt: skip
    asked = Selection((StartedWithin(20 * 86_400),))
    one = Selection(asked.session_filters, (NodeidContains("t.py::test_0"),))
    found = histories(storage.iter_sessions(one))[:1]
    (judged,) = judge_histories(storage, asked, found, DEFAULT_RULES)
    assert judged.verdict is not None
    return set(storage.surveyed)


def test_only_the_sessions_are_surveyed_in_which_the_test_failed() -> None:
    assert surveyed_for(["..F......."] + [".........."] * 20) == {"s2"}
    assert surveyed_for([".........."] + ["...F......"] * 20) == set()


def test_all_sessions_are_surveyed_if_a_failure_may_be_one_of_an_incident() -> None:
    assert len(surveyed_for(["..F......."] * 20)) == 10


def test_a_red_run_of_three_that_goes_on_is_no_incident_and_needs_no_survey() -> None:
    assert surveyed_for([".......FFF"] * 20) == set()


def test_a_red_run_of_two_may_be_an_incident_that_has_not_ended() -> None:
    assert len(surveyed_for([".......FF"] * 20)) == 9
