from __future__ import annotations

import json

from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, get_storage_instance
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession


def found_tests(insight: Insight, *options: str) -> list[tuple[str, str]]:
    listed = json.loads(insight("query", "tests", "--format", "json", *options).out)
    return [(test["session_id"], test["nodeid"].rpartition("::")[2]) for test in listed]


def test_tests_of_the_newest_session_come_first(insight: Insight, store: JSONStorage) -> None:
    assert found_tests(insight, "--outcome", "failed") == [
        ("api-2", "test_y"),
        ("api-1", "test_y"),
        ("api-0", "test_y"),
    ]
    assert found_tests(insight, "--outcome", "failed", "--limit", "1") == [("api-2", "test_y")]


def test_options_select_tests(insight: Insight, make_session: MakeSession) -> None:
    results = (
        TestResult("a.py::test_1", TestOutcome.PASSED, START, 0.5, has_warning=True),
        TestResult("a.py::test_2", TestOutcome.ERROR, START, 1.5, longreprtext="KeyError: 'x'"),
        TestResult("b.py::test_3", TestOutcome.FAILED, START, 2.5, capstderr="out of coffee"),
    )
    JSONStorage().save_session(make_session(0, test_results=results))

    def names(*options: str) -> set[str]:
        return {name for _, name in found_tests(insight, *options)}

    assert names("--outcome", "failed", "--outcome", "ERROR") == {"test_2", "test_3"}
    assert names("--nodeid", "a.py") == {"test_1", "test_2"}
    assert names("--nodeid", r"test_[13]$", "--regex") == {"test_1", "test_3"}
    assert names("--error", "KeyError") == {"test_2"}
    assert names("--captured", "coffee") == {"test_3"}
    assert names("--min-duration", "1", "--max-duration", "2") == {"test_2"}
    assert names("--warnings") == {"test_1"}
    assert names("--reruns") == set()


def test_sessions_are_found_by_their_tests(insight: Insight, store: JSONStorage) -> None:
    words = ["query", "sessions", "--outcome", "failed", "-f", "json", "-n", "2"]
    found = json.loads(insight(*words).out)
    assert [session["session_id"] for session in found] == ["api-2", "api-1"]
    assert found[0]["outcomes"] == {"failed": 1}


def test_exit_code_lets_a_script_act(insight: Insight, store: JSONStorage) -> None:
    insight("query", "tests", "--outcome", "failed", "--exit-code", status=3)
    insight("query", "tests", "--outcome", "xpassed", "--exit-code", status=0)
    insight("query", "sessions", "--outcome", "failed", "--exit-code", status=3)


def test_nothing_found_is_an_empty_list_and_a_sentence(
    insight: Insight, store: JSONStorage
) -> None:
    printed = insight("query", "tests", "--outcome", "xpassed", "--format", "json")
    assert json.loads(printed.out) == []
    printed = insight("query", "tests", "--outcome", "xpassed")
    assert printed.out == ""
    assert "nothing matches" in printed.err


def test_a_nodeid_that_two_suts_have_is_two_rows_and_flaky_in_neither(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("profile", "create", "big", "--type", "sqlite")
    for number, (sut, outcome) in enumerate([("web", "failed"), ("api", "passed")]):
        result = TestResult("a.py::test_1", TestOutcome(outcome), START, 0.5)
        session = make_session(number, sut_name=sut, test_results=(result,))
        for storage in (JSONStorage(), get_storage_instance(profile_name="big")):
            storage.save_session(session)
    for profile in ("default", "big"):
        asked = ("--profile", profile, "query", "tests", "--group")
        header, *rows = (line.split() for line in insight(*asked).out.splitlines())
        assert header[:3] == ["Test", "SUT", "Results"]
        assert [row[:3] for row in rows] == [
            ["a.py::test_1", "api", "1"],
            ["a.py::test_1", "web", "1"],
        ]
        assert "SUT" not in insight(*asked, "--sut", "web").out
        assert insight(*asked, "--format", "nodeids").out == "a.py::test_1\n"
        assert json.loads(insight(*asked, "--flaky", "--format", "json").out) == []
