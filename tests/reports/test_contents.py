"""What a report says, from each kind of store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import analyze
from pytest_insight.models import TestResult, TestSession
from pytest_insight.query import Query
from pytest_insight.reports.report import make_report
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, SQLiteStorage
from tests.reports.histories import NOW, report, sessions

STORES: list[Callable[[Path], BaseStorage]] = [
    lambda _: InMemoryStorage(),
    lambda folder: JSONStorage(folder / "s.json"),
    lambda folder: SQLiteStorage(folder / "s.db"),
]


@pytest.mark.parametrize("make", STORES, ids=["memory", "json", "sqlite"])
def test_each_cause_has_the_texts_of_its_last_failure(
    make: Callable[[Path], BaseStorage], tmp_path: Path
) -> None:
    def run(number: int, *results: TestResult) -> TestSession:
        return TestSession(f"s-{number}", "shop", NOW, session_duration=1.0, test_results=results)

    def bad(nodeid: str, message: str, outcome: str = "failed", phase: Any = "") -> TestResult:
        text = f"text of {message}"
        return TestResult(
            nodeid, outcome, NOW, 0.1, phase, message, longreprtext=text, capstdout="out\n"
        )

    storage = make(tmp_path)
    storage.save_sessions(
        [
            run(1, bad("a.py::old", "KeyError: 'x'"), TestResult("a.py::two", "passed", NOW, 0.1)),
            run(
                2,
                TestResult("a.py::old", "passed", NOW, 0.1),
                TestResult("a.py::two", "passed", NOW, 0.1),
                bad("a.py::two", "teardown broke", "error", "teardown"),
                bad("a.py::again", "TimeoutError: 1.5s", "rerun"),
                TestResult("a.py::again", "passed", NOW, 0.1),
            ),
        ]
    )
    made = make_report(storage, analyze.verdicts(Query(storage=storage)))
    (suite,) = made.suites
    found = {cause.message: cause for cause in suite.causes}
    for message, cause in found.items():
        assert cause.texts == (("traceback", f"text of {message}"), ("captured stdout", "out"))
    assert [each.message for each in suite.causes] == [
        "teardown broke",
        "TimeoutError: 1.5s",
        "KeyError: 'x'",
    ]
    assert found["teardown broke"].failing == ("a.py::two",)
    assert found["KeyError: 'x'"].tests == ("a.py::old",)
    assert {each.verdict.nodeid: each.row for each in suite.tests} == {
        "a.py::old": "F.",
        "a.py::two": ".E",
        "a.py::again": " R",
    }


def test_the_headline_says_how_the_last_run_ended() -> None:
    def headline(picture: dict[str, str]) -> str:
        return report(sessions(picture)).suites[0].headline

    assert headline({"a": ".", "b": "."}) == "all 2 tests passed in the last run"
    assert headline({"a": "."}) == "1 test passed in the last run"
    assert headline({"a": ".", "b": "s"}) == "none of 2 tests failed in the last run"
    assert headline({"a": ".F", "b": ".E", "c": ".."}) == "2 of 3 tests failed in the last run"


def test_the_newest_200_runs_are_reported() -> None:
    (suite,) = report(sessions({"a.py::a": "." * 100 + "F" * 2 + "." * 98 + "...."})).suites
    assert len(suite.judged.sessions) == 204
    ids = [each.session.session_id for each in suite.sessions]
    assert ids == [f"shop-{number:03}" for number in range(4, 204)]
    assert suite.tests[0].row == "." * 96 + "FF" + "." * 102


def test_a_new_test_that_fails_is_counted_apart_from_new_failures_of_known_tests() -> None:
    tests = {"a.py::known": "...F", "a.py::new": "   F", "a.py::good": "   ."}
    (suite,) = report(sessions(tests)).suites
    assert {each.verdict.nodeid: each.verdict.verdict for each in suite.tests} == {
        "a.py::known": "new-failure",
        "a.py::new": "new-test",
        "a.py::good": "new-test",
    }
    assert suite.counts == {"new-failure": 1, "new-test-failing": 1}
