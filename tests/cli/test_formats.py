"""What listings print for programs: CSV, nodeids, sorted or not, and for nothing at all."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_of_sessions_has_the_fields_of_the_model(
    insight: Insight, make_session: MakeSession
) -> None:
    code = CodeState("abcd" * 10, "main")
    JSONStorage().save_session(make_session(0, session_tags={"=1": "x,y"}, code_state=code))
    (row,) = rows(insight("sessions", "list", "--format", "csv").out)
    assert set(row) == {*TestSession.__struct_fields__, "tests", "outcomes"} - {"test_results"}
    assert row["session_id"] == "api-0"
    assert json.loads(row["session_tags"]) == {"=1": "x,y"}
    assert json.loads(row["code_state"])["branch"] == "main"
    assert json.loads(row["outcomes"]) == {"failed": 1, "passed": 1}


def test_csv_of_tests_is_harmless_in_a_spreadsheet(
    insight: Insight, make_session: MakeSession
) -> None:
    text = "=HYPERLINK(1)\nsecond, line"
    result = TestResult("@t", TestOutcome.FAILED, START, 0.5, longreprtext=text)
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    (row,) = rows(insight("query", "tests", "--format", "csv").out)
    assert list(row) == ["session_id", "sut_name", *TestResult.__struct_fields__]
    assert row["nodeid"] == "'@t"
    assert row["longreprtext"] == "'" + text
    assert row["duration"] == "0.5"


def test_csv_of_profiles(insight: Insight) -> None:
    insight("profile", "create", "demo", "--merge", "keep_both")
    listed = rows(insight("profile", "list", "--format", "csv").out)
    assert [row["name"] for row in listed] == ["default", "demo"]
    assert [row["in_use"] for row in listed] == ["true", ""]
    assert [row["merge_strategy"] for row in listed] == ["", "keep_both"]


@pytest.mark.parametrize("command", ["sessions list", "query sessions", "query tests"])
def test_nothing_is_valid_in_every_format(insight: Insight, command: str) -> None:
    assert insight(*command.split(), "--format", "json").out == "[]\n"
    printed = insight(*command.split(), "--format", "csv")
    assert printed.out.startswith("session_id,sut_name,")
    assert len(printed.out.splitlines()) == 1
    assert printed.err == ""
    if command != "sessions list":
        assert insight(*command.split(), "--format", "nodeids").out == ""
    printed = insight(*command.split())
    assert printed.out == ""
    assert "no sessions yet" in printed.err
    assert "pytest --insight" in printed.err


def test_nodeids_are_printed_once_each_for_pytest(
    insight: Insight, make_session: MakeSession, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('x', ['a b', 'c;d', 'e'])\n"
        "def test_x(x): assert x == 'e'\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "pytest", "--insight"], cwd=tmp_path, check=False)
    printed = insight("query", "tests", "--outcome", "failed", "--format", "nodeids")
    assert printed.out == "test_it.py::test_x[a b]\ntest_it.py::test_x[c;d]\n"
    again = subprocess.run(
        ["xargs", "-d", "\n", sys.executable, "-m", "pytest"],
        input=printed.out,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed" in again.stdout
    assert "passed" not in again.stdout


def test_a_nodeid_of_two_lines_is_left_out_and_said(
    insight: Insight, make_session: MakeSession
) -> None:
    names = ("t.py::test_x[a\nb]", "t.py::test_y")
    results = tuple(TestResult(name, TestOutcome.FAILED, START) for name in names)
    JSONStorage().save_session(make_session(0, test_results=results))
    printed = insight("query", "tests", "--format", "nodeids")
    assert printed.out == "t.py::test_y\n"
    assert r"left out a nodeid with a line break: t.py::test_x[a\nb]" in printed.err


def test_a_nodeid_that_pytest_would_take_for_an_option_or_a_file_is_left_out_and_said(
    insight: Insight, make_session: MakeSession
) -> None:
    names = ("-pevil", "--pdb", "@arguments.txt", "t.py::test_y")
    results = tuple(TestResult(name, TestOutcome.FAILED, START) for name in names)
    JSONStorage().save_session(make_session(0, test_results=results))
    for command in ("query tests", "query sessions", "query tests --group"):
        printed = insight(*command.split(), "--format", "nodeids")
        assert printed.out == "t.py::test_y\n"
        assert "left out a nodeid that pytest would take for an option: -pevil\n" in printed.err
        assert "left out a nodeid that pytest would take for an option: --pdb\n" in printed.err
        assert "would take for a file of arguments: @arguments.txt\n" in printed.err


def test_the_failed_tests_of_another_machine_import_no_module_of_their_choice(
    insight: Insight, make_session: MakeSession
) -> None:
    Path("evil.py").write_text("from pathlib import Path\nPath('owned').touch()\n")
    Path("arguments.txt").write_text("-pevil\n")
    Path("test_x.py").write_text("def test_x(): pass\n")
    names = ("-pevil", "@arguments.txt", "test_x.py::test_x")
    results = tuple(TestResult(name, TestOutcome.FAILED, START) for name in names)
    JSONStorage().save_session(make_session(0, test_results=results))
    nodeids = insight("query", "tests", "--outcome", "failed", "--format", "nodeids").out
    words = [sys.executable, "-m", "pytest", "-pno:cacheprovider", *nodeids.splitlines()]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert "1 passed" in ran.stdout, ran
    assert not Path("owned").exists()


def ids(insight: Insight, *options: str) -> list[str]:
    listed = json.loads(insight("sessions", "list", "--format", "json", *options).out)
    return [each["session_id"] for each in listed]


def test_sessions_are_sorted(insight: Insight, make_session: MakeSession) -> None:
    failed = tuple(TestResult(f"t{n}", TestOutcome.FAILED, START) for n in range(3))
    JSONStorage().save_sessions(
        [
            make_session(0, session_id="a", sut_name="z", session_duration=9.0),
            make_session(1, session_id="b", sut_name="y", test_results=failed),
            make_session(2, session_id="c", sut_name="x", test_results=()),
        ]
    )
    assert ids(insight) == ids(insight, "--sort", "started") == ["c", "b", "a"]
    assert ids(insight, "--sort", "duration") == ["a", "c", "b"]
    assert ids(insight, "--sort", "tests") == ["b", "a", "c"]
    assert ids(insight, "--sort", "failures", "--limit", "2") == ["b", "a"]
    assert ids(insight, "--sort", "sut") == ["c", "b", "a"]
    printed = insight("sessions", "list", "--sort", "failures", "--limit", "1")
    assert printed.out.splitlines()[1].split()[0] == "b"
    assert "showing 1 of 3 sessions (--limit 0 for all)" in printed.err


def test_tests_are_sorted(insight: Insight, make_session: MakeSession) -> None:
    results = (
        TestResult("b", TestOutcome.PASSED, START, 1.0),
        TestResult("a", TestOutcome.SKIPPED, START, 2.0),
        TestResult("c", TestOutcome.FAILED, START, 0.0),
    )
    JSONStorage().save_session(make_session(0, test_results=results))

    def names(*options: str) -> str:
        return insight("query", "tests", "--format", "nodeids", *options).out.replace("\n", "")

    assert names() == "bac"
    assert names("--sort", "duration") == "abc"
    assert names("--sort", "nodeid") == "abc"
    assert names("--sort", "outcome") == "cba"
    assert names("--sort", "duration", "--limit", "1") == "a"
