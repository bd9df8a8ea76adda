from __future__ import annotations

import json
from pathlib import Path

import pytest

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


@pytest.fixture
def project(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with tests in files and folders; the current folder is `tests/unit` in it."""
    names = ["tests/unit/test_a.py::TestX::test_1[a/b]", "tests/unit/test_a.py::test_2"]
    names += ["tests/test_b.py::test_2", "tests/test_b.py::test_20"]
    JSONStorage().save_session(
        make_session(0, test_results=[TestResult(n, TestOutcome.PASSED, START, 1) for n in names])
    )
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")
    root = Path.cwd()
    (root / "tests" / "unit").mkdir(parents=True)
    monkeypatch.chdir(root / "tests" / "unit")
    return root


def test_places_are_relative_to_the_current_folder_else_to_the_root_folder(
    insight: Insight, project: Path
) -> None:
    def names(*places: str) -> list[str]:
        return [name for _, name in found_tests(insight, *places)]

    assert names("test_a.py") == names(".") == ["test_1[a/b]", "test_2"]
    assert names("test_a.py::TestX", "../test_b.py::test_2") == ["test_1[a/b]", "test_2"]
    assert names("test_a.py::TestX::test_1") == ["test_1[a/b]"]
    assert names("test_a.py::TestX::test_1[a/b]") == ["test_1[a/b]"]
    assert names(str(project / "tests" / "test_b.py")) == ["test_2", "test_20"]
    assert names("tests/test_b.py::test_2") == ["test_2"]  # as it is printed
    assert names("../../tests/") == names("../..") == ["test_1[a/b]", "test_2", "test_2", "test_20"]
    found = json.loads(insight("query", "sessions", "test_a.py", "-f", "json").out)
    assert found[0]["outcomes"] == {"passed": 2}


def test_a_place_without_a_test_is_an_error_that_suggests_a_near_one(
    insight: Insight, project: Path, make_session: MakeSession
) -> None:
    said = insight("query", "tests", "test_a.py", "test_aa.py", status=1).err
    assert "no test at 'test_aa.py' in" in said
    assert "did you mean 'tests/unit/test_a.py'?" in said
    assert "for a part of a name: -k login" in insight("query", "tests", "login", status=1).err
    elsewhere = ("query", "tests", "test_a.py", "--sut", "web")
    assert "no SUT 'web' in" in insight(*elsewhere).err
    JSONStorage().save_session(make_session(1, sut_name="web"))
    assert "another SUT has it: add -A" in insight(*elsewhere, status=1).err
    JSONStorage().clear_sessions()
    assert "no sessions yet" in insight("query", "tests", "test_a.py").err


def test_a_wrong_expression_of_names_is_a_usage_error(insight: Insight, store: JSONStorage) -> None:
    said = insight("query", "tests", "-k", "a and", status=2).err
    assert "'a and' is not an expression of names: a name is missing at its end" in said


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
    assert "no test with the outcome xpassed in" in printed.err


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
