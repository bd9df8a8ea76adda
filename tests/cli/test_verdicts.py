"""`insight verdicts`, `flaky` and `slow`: which tests they list, how, and for which runs."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.storage import JSONStorage, SQLiteStorage
from tests.cli.conftest import Insight, Screen

NOW = datetime.now(UTC)
OUTCOMES = {".": "passed", "F": "failed", "E": "error", "s": "skipped", "?": "of a plugin"}
OUTCOMES |= {"x": "xfailed", "X": "xpassed"}
ORDER = "tests/test_queue.py::test_order"
LOGIN = "tests/test_api.py::test_login"


def save(
    tests: Mapping[str, str],
    *,
    commits: str = "",
    branch: str = "main",
    sut: str = "shop",
    took: Mapping[str, list[float]] | None = None,
    end: datetime = NOW,
) -> None:
    """Save sessions, a day apart; a character of each test's picture is its run in one of them.

    `R` was run again and passed, a space was not run.
    """
    count = max(map(len, tests.values()))
    for number in range(count):
        start = end - timedelta(days=count - 1 - number, hours=1)
        results: list[TestResult] = []
        for nodeid, picture in tests.items():
            mark = picture[number : number + 1] or " "
            seconds = (took or {}).get(nodeid, [0.1] * count)[number]
            why: dict[str, Any] = {"message": "TimeoutError: redis", "crash": "tests/q.py:9"}
            if mark == "R":
                results.append(TestResult(nodeid, "rerun", start, seconds, **why))
            if mark != " ":
                given = why if mark in "FE" else {}
                outcome = OUTCOMES.get(mark, "passed")
                results.append(TestResult(nodeid, outcome, start, seconds, **given))
        commit = commits[number] if commits else f"{number:x}"
        code = None if commit == "-" else CodeState(f"{commit}a1b2c3d" * 5, branch)
        JSONStorage().save_session(
            TestSession(
                f"{sut}-{branch}-{number:02}",
                sut,
                start,
                session_duration=1.0,
                code_state=code,
                test_results=tuple(results),
            )
        )


def rows(insight: Insight, *words: str, status: int = 0) -> dict[str, Any]:
    found = json.loads(insight(*words, "--format", "json", status=status).out)
    return {each["nodeid"]: each for each in found}


def verdicts(insight: Insight, *words: str) -> dict[str, str]:
    found = rows(insight, "verdicts", *words)
    return {name: each["verdict"] for name, each in found.items()}


def test_verdicts_lists_every_unstable_test_the_worst_first(insight: Insight) -> None:
    save(
        {
            "t.py::stable": "......",
            "t.py::fixed": "FF....",
            "t.py::flaky": "..F...",
            LOGIN: "....FF",
            "t.py::few": "     .",
        },
        commits="012234",
    )
    found = verdicts(insight)
    assert list(found.items()) == [
        (LOGIN, "new-failure"),
        ("t.py::flaky", "flaky"),
        ("t.py::fixed", "fixed"),
        ("t.py::few", "new-test"),
    ]
    assert verdicts(insight, "--only", "stable") == {"t.py::stable": "stable"}


def test_a_verdict_in_json_has_the_fields_that_programs_rely_on(insight: Insight) -> None:
    save({LOGIN: "...FFF", "t.py::other": "......"})
    found = rows(insight, "verdicts")[LOGIN]
    since = {"session_id": "shop-main-03", "commit": "3a1b2c3d" * 5, "low": "2a1b2c3d" * 5}
    assert {name: found["since"][name] for name in since} == since
    assert sorted(found["since"]) == ["commit", "high", "low", "session_id", "time"]
    assert [sorted(each) for each in found["causes"]] == [["cause", "count", "last", "message"]]
    assert sorted(found["rate"]) == ["high", "low", "value"]
    expected: dict[str, Any] = {
        **{"nodeid": LOGIN, "sut": "shop", "verdict": "broken", "runs": 6, "bad": 3},
        **{"recovered": 0, "excluded": [], "timing": None},
        "evidence": ["shop-main-03", "shop-main-04", "shop-main-05"],
    }
    assert {name: found[name] for name in expected} == expected
    assert sorted(found) == sorted([*expected, "rate", "since", "causes"])


def test_flaky_is_what_changed_on_the_same_code_or_was_run_again_not_a_regression(
    insight: Insight,
) -> None:
    pictures = {ORDER: "..F...", "t.py::again": "....R.", LOGIN: "...FFF", "t.py::odd": "F..F.."}
    save(pictures, commits="011234")
    assert sorted(rows(insight, "flaky")) == ["t.py::again", ORDER]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("same-code", [ORDER]),
        ("rerun", ["t.py::again"]),
        ("segments", ["t.py::odd"]),
    ],
)
def test_a_definition_is_one_rule_alone(insight: Insight, rule: str, expected: list[str]) -> None:
    pictures = {ORDER: "..F...", "t.py::again": "....R.", "t.py::odd": "F..F..", LOGIN: "......"}
    save(pictures, commits="011234")
    assert list(rows(insight, "flaky", "--definition", rule)) == expected


def test_an_incident_makes_no_test_flaky_and_is_named_in_the_first_line(
    insight: Insight, screen: Screen
) -> None:
    save({f"t.py::t{number}": "..F..." for number in range(20)}, commits="011234")
    assert rows(insight, "flaky") == {}
    assert "no flaky test in 6 runs (1 left out) of 20 tests: 20 stable" in insight("flaky").err
    first = screen(120, "flaky")[0]
    assert first == (
        "shop  main  6 runs in 6 days, 1 left out (20 of 20 tests failed: TimeoutError: redis)"
    )


def test_the_branch_of_the_last_run_is_judged_with_what_came_before_it(
    insight: Insight, screen: Screen
) -> None:
    save({LOGIN: "......"}, end=NOW - timedelta(days=3))
    save({LOGIN: "F"}, branch="fix", commits="f")
    assert verdicts(insight) == {LOGIN: "new-failure"}
    judged = "shop  fix  7 runs in 9 days, 6 of main before it"
    assert screen(80, "verdicts")[0] == judged
    assert insight("verdicts").err == f"insight: {judged}\n"  # in a pipe, stdout is data
    assert verdicts(insight, "--branch", "main") == {}
    assert verdicts(insight, "--branch", "*") == {LOGIN: "new-failure"}


def test_a_pattern_of_branches_leaves_out_the_runs_of_main_and_says_so(screen: Screen) -> None:
    save({LOGIN: "......"}, end=NOW - timedelta(days=3))
    save({LOGIN: ".F"}, branch="fix/a", commits="fe")
    judged = screen(80, "verdicts", "--branch", "fix/*")[0]
    assert judged == "shop  fix/*  2 runs in 2 days, none of other branches"


def test_a_window_has_a_length(insight: Insight) -> None:
    save({LOGIN: "......"})
    for command in (["verdicts"], ["history", LOGIN], ["failures"]):
        refused = insight(*command, "--window", "0d", status=2).err
        assert "--window must be longer than 0, as in 30d, not '0d'" in refused
        refused = insight(*command, "--window", "9" * 10 + "d", status=2).err
        assert "--window must have at most 9 digits, as in 90d" in refused
        insight(*command, "--window", "9" * 9 + "w")


def test_tests_that_broke_at_once_in_the_last_run_are_not_passed_over_in_silence(
    insight: Insight, screen: Screen
) -> None:
    some = {f"t.py::t{n}": ".....F" for n in range(12)}
    save(some | {f"t.py::good{n}": "......" for n in range(10)})
    told = "the last run is left out as an incident: 12 tests failed; see insight failures"
    assert insight("verdicts").err.splitlines()[-1].endswith(told)
    assert screen(100, "verdicts", "--only", "stable")[1] == told
    waits = "  12 tests failed at once: insight verdicts waits until they fail in 3 runs"
    assert insight("failures").out.splitlines()[2:4] == ["  12 new", waits]
    save(dict.fromkeys(some, ".....FFF") | {f"t.py::good{n}": "." * 8 for n in range(10)})
    assert set(verdicts(insight).values()) == {"broken"}
    assert "left out" not in insight("verdicts").err
    assert "left out" not in insight("verdicts", "t.py::t1").err
    assert "at once" not in insight("failures").out


def test_slow_lists_what_got_slower_with_was_now_and_since(
    insight: Insight, screen: Screen
) -> None:
    about = [1 + number % 3 / 50 for number in range(16)]
    was, now = [0.1 * each for each in about], [0.4 * each for each in about]
    took = {"t.py::search": was[:10] + now[10:], "t.py::fast": now[:10] + was[10:]}
    save({"t.py::search": "." * 16, "t.py::fast": "." * 16, LOGIN: "." * 16}, took=took)
    found = rows(insight, "slow")
    assert list(found) == ["t.py::search", "t.py::fast"]
    timing = found["t.py::search"]["timing"]
    assert (round(timing["was"], 1), round(timing["now"], 1)) == (0.1, 0.4)
    assert timing["since"]["session_id"] == "shop-main-10"
    assert found["t.py::search"]["verdict"] == "slower"
    lines = screen(100, "slow")
    assert lines[2].split() == ["Test", "Was", "Now", "Ratio", "History", "Since"]
    assert lines[4].split() == [
        *("t.py::search", "0.10", "s", "0.41", "s", "4.0x"),
        *("▂▂▃▂▂▃▂▂▃▂██████", "aa1b2c3"),
    ]
    insight("slow", "--exit-code", status=3)
    piped = insight("verdicts").out.splitlines()[1]
    assert piped.split()[:3] == ["slower", "t.py::search", "." * 16]


def test_the_row_of_runs_is_the_last_column_and_evidence_moves_below_the_test(
    screen: Screen,
) -> None:
    nodeid = "tests/test_queue_of_the_shop.py::test_order_is_kept"
    save({nodeid: "..F.........", "t.py::b": "." * 12}, commits="0112345678ab")
    shown = [line.rstrip() for line in screen(80, "flaky")]
    assert shown[2].split() == ["Verdict", "Test", "History"]
    assert shown[4:6] == [
        f"flaky    {nodeid}  ●●✗●●●●●●●●●",
        "           1 of 12, same code once",
    ]
    assert screen(120, "flaky")[4].split()[:3] == ["flaky", nodeid, "●●✗●●●●●●●●●"]


def test_verbose_shows_sessions_commits_and_causes(screen: Screen) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    shown = screen(100, "flaky", "-v")
    assert shown[2].rstrip() == f"flaky  {ORDER}"
    assert shown[3].strip() == "1 of 6, same code once; rate 17% (3.0-56%)"
    assert shown[4].strip() == "●●✗●●●"
    assert "1x  TimeoutError: redis  tests/q.py:9  last 3 days ago" in shown[5]
    assert [line.split()[:3] for line in shown[6:8]] == [
        ["passed", "main", "1a1b2c3"],
        ["failed", "main", "1a1b2c3"],
    ]


def test_verbose_shows_as_many_runs_as_fit_and_since_which_session_a_test_is_slower(
    screen: Screen,
) -> None:
    steady = {f"t.py::t{n}": "." * 18 for n in range(20)}
    took = {LOGIN: [0.1] * 8 + [0.4] * 10}
    tests = steady | {ORDER: "..F" + "." * 15, LOGIN: "." * 18}
    save(tests, commits="0113456789abcdefgh", took=took)
    assert screen(80, "flaky", "-v")[4].strip() == "●●✗" + "●" * 15
    shown = screen(80, "slow", "-v")
    assert shown[3].strip() == "0.10 s → 0.40 s since 8a1b2c3"
    assert shown[5].strip() == "4.0x in 10 runs since shop-main-08"


def test_the_row_of_an_unstable_xfail_shows_the_unexpected_passes(insight: Insight) -> None:
    save({ORDER: "xXx", LOGIN: "..."}, commits="000")
    assert insight("verdicts").out.splitlines()[1].split()[:3] == ["unstable-xfail", ORDER, "xXx"]


def test_every_format_has_the_same_tests(insight: Insight) -> None:
    save({ORDER: "..F...", LOGIN: "...FFF"}, commits="011234")
    expected = [LOGIN, ORDER]
    assert list(rows(insight, "verdicts")) == expected
    found = insight("verdicts", "--format", "csv").out
    assert [row["nodeid"] for row in csv.DictReader(io.StringIO(found))] == expected
    assert insight("verdicts", "--format", "nodeids").out.split() == expected
    shown = insight("verdicts", "--format", "markdown").out
    assert f"| broken | `{LOGIN}` | 3 runs, since 2a1b2c3 |" in shown
    assert insight("verdicts", "--fields", "verdict,bad", "-f", "csv").out.split() == [
        *("verdict,bad", "broken,3", "flaky,1"),
    ]
    assert [line.split()[:2] for line in insight("verdicts").out.splitlines()[1:]] == [
        ["broken", LOGIN],
        ["flaky", ORDER],
    ]


def test_tests_are_chosen_by_place_and_by_keyword(insight: Insight) -> None:
    save({ORDER: "..F...", LOGIN: "...FFF"}, commits="011234")
    assert list(rows(insight, "verdicts", "tests/test_api.py")) == [LOGIN]
    assert list(rows(insight, "verdicts", "-k", "order")) == [ORDER]


def test_the_exit_status_says_if_a_test_has_the_verdict(insight: Insight) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    insight("verdicts", "--only", "broken", "--exit-code")
    insight("verdicts", "--only", "broken,flaky", "--exit-code", status=3)
    insight("flaky", "--exit-code", "--branch", "none", status=1)


def test_only_the_window_is_judged(insight: Insight) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234", end=NOW - timedelta(days=40))
    assert "no session in the last 30 days" in insight("flaky").err
    assert list(rows(insight, "flaky", "--window", "90d")) == [ORDER]
    assert list(rows(insight, "flaky", "--days", "90")) == [ORDER]
    assert (
        "--window must be a number followed by" in insight("flaky", "--window", "x", status=2).err
    )


@pytest.mark.parametrize("command", ["flaky", "slow", "verdicts"])
@pytest.mark.parametrize(
    ("tests", "commits"),
    [
        ({ORDER: "."}, "0"),
        ({ORDER: "ssssss"}, ""),
        ({ORDER: "??????"}, ""),
        ({ORDER: "......"}, "------"),
        ({ORDER: " "}, "0"),
    ],
)
def test_a_history_that_says_nothing_is_answered_in_a_sentence(
    insight: Insight, command: str, tests: dict[str, str], commits: str
) -> None:
    save(tests, commits=commits)
    printed = insight(command)
    assert printed.out == ""
    assert printed.err.startswith("insight: no ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("command", ["flaky", "slow", "verdicts"])
def test_an_empty_store_is_answered_in_a_sentence(insight: Insight, command: str) -> None:
    assert "record a run with pytest --insight" in insight(command).err


def test_an_unknown_verdict_is_answered_with_the_nearest_name(insight: Insight) -> None:
    said = insight("verdicts", "--only", "flake", status=2).err
    assert "unknown verdict 'flake'; did you mean 'flaky'?" in said


def test_several_suts_are_judged_each_on_the_branch_of_its_last_run(
    insight: Insight, screen: Screen
) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    save({ORDER: "...FFF", LOGIN: "......"}, branch="dev", sut="api")
    found = json.loads(insight("verdicts", "-A", "--format", "json").out)
    assert [(each["sut"], each["verdict"]) for each in found] == [
        ("api", "broken"),
        ("shop", "flaky"),
    ]
    assert [line.split()[:2] for line in screen(100, "verdicts", "-A")[:2]] == [
        ["api", "dev"],
        ["shop", "main"],
    ]


def test_a_history_begins_with_the_verdict_its_evidence_and_when_the_rate_changed(
    insight: Insight,
) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    assert insight("history", ORDER).out.splitlines()[:3] == [
        ORDER,
        "  flaky: 1 of 6, same code once",
        "  evidence: 1a1b2c3: 1 failed, 1 passed",
    ]
    save({LOGIN: "." * 12 + "FFFF"}, sut="api")
    assert insight("history", LOGIN, "--sut", "api").out.splitlines()[1:3] == [
        "  broken: 4 runs, since ca1b2c3",
        "  failed in 0 of 12 runs, then in 4 of 4 runs since ca1b2c3",
    ]


def test_a_history_says_which_runs_do_not_count(insight: Insight) -> None:
    others = {f"t.py::t{n}": "..........E......" for n in range(20)}
    save(others | {LOGIN: "..........E..FFFF"})
    assert insight("history", LOGIN).out.splitlines()[1:5] == [
        "  broken: 4 runs, since da1b2c3",
        "  failed in 0 of 12 runs, then in 4 of 4 runs since da1b2c3",
        "  left out: shop-main-10  21 of 21 tests failed: TimeoutError: redis",
        "  failed in 5 of 17 runs; median 0.10 s",
    ]


def test_the_overview_counts_flaky_and_broken_tests(insight: Insight) -> None:
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    lines = insight().out.splitlines()
    assert f"flaky     {ORDER}  insight flaky" in lines
    assert "broken    none" in lines


def test_the_overview_says_by_which_runs_if_others_look_at_more(insight: Insight) -> None:
    save({ORDER: "." * 20}, commits="0" * 20, branch="other")
    save({ORDER: "." * 9 + "F"}, commits="0123456788")
    assert f"flaky     {ORDER}  insight flaky" in insight().out.splitlines()  # 30 runs
    save({ORDER: "."}, end=NOW - timedelta(days=25), branch="third")
    lines = insight().out.splitlines()
    assert f"flaky     {ORDER}  by the last 30 runs  insight flaky" in lines
    assert "broken    none by the last 30 runs" in lines


def test_failures_are_new_flaky_or_old_since_a_day_and_a_commit(insight: Insight) -> None:
    pictures = {ORDER: "..F..F", LOGIN: "...FFF", "t.py::new": ".....F", "t.py::ok": "......"}
    save(pictures, commits="011234")
    shown = insight("failures").out.splitlines()
    assert shown[2] == "  1 new, 1 flaky, 1 old"
    day = f"{(NOW - timedelta(days=2, hours=1)).astimezone():%-d %b}"
    assert [line for line in shown if line.startswith(("  NEW", "  FLAKY", "  OLD"))] == [
        "  NEW  1 test: passed 5 of 5",
        "  FLAKY  1 test: 2 of 6, same code once",
        f"  OLD  1 test: failing for 3 runs, since {day}, 2a1b2c3",
    ]
    found = json.loads(insight("failures", "--format", "json").out)
    known = {each["nodeid"]: each["verdict"] for each in found}
    assert known == {ORDER: "flaky", LOGIN: "broken", "t.py::new": "new-failure"}


def test_markdown_quotes_foreign_names(insight: Insight) -> None:
    save({"t.py::a[`|<b>]": "...FFF", LOGIN: "......"}, commits="|<`>!?", branch="<b>\x1b[31m")
    shown = insight("verdicts", "--format", "markdown").out
    assert "### `shop  <b>\\x1b[31m  6 runs in 6 days`" in shown
    assert r"| broken | ``t.py::a[`\|<b>]`` | 3 runs, since " in shown
    assert "\x1b" not in shown


NO_DURATION = "UPDATE insight_results SET duration = 'x'"


def damaged(path: Path, damage: str) -> dict[str, str]:
    """Make a database with a flaky test, and damage it; return the variables that name it."""
    save({ORDER: "..F...", LOGIN: "......"}, commits="011234")
    with SQLiteStorage(path) as storage:
        storage.save_sessions(JSONStorage().iter_sessions())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(damage)
    return {"PYTEST_INSIGHT_DB_PATH": str(path)}


def test_damaged_results_hide_no_verdict(insight: Insight, tmp_path: Path) -> None:
    env = damaged(tmp_path / "shop.db", NO_DURATION)
    (found,) = json.loads(insight("flaky", "-f", "json", env=env).out)
    assert (found["nodeid"], found["bad"], found["runs"]) == (ORDER, 1, 6)
    printed = insight("flaky", env=env)
    assert ORDER in printed.out
    assert "part of the store" in printed.err


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE insight_sessions SET header = x'00'",
        f"{NO_DURATION}; UPDATE insight_suites SET tests = x'00'",
    ],
)
def test_no_answer_of_a_damaged_database_is_taken_for_none(
    insight: Insight, tmp_path: Path, damage: str
) -> None:
    env = damaged(tmp_path / "shop.db", damage)
    for command in (["flaky"], ["flaky", "-f", "json"], ["query", "tests", "--flaky"]):
        printed = insight(*command, env=env, status=1)
        assert printed.out == ""
        assert "no flaky test in what can be read of the store" in printed.err
    assert "no session in what can be read of the store" in insight(env=env, status=1).err
