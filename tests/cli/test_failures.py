"""`insight failures`: which run is meant, and its failures in each format."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_insight.models import CodeState, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import START, MakeSession

MESSAGE = "TypeError: 'float' object is not subscriptable"


def results() -> tuple[TestResult, ...]:
    coupons = (
        TestResult(
            f"tests/test_shop.py::test_coupon[{code}]",
            *("failed", START, 0.1),
            message=f"{MESSAGE}\nsecond line",
            crash="shop/coupons.py:32",
            longreprtext=f"E   {MESSAGE}",
            capstdout="redeemed\n",
        )
        for code in "abc"
    )
    return (
        TestResult("tests/test_shop.py::test_ok", "passed", START),
        TestResult(
            "tests/test_db.py::test_db",
            *("error", START),
            phase="setup",
            message="RuntimeError: no database",
            crash="tests/conftest.py:9",
        ),
        *coupons,
        TestResult("tests/test_old.py::test_old", "failed", START, longreprtext=">  x\nE    old"),
    )


def save(make_session: MakeSession) -> None:
    code = CodeState(commit="a0fd347" * 5, branch="feature/coupons", digest="d")
    JSONStorage().save_sessions(
        [
            make_session(0),
            make_session(1, test_results=results(), code_state=code),
        ]
    )


def test_tests_that_failed_in_the_same_way_are_shown_together_the_largest_group_first(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    head, counts, known, *groups = insight("failures").out.splitlines()
    assert head.startswith("failed api  feature/coupons a0fd347 + local changes  ")
    assert counts == "  4 failed, 1 error, 1 passed  api-1"
    assert known == "  5 new"
    first = "  NEW  first run of the test"
    assert groups == [
        "",
        f"F {MESSAGE}",
        "  failed  shop/coupons.py:32  3 tests",
        first,
        "  tests/test_shop.py::test_coupon[a]",
        "  tests/test_shop.py::test_coupon[b]",
        "  tests/test_shop.py::test_coupon[c]",
        "",
        "E RuntimeError: no database",
        "  error at setup  tests/conftest.py:9",
        first,
        "  tests/test_db.py::test_db",
        "",
        "F old",
        "  failed",
        first,
        "  tests/test_old.py::test_old",
    ]


def test_a_pipe_gets_every_nodeid_also_in_colour(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    for words in ("failures", "sessions show"):
        out = insight(*words.split(), env={"FORCE_COLOR": "1"}).out
        assert all(f"test_shop.py::test_coupon[{code}]" in out for code in "abc")


def test_several_sessions_are_called_a_ci_run_only_if_they_are_one(
    insight: Insight, make_session: MakeSession
) -> None:
    def save_run(sut: str, **facts: object) -> None:
        JSONStorage().save_sessions(
            make_session(
                0,
                session_id=f"{sut}-{minutes}",
                sut_name=sut,
                session_start_time=START + timedelta(minutes=minutes),
                code_state=CodeState("a0fd347" * 5, "main"),
                testing_system=facts,
                test_results=results(),
            )
            for minutes in (0, 10)
        )

    save_run("laptop")
    save_run("server", ci={"run_id": "77"})
    for sut, said in (
        ("laptop", "2 runs of commit a0fd347 within an hour"),
        ("server", "2 sessions of one CI run"),
    ):
        words = ("failures", "--sut", sut, "--run", "last")
        counts = insight(*words).out.splitlines()[1]
        assert counts == f"  8 failed, 2 errors, 2 passed  {said}, the last one {sut}-10"
        assert f"main, a0fd347, 5.00 s, {said}" in insight(*words, "-f", "markdown").out


def test_failed_subtests_have_their_names_and_their_test_is_no_group_of_its_own(
    insight: Insight, make_session: MakeSession
) -> None:
    def failed(nodeid: str, message: str, text: str = "") -> TestResult:
        return TestResult(nodeid, "failed", START, message=message, longreprtext=text)

    subtests = (failed("a.py::t", "assert 0", f"subtest [odd] (n={n})\nE  no") for n in (1, 3))
    contains = "contains 2 failed subtests"
    own_words = failed("a.py::t_own", contains)  # a test without subtests may say so, too
    found = (*subtests, failed("a.py::t", contains), own_words)
    JSONStorage().save_session(make_session(0, test_results=found))
    shown = insight("failures").out
    assert "  a.py::t subtest [odd] (n=1)\n  a.py::t subtest [odd] (n=3)\n" in shown
    assert [line for line in shown.splitlines() if contains in line] == [f"F {contains}"]
    assert "\n  4 failed  " in shown
    markdown = insight("failures", "-f", "markdown").out
    assert "**1 test**: `assert 0`" in markdown
    assert "- `a.py::t subtest [odd] (n=3)`\n" in markdown


def test_verbose_shows_every_test_with_its_text_and_output(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    out = insight("failures", "-v").out
    for code in "abc":
        assert f"  failed tests/test_shop.py::test_coupon[{code}]\n    E   {MESSAGE}\n" in out
    assert "    captured stdout:\n      redeemed\n" in out


def test_programs_get_json_csv_or_nodeids(insight: Insight, make_session: MakeSession) -> None:
    save(make_session)
    listed = json.loads(insight("failures", "-f", "json").out)
    assert [each["nodeid"] for each in listed] == [
        r.nodeid for r in results() if r.outcome != "passed"
    ]
    assert len(listed[0].pop("cause")) == 16
    assert listed[0] == {
        "nodeid": "tests/test_db.py::test_db",
        "sut": "api",
        "outcome": "error",
        "phase": "setup",
        "message": "RuntimeError: no database",
        "crash": "tests/conftest.py:9",
        "verdict": "new-test",
        "since": None,
    }
    rows = list(csv.DictReader(io.StringIO(insight("failures", "-f", "csv").out, newline="")))
    del rows[0]["cause"]
    assert rows[0] == listed[0] | {"since": ""}
    nodeids = insight("failures", "-f", "nodeids").out.splitlines()
    assert nodeids == [each["nodeid"] for each in listed]


def test_markdown_quotes_every_foreign_text(insight: Insight, make_session: MakeSession) -> None:
    hostile = TestResult("t.py::t[``x`]", "failed", START, message="`]<b>*\x1b[31m")
    JSONStorage().save_session(make_session(0, test_results=(hostile,)))
    lines = insight("failures", "-f", "markdown").out.splitlines()
    assert lines[0] == "### api: 1 failed"
    assert "**1 test**: `` `]<b>*\\x1b[31m ``" in lines
    assert "- ```t.py::t[``x`]```" in lines


def test_a_run_is_named_as_everywhere_and_the_gate_says_if_it_failed(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    green = make_session(2, test_results=results()[:1])
    JSONStorage().save_session(green)
    assert "nothing failed" in insight("failures", "--exit-code").out
    insight("failures", "last~1", "--exit-code", status=3)
    assert "api-0" in insight("failures", "api-0").out
    assert "no session" in insight("failures", "nonsense", status=1).err


def test_a_run_that_pytest_ended_with_an_error_is_not_said_to_be_fine(
    insight: Insight, make_session: MakeSession
) -> None:
    passed = TestResult("t.py::good", "passed", START)
    for number, (status, said) in enumerate(
        [
            (None, "nothing failed"),
            (0, "nothing failed"),
            (1, "nothing failed, but pytest ended with exit status 1"),
            (2, "nothing failed, but pytest ended with exit status 2"),
        ]
    ):
        JSONStorage().save_session(make_session(number, exit_status=status, test_results=(passed,)))
        assert insight("failures").out.splitlines()[-1] == said


def test_without_sessions_it_says_how_to_record_one(insight: Insight) -> None:
    assert "pytest --insight" in insight("failures", "--exit-code", status=1).err


def test_the_last_run_is_that_of_the_project_in_this_folder(
    insight: Insight, make_session: MakeSession
) -> None:
    save(make_session)
    other = make_session(9, sut_name="web", test_results=results()[:1])
    JSONStorage().save_session(other)
    assert "nothing failed" in insight("failures").out
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")
    assert "4 failed, 1 error" in insight("failures").out
    assert "nothing failed" in insight("failures", "-A").out
    assert "nothing failed" in insight("failures", "--sut", "w*").out
    insight("failures", "-A", "--sut", "web", status=2)
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = elsewhere\n")
    assert "nothing failed" in insight("failures").out  # no session of it: all are looked at


def test_the_age_is_in_words(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_session(make_session(0, session_start_time=START - timedelta(days=800)))
    assert "2 years ago" in insight("failures").out


def test_the_failures_of_all_jobs_of_a_ci_run_are_one_answer(
    insight: Insight, make_session: MakeSession
) -> None:
    ci = {"ci": {"provider": "github", "run_id": "101"}}
    green = make_session(2, testing_system=ci, test_results=results()[:1])
    JSONStorage().save_sessions([make_session(0), make_session(1, testing_system=ci), green])
    insight("failures", "--exit-code")  # the newest job alone passed
    out = insight("failures", "--run", "last", "--exit-code", status=3).out
    assert "1 failed, 2 passed" in out
    assert "tests/test_a.py::test_y" in out
    assert insight("failures", "--run", "101").out == out
    insight("failures", "last", "--run", "last", status=2)
    assert "no CI run" in insight("failures", "--run", "nonsense", status=1).err


def test_a_gate_does_not_pass_if_a_part_of_the_store_cannot_be_read(
    insight: Insight, make_session: MakeSession
) -> None:
    passed = make_session(0, test_results=results()[:1])
    JSONStorage().save_sessions([passed, make_session(1)])
    path = JSONStorage().file_path
    gate = ["query", "tests", "--session", "last", "--outcome", "failed", "--exit-code"]
    insight(*gate, status=3)
    path.write_bytes(path.read_bytes().replace(b'"outcome":"failed"', b'"out\0\0\0":"failed"'))
    for command in (gate, ["failures", "--exit-code"]):
        said = insight(*command, status=1).err
        assert "warning: part of the store" in said
        assert "--exit-code cannot judge a store of which a part cannot be read" in said
    insight("failures")
    assert "that is all of what can be read of the store" in insight("history", "test_ok").err


def test_each_failure_of_a_ci_run_has_the_sut_of_its_own_session(
    insight: Insight, make_session: MakeSession
) -> None:
    ci = {"ci": {"run_id": "101"}}
    JSONStorage().save_sessions(
        [
            make_session(0, testing_system=ci),
            make_session(1, session_id="web-1", sut_name="web", testing_system=ci),
        ]
    )
    listed = json.loads(insight("failures", "--run", "101", "-f", "json").out)
    assert [each["sut"] for each in listed] == ["api", "web"]
    assert insight("failures", "--run", "101").out.startswith("failed api, web  ")
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")
    (only,) = json.loads(insight("failures", "--run", "last", "-f", "json").out)
    assert only["sut"] == "api"


def test_an_id_that_begins_with_last_is_an_id(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_sessions(
        [make_session(0), make_session(1, session_id="lasting", sut_name="web")]
    )
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")
    listed = json.loads(insight("sessions", "list", "--session", "lasting", "-f", "json").out)
    assert [each["session_id"] for each in listed] == ["lasting"]


def test_markdown_shows_hostile_names_of_branches_and_suts_as_they_are(
    insight: Insight, make_session: MakeSession
) -> None:
    code = CodeState(branch="a\x1b[31m<b>")
    JSONStorage().save_session(make_session(0, sut_name="s*x*", code_state=code))
    lines = insight("failures", "-A", "--format", "markdown").out.splitlines()
    assert lines[0].startswith("### `s*x*`: ")
    assert lines[2].startswith("`a\\x1b[31m<b>`, ")


def test_the_last_run_of_a_branch_can_be_asked_for(
    insight: Insight, make_session: MakeSession
) -> None:
    for number, branch in enumerate(("main", "fix/a", "main")):
        code = CodeState(branch=branch)
        red = make_session(number, code_state=code)
        JSONStorage().save_session(red if branch != "main" else red.with_results(results()[:1]))
    assert "nothing failed" in insight("failures").out
    assert "api-1" in insight("failures", "--branch", "fix/*").out
    assert "api-0" in insight("failures", "last~1", "--branch", "main").out
    assert "there are main, fix/a" in insight("failures", "--branch", "x", status=1).err
    insight("failures", "api-0", "--branch", "main", status=2)
    insight("failures", "--run", "api-0", "--branch", "main", status=2)


def test_the_history_is_asked_as_far_back_as_the_window(
    insight: Insight, make_session: MakeSession
) -> None:
    for days, number in ((20, 0), (0, 1)):
        start = START - timedelta(days=days)
        JSONStorage().save_session(make_session(number, session_start_time=start))
    assert "1 old" in insight("failures").out
    assert "1 new" not in insight("failures", "--window", "10d").out
    assert "1 old" not in insight("failures", "--window", "10d").out


def test_the_branch_of_the_run_is_meant_whatever_is_checked_out(
    insight: Insight,
    make_session: MakeSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *identity, *arguments], check=True)

    git("init", "-q", "-b", "main")
    for days, branch in ((9, "main"), (7, "fix"), (1, "late")):
        monkeypatch.setenv("GIT_COMMITTER_DATE", (START - timedelta(days=days)).isoformat())
        if branch != "main":
            git("checkout", "-q", "-b", branch, "main")
        git("commit", "-q", "--allow-empty", "-m", "a change")
    # That main broke after the branch began is not what the branch was like.
    runs = ((8, "main", "passed"), (5, "main", "failed"), (4, "main", "failed"))
    for number, (days, branch, outcome) in enumerate((*runs, (2, "fix", "failed"))):
        start = START - timedelta(days=days)
        result = TestResult("test_a.py::test_x", outcome, start, message="assert 1")
        code = CodeState(f"{number:040x}", branch)
        JSONStorage().save_session(
            make_session(number, session_start_time=start, code_state=code, test_results=(result,))
        )
    for checked_out in ("main", "late"):
        git("checkout", "-q", checked_out)
        assert "  NEW  passed 1 of 1; also on main" in insight("failures").out


def test_causes_for_programs_are_those_by_the_masks_of_the_project(
    insight: Insight, make_session: MakeSession
) -> None:
    Path("pytest.ini").write_text(
        "[pytest]\ninsight_sut = api\ninsight_cause_masks = order-([a-z]+)\n"
    )
    failed = (
        TestResult(f"test_a.py::{name}", "failed", START, message=f"KeyError: 'order-{name}'")
        for name in ("ann", "bob")
    )
    JSONStorage().save_session(make_session(0, test_results=tuple(failed)))
    found = json.loads(insight("failures", "--format", "json").out)
    assert len({each["cause"] for each in found}) == 1
    assert "2 tests" in insight("failures").out


def test_the_failures_of_the_last_run_can_be_run_again(
    screen: Screen, make_session: MakeSession
) -> None:
    save(make_session)
    save(make_session)
    again = "run them again: pytest --insight-select failed"
    assert again in screen(80, "failures")[-1]
    assert again not in screen(80, "failures", "-A")[-1]
    assert again not in screen(80, "failures", "last~1")[-1]
