"""`insight history`: which tests are meant, and their runs in each format."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.analysis.values import VERDICTS
from pytest_insight.models import CodeState, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.cli.test_verdicts import NOW
from tests.cli.test_verdicts import save as save_runs
from tests.conftest import START, MakeSession

ALL = ",".join(VERDICTS)


def save(make_session: MakeSession) -> None:
    def session(number: int, *outcomes: str, branch: str = "main", sut: str = "api") -> None:
        results = tuple(
            TestResult(
                "t.py::test_a", outcome, START, 0.5, message="" if outcome == "passed" else "why"
            )
            for outcome in outcomes
        )
        other = TestResult("t.py::test_ab", "passed", START, 0.25)
        JSONStorage().save_session(
            make_session(
                number,
                sut_name=sut,
                code_state=CodeState(branch=branch),
                test_results=(*results, other),
            )
        )

    session(0, "passed")
    session(1, "failed")
    session(2, "rerun", "passed")
    session(3, "passed", "error")
    session(4, "skipped", branch="feature")
    session(5, "passed", branch="feature", sut="web")


def test_a_test_has_a_row_of_runs_for_each_branch_the_newest_on_the_right(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    shown = insight("history", "t.py::test_a", "--sut", "api").out.splitlines()
    # The verdict is on the last 30 days, and these runs have a date.
    lines = [line for line in shown if not line.startswith(("  flaky:", "  evidence:"))]
    assert lines[:4] == [
        "t.py::test_a",
        "  failed in 2 of 5 runs, passed only when run again in 1; median 0.50 s",
        "  main     .FRE",
        "  feature  s",
    ]
    assert lines[4].startswith("    3x  why  last ")


def test_a_part_of_a_nodeid_shows_every_test_and_a_whole_one_only_that(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    out = insight("history", "t.py", "--sut", "api").out
    assert [line for line in out.splitlines() if "::" in line] == ["t.py::test_a", "t.py::test_ab"]
    assert "never failed in 5 runs" in out
    printed = insight("history", "t.py", "--sut", "api", "--limit", "1")
    assert "test_ab" not in printed.out
    assert "1 of 2 tests (--limit 0 for all)" in printed.err


def test_equal_nodeids_of_two_suts_are_two_tests(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    listed = json.loads(insight("history", "t.py::test_a", "-A", "-f", "json").out)
    assert [(each["sut"], len(each["runs"])) for each in listed] == [("api", 5), ("web", 1)]
    heads = [line for line in insight("history", "t.py::test_a").out.splitlines() if "::" in line]
    assert heads == ["api  t.py::test_a", "web  t.py::test_a"]


def test_programs_get_json_or_csv(insight: Insight, make_session: MakeSession) -> None:
    save(make_session)
    (listed,) = json.loads(insight("history", "t.py::test_a", "--sut", "api", "-f", "json").out)
    assert [run["outcome"] for run in listed["runs"]] == [
        *("passed", "failed", "passed", "error", "skipped")
    ]
    assert [run["attempts"] for run in listed["runs"]] == [1, 1, 2, 1, 1]
    assert [(cause["message"], cause["count"]) for cause in listed["causes"]] == [("why", 3)]
    assert listed["segments"] == [{"first": "api-0", "last": "api-3", "rate": 0.5}]
    (of_main,) = json.loads(
        insight("history", "t.py::test_a", "--sut", "api", "--branch", "main", "-f", "json").out
    )
    assert of_main["segments"] == [{"first": "api-0", "last": "api-3", "rate": 0.5}]
    assert [run["session_id"] for run in of_main["runs"]] == ["api-0", "api-1", "api-2", "api-3"]
    keys = [run["cause"] for run in listed["runs"]]
    assert keys[1:4] == [listed["causes"][0]["cause"]] * 3
    assert keys[::4] == ["", ""]
    text = insight("history", "t.py::test_a", "--sut", "api", "-f", "csv").out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["session_id"] for row in rows] == ["api-0", "api-1", "api-2", "api-3", "api-4"]
    assert rows[3]["message"] == "why"


def test_a_run_dated_in_the_future_is_not_the_newest(
    insight: Insight, make_session: MakeSession
) -> None:
    now = datetime.now(UTC)
    for name, days, outcome in (("ahead", 900, "failed"), ("old", -2, "failed"), ("new", 0, "")):
        result = TestResult("t.py::test_a", outcome or "passed", START, message="why")
        start = now + timedelta(days=days)
        JSONStorage().save_session(
            make_session(session_id=name, session_start_time=start, test_results=(result,))
        )
    (listed,) = json.loads(insight("history", "test_a", "-f", "json").out)
    assert [run["session_id"] for run in listed["runs"]] == ["ahead", "old", "new"]
    shown = insight("history", "test_a").out
    assert "FF." in shown
    assert "last 2 days ago" in shown


def test_a_test_that_was_never_run_is_an_error_that_says_where_it_was_looked_for(
    insight: Insight, make_session: MakeSession
) -> None:
    assert "pytest --insight" in insight("history", "x", status=1).err
    save(make_session)
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = web\n")
    printed = insight("history", "missing", status=1)
    assert "no test with 'missing' in its nodeid in" in printed.err
    assert "-A" in printed.err


def test_a_tiny_terminal_gets_a_history_too(screen: Screen, make_session: MakeSession) -> None:
    JSONStorage().save_sessions(make_session(number) for number in range(3))
    assert "●" in "".join(screen(5, "history", "test_"))


def test_short_durations_have_a_picture_only_if_the_test_got_slower(screen: Screen) -> None:
    took = {"t.py::test_a": [0.001] * 12 + [0.1] * 4, "t.py::test_b": [0.001] * 16}
    save_runs(dict.fromkeys(took, "." * 16), took=took)
    shown = screen(80, "history", "t.py")
    assert shown[1].startswith("  slower: 1.0 ms → 0.10 s since ")
    assert shown[4].strip() == "▁" * 12 + "█" * 4
    assert shown[7].startswith("  stable")
    assert "".join(shown[6:]).count("▁") == 0


def test_a_path_may_be_one_of_the_current_folder_or_absolute(
    insight: Insight, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = TestResult("tests/test_a.py::test_a", "passed", START, 0.5)
    JSONStorage().save_session(make_session(0, test_results=(test,)))
    Path("pytest.ini").write_text("[pytest]\n")
    root = Path.cwd()
    Path("tests").mkdir()
    shown = insight("history", "tests/test_a.py::test_a", "-A").out
    assert insight("history", "./tests/test_a.py::test_a", "-A").out == shown
    assert insight("history", f"{root}/tests/test_a.py", "-A").out == shown
    monkeypatch.chdir("tests")
    assert insight("history", "../tests/test_a.py::test_a", "-A").out == shown
    assert "no test with './nope.py'" in insight("history", "./nope.py", "-A", status=1).err


def test_a_branch_is_whole_in_a_pipe(insight: Insight, make_session: MakeSession) -> None:
    branch = "feature/a-branch-with-a-name-that-is-longer-than-most\x1b"
    test = TestResult("t.py::test_a", "passed", START, 0.5)
    code = CodeState(branch=branch)
    JSONStorage().save_session(make_session(0, test_results=(test,), code_state=code))
    assert branch.replace("\x1b", "\\x1b  .") in insight("history", "test_a", "-A").out


def test_the_window_and_the_branch_choose_runs_and_the_verdict_on_them(insight: Insight) -> None:
    save_runs({"t.py::test_a": "F" + "." * 9, "t.py::test_b": "." * 10}, end=NOW - timedelta(3))
    save_runs({"t.py::test_a": "FF", "t.py::test_b": ".."}, branch="fix", commits="xy")
    shown = insight("history", "test_a").out.splitlines()
    assert shown[1:3] == ["  suspect: 3 of the last 12", "  failed in 3 of 12 runs; median 0.10 s"]
    of_main = insight("history", "test_a", "--branch", "main").out.splitlines()
    assert of_main[1].startswith("  failed-once: 1 of 10")
    assert of_main[-2:-1] == ["  main  F........."]
    recent = insight("history", "test_a", "--branch", "main", "--window", "8d").out.splitlines()
    assert recent[1:4] == [
        "  stable: passed 5 of 5, a rate below 45.1%",
        "  never failed in 5 runs; median 0.10 s",
        "  main  .....",
    ]
    found = insight("history", "test_a", "--branch", "fox", status=1).err
    assert "no branch 'fox'" in found
    assert "there are fix, main" in found


def test_every_format_has_the_same_tests(insight: Insight) -> None:
    save_runs({"t.py::test_a": "..F.", "t.py::test_b": "....", "t.py::x|`y`": "...."})
    names = ["t.py::test_a", "t.py::test_b", "t.py::x|`y`"]
    listed = json.loads(insight("history", "t.py", "-f", "json").out)
    assert [each["nodeid"] for each in listed] == names
    assert [each["verdict"] for each in listed] == ["failed-once", "too-few", "too-few"]
    assert insight("history", "t.py", "-f", "nodeids").out.splitlines() == names
    assert insight("history", "t.py", "-f", "nodeids", "-n", "1").out.splitlines() == names[:1]
    lines = insight("history", "t.py", "-f", "markdown").out.splitlines()
    assert lines[:9] == [
        "### `t.py::test_a`",
        "",
        "**failed-once**: 1 of 4",
        "",
        "failed in 1 of 4 runs",
        "",
        "| Branch | Runs |",
        "| --- | --- |",
        "| `main` | `..F.` |",
    ]
    assert "- 1x `TimeoutError: redis` at `tests/q.py:9`" in lines
    assert "### `` t.py::x|`y` ``" in lines


def test_the_gate_says_if_the_test_failed_in_the_runs_that_are_shown(insight: Insight) -> None:
    save_runs({"t.py::test_a": "F......", "t.py::again": "......R", "t.py::good": "......."})
    insight("history", "test_a", "--exit-code", status=3)
    insight("history", "test_a", "--exit-code", "--window", "3d")
    insight("history", "again", "--exit-code", status=3)
    insight("history", "good", "--exit-code")


def test_a_verdict_is_the_one_of_the_command_verdicts(insight: Insight) -> None:
    incident = {f"t.py::t{n}": "..F....F" if n else "..F.F..." for n in range(12)}
    save_runs(incident | {"t.py::new": "       F"}, commits="01122334")
    expected = {
        each["nodeid"]: each["verdict"]
        for each in json.loads(insight("verdicts", "-n", "0", "-f", "json", "--only", ALL).out)
    }
    assert len(set(expected.values())) > 2
    for name, verdict in expected.items():
        (one,) = json.loads(insight("history", name, "-f", "json").out)
        assert one["verdict"] == verdict
