"""`insight report`: its formats, the files it writes and those it refuses to."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.reports.histories import sessions

PAY = "tests/test_pay.py::test_pay"
TESTS = {PAY: "...FFF", "tests/test_a.py::test_a": "......", "tests/b/test_b.py::test_b": ".s..s."}


@pytest.fixture
def history() -> JSONStorage:
    storage = JSONStorage()
    storage.save_sessions(sessions(TESTS, url="https://ci.example.org/7"))
    return storage


def data_of(page: str) -> Any:
    """What the scripts of a page show."""
    found = re.search(r'<template id="data">(.*)</template>', page)
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_the_suffix_decides_the_format(insight: Insight, history: JSONStorage) -> None:
    assert insight("report", "r.html").out == "r.html\n"
    assert Path("r.html").read_text().startswith("<!doctype html>")
    insight("report", "-o", "r.md")
    assert Path("r.md").read_text("utf-8").startswith("### ❌ <code>shop</code>: 1 of 3 tests")
    insight("report", "r.json")
    assert json.loads(Path("r.json").read_text())["version"] == 1


def test_standard_output_gets_markdown_or_the_format_that_is_named(
    insight: Insight, history: JSONStorage
) -> None:
    assert insight("report").out.startswith("### ❌ <code>shop</code>")
    assert insight("report", "-").out == insight("report").out
    assert insight("report", "--format", "html").out.startswith("<!doctype html>")
    assert json.loads(insight("report", "-f", "json").out)["suites"][0]["sut"] == "shop"


def test_an_unknown_suffix_is_refused(insight: Insight, history: JSONStorage) -> None:
    err = insight("report", "r.pdf", status=2).err
    assert "unknown suffix '.pdf' in 'r.pdf'; name the file .html, .md or .json" in err
    assert "no suffix in 'r'" in insight("report", "r", status=2).err
    assert insight("report", "r", "--format", "json").out == "r\n"
    assert (
        "two files to write, a.md and b.md" in insight("report", "a.md", "-o", "b.md", status=2).err
    )


def test_the_options_select_what_is_reported(insight: Insight, history: JSONStorage) -> None:
    JSONStorage().save_sessions(sessions({"t.py::t": ".."}, sut="web"))

    def suites(*options: str) -> list[Any]:
        found: list[Any] = json.loads(insight("report", "-f", "json", *options).out)["suites"]
        return found

    assert [each["sut"] for each in suites()] == ["shop", "web"]
    (shop,) = suites("--sut", "shop")
    assert len(shop["sessions"]) == 6
    assert [len(each["sessions"]) for each in suites("--window", "7h", "--sut", "shop")] == [2]


def test_names_choose_the_tests_and_the_sessions_that_are_reported(insight: Insight) -> None:
    rows = TESTS | {"tests/b/test_b.py::test_b": ".s..s "}
    JSONStorage().save_sessions(sessions(rows))

    def suite(*names: str) -> Any:
        (found,) = json.loads(insight("report", "-", "-f", "json", *names).out)["suites"]
        return found

    both = suite("tests/b", PAY)
    assert {each["nodeid"] for each in both["tests"]} == {PAY, "tests/b/test_b.py::test_b"}
    assert both["headline"] == "1 of 1 test failed in the last run"
    assert both["sessions"][0]["outcomes"] == {"passed": 2}
    one = suite("-k", "test_b")
    assert ([each["row"] for each in one["tests"]], one["causes"]) == ([".s..s"], [])
    assert "matches -k 'none'" in insight("report", "-k", "none", status=1).err
    of_a = insight("report", "-f", "json", "-k", "test_a", "--compare", "shop-000").out
    assert json.loads(of_a)["comparison"]["changes"] == []


def test_json_has_each_test_with_its_verdict_and_a_letter_for_each_session(
    insight: Insight, history: JSONStorage
) -> None:
    suite = json.loads(insight("report", "-f", "json").out)["suites"][0]
    assert suite["headline"] == "1 of 3 tests failed in the last run"
    assert suite["branch"] == "main"
    assert [each["session_id"] for each in suite["sessions"]] == [f"shop-00{n}" for n in range(6)]
    last = suite["sessions"][-1]
    assert last["outcomes"] == {"passed": 2, "failed": 1}
    assert last["url"] == "https://ci.example.org/7"
    rows = {each["nodeid"]: each["row"] for each in suite["tests"]}
    assert rows == TESTS
    worst = suite["tests"][0]
    assert (worst["nodeid"], worst["verdict"], worst["seconds"]) == (PAY, "broken", 0.1)
    (cause,) = suite["causes"]
    assert (cause["message"], cause["sessions"]) == ("TimeoutError: redis", 3)
    assert cause["failing"] == cause["tests"] == [PAY]
    assert cause["texts"][0]["title"] == "traceback"


def test_the_page_has_the_same_data(insight: Insight, history: JSONStorage) -> None:
    suite = json.loads(insight("report", "-f", "json").out)["suites"][0]
    shown = data_of(insight("report", "-f", "html").out)["suites"][0]
    assert shown["headline"] == suite["headline"]
    assert shown["sessions"]["id"] == [each["session_id"] for each in suite["sessions"]]
    tests = shown["tests"]
    assert tests["nodeid"] == [each["nodeid"] for each in suite["tests"]]
    rows = [tests["rows"][at] for at in tests["row"]]
    assert rows == [each["row"] for each in suite["tests"]]
    assert shown["causes"][0]["texts"][0][1] == suite["causes"][0]["texts"][0]["text"]


def test_long_texts_of_failures_are_cut_in_the_middle(insight: Insight) -> None:
    text = f"begin\n{'é' * 40_000}\nE   end"
    JSONStorage().save_sessions(sessions({PAY: "FFF"}, text=text))
    cause = json.loads(insight("report", "-f", "json").out)["suites"][0]["causes"][0]
    shown = cause["texts"][0]["text"]
    assert shown.startswith("begin\n")
    assert shown.endswith("\nE   end")
    assert "\n[...]\n" in shown
    assert 19_900 < len(shown.encode()) <= 20_000


def test_a_store_is_never_overwritten(insight: Insight, history: JSONStorage) -> None:
    path = history.file_path
    before = path.read_bytes()
    err = insight("report", path, status=1).err
    assert "is the store itself, and a report would overwrite its sessions" in err
    assert path.read_bytes() == before
    insight("export", "other.json")
    history.clear_sessions(["shop-000"])
    err = insight("report", "other.json", status=1).err
    assert "has sessions (1) that" in err
    assert "--force" not in err


def test_without_runs_nothing_is_written(insight: Insight) -> None:
    err = insight("report", "r.html", status=1).err
    assert "nothing to report: no sessions yet" in err
    assert not Path("r.html").exists()


def test_a_terminal_is_given_the_url_of_the_page(screen: Screen, history: JSONStorage) -> None:
    assert screen(300, "report", "r.html") == ["r.html", Path("r.html").absolute().as_uri()]


def test_a_comparison_is_of_the_last_run_with_the_base(
    insight: Insight, history: JSONStorage
) -> None:
    made = json.loads(insight("report", "-f", "json", "--compare", "shop-000").out)
    compared = made["comparison"]
    sides = [compared[side]["sessions"] for side in ("base", "head")]
    assert sides == [["shop-000"], ["shop-005"]]
    changes = {each["nodeid"]: each["change"] for each in compared["changes"]}
    assert changes == {PAY: "new-failure"}
    assert json.loads(insight("report", "-f", "json").out)["comparison"] is None
    text = insight("report", "--compare", "shop-000").out
    assert "</code> against <code>" in text
    assert f"| new-failure | <code>{PAY}</code> | <code>TimeoutError: redis</code> |" in text
    shown = data_of(insight("report", "-f", "html", "--compare", "shop-000").out)["comparison"]
    assert shown["sut"] == "shop"
    assert shown["groups"][0]["tests"][0][0] == PAY


def test_a_comparison_needs_one_sut_and_a_base_that_exists(
    insight: Insight, history: JSONStorage
) -> None:
    assert "'no such'" in insight("report", "--compare", "no such", status=2).err
    history.save_sessions(sessions({"t.py::t": ".."}, sut="web"))
    err = insight("report", "--compare", "main", status=2).err
    assert "--compare needs one SUT: choose it with --sut; there are shop, web" in err
    assert insight("report", "--compare", "main", "--sut", "web").out
