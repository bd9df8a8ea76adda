"""`insight compare`: what it prints in each format, which tests, and its exit status."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen

NOW = datetime.now(UTC)
PAY, SEND = "tests/test_orders.py::test_pay", "tests/test_orders.py::test_send"
ADD, LOGIN = "tests/test_cart.py::test_add", "tests/test_api.py::test_login"
SIGN_IN = "tests/test_api.py::test_logins"
OUTCOMES = {".": "passed", "s": "skipped", "x": "xfailed", "X": "xpassed"}
MAIN = {PAY: ".", SEND: ".", ADD: "TimeoutError: redis", LOGIN: "assert 401 == 200", "t.py::a": "."}
BRANCH = {
    **{PAY: "TypeError: no discount", SEND: "TypeError: no discount"},
    **{ADD: "KeyError: 'currency'", LOGIN: ".", "t.py::a": ".", "t.py::new": "."},
}


def save(
    session_id: str,
    tests: Mapping[str, str],
    *,
    days: float = 0,
    branch: str = "main",
    commit: str = "a",
    sut: str = "shop",
) -> None:
    """Save a session; each test with an outcome of `OUTCOMES`, or the message of its failure."""
    start = NOW - timedelta(days=days, hours=1)
    results = []
    for nodeid, told in tests.items():
        outcome = OUTCOMES.get(told, "failed")
        message, crash = (told, "shop/x.py:9") if outcome == "failed" else ("", "")
        results.append(TestResult(nodeid, outcome, start, 0.1, message=message, crash=crash))
    session = TestSession(
        session_id,
        sut,
        start,
        session_duration=1.0,
        code_state=CodeState(f"{commit}1b2c3d4" * 5, branch),
        test_results=tuple(results),
    )
    JSONStorage().save_session(session)


def test_the_head_is_of_the_project_in_the_folder_and_of_any_with_all_projects(
    insight: Insight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, sut in enumerate(("shop", "other")):
        save(f"{sut}-1", MAIN, days=2 - number, sut=sut)
        save(f"{sut}-2", MAIN, days=2 - number - 0.5, commit="b", sut=sut)
    project = tmp_path / "shop"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(project)
    for options, sut in ([], "shop"), (["-A"], "other"):
        found = json.loads(insight("compare", "last~1", *options, "--format", "json").out)
        ids = [found[side]["sessions"] for side in ("base", "head")]
        assert ids == [[f"{sut}-1"], [f"{sut}-2"]]


@pytest.fixture
def two_sides() -> None:
    """A run on main, and the last one on a branch."""
    save("main-1", MAIN, days=1)
    save("branch-1", BRANCH, branch="fix", commit="b")


def changes(insight: Insight, *words: str, status: int = 0) -> dict[str, str]:
    printed = insight("compare", "main-1", *words, "--format", "json", status=status)
    return {each["nodeid"]: each["change"] for each in json.loads(printed.out)["changes"]}


@pytest.mark.usefixtures("two_sides")
def test_failures_with_one_cause_are_shown_together_and_every_change_has_a_label(
    screen: Screen,
) -> None:
    lines = [line.rstrip() for line in screen(80, "compare", "main-1")]
    assert lines[:-2] == [
        "✗ shop  fix b1b2c3d  against main a1b2c3d (1 run)",
        "  6 tests: 2 new failures, 1 failing differently, 1 fixed, 1 added, 1 alike",
        "",
        "NEW        TypeError: no discount  shop/x.py:9",
        f"  2 tests  {PAY}",
        f"           {SEND}",
        f"DIFFERENT  {ADD}",
        "           now:  KeyError: 'currency'",
        "           main: TimeoutError: redis",
        f"FIXED      {LOGIN}",
        "ADDED      1 test in t.py",
        "",
    ]
    assert lines[-2:] == [
        "tracebacks: insight failures -v · run them again: pytest --insight-select failed",
        "one test: insight history TEST",
    ]


@pytest.mark.usefixtures("two_sides")
def test_a_pipe_gets_the_same_lines_without_hints(insight: Insight) -> None:
    printed = insight("compare", "main-1")
    assert printed.err == ""
    assert printed.out.splitlines()[0] == "shop  fix b1b2c3d  against main a1b2c3d (1 run)"
    assert printed.out.splitlines()[-1] == "ADDED      1 test in t.py"


@pytest.mark.usefixtures("two_sides")
def test_no_hint_names_a_command_that_cannot_show_the_sessions_of_files(
    insight: Insight, screen: Screen
) -> None:
    insight("export", "main.json", "--session", "main-1")
    insight("export", "fix.json", "--session", "branch-1")
    told = [" ".join(screen(80, "compare", base, "fix.json")) for base in ("main-1", "main.json")]
    assert [("tracebacks" in each, "insight history" in each) for each in told] == [
        (False, True),
        (False, False),
    ]


@pytest.mark.usefixtures("two_sides")
def test_every_format_has_the_same_tests(insight: Insight) -> None:
    expected = {
        **{PAY: "new-failure", SEND: "new-failure", ADD: "failing-differently"},
        **{LOGIN: "fixed", "t.py::new": "new-test"},
    }
    assert changes(insight) == expected
    found = insight("compare", "main-1", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(found)))
    assert {row["nodeid"]: row["change"] for row in rows} == expected
    assert [row["head.message"] for row in rows][:2] == ["TypeError: no discount"] * 2
    shown = insight("compare", "main-1", "--format", "markdown").out
    assert all(f"<code>{nodeid}</code>" in shown for nodeid in (PAY, SEND, ADD))


@pytest.mark.usefixtures("two_sides")
def test_nodeids_are_those_that_fail_anew_or_differently_unless_changes_are_chosen(
    insight: Insight,
) -> None:
    nodeids = ("compare", "main-1", "--format", "nodeids")
    assert insight(*nodeids).out.split() == [PAY, SEND, ADD]
    assert insight(*nodeids, "--only", "fixed,new-test").out.split() == [LOGIN, "t.py::new"]


@pytest.mark.usefixtures("two_sides")
def test_only_chooses_changes_in_every_format_and_keeps_the_counts(insight: Insight) -> None:
    assert changes(insight, "--only", "fixed") == {LOGIN: "fixed"}
    lines = insight("compare", "main-1", "--only", "fixed").out.splitlines()
    assert lines[1].startswith("  6 tests: 2 new failures,")
    assert lines[3:] == [f"FIXED      {LOGIN}"]
    assert insight("compare", "main-1", "--only", "gone").out.splitlines()[3:] == [
        "no test is gone"
    ]
    markdown = insight("compare", "main-1", "--only", "fixed", "--format", "markdown").out
    assert LOGIN in markdown
    assert PAY not in markdown


@pytest.mark.usefixtures("two_sides")
def test_by_cause_has_one_entry_per_cause_of_the_failures_now(insight: Insight) -> None:
    found = json.loads(insight("compare", "main-1", "--by-cause", "--format", "json").out)
    assert [(each["message"], each["tests"], each["changes"]) for each in found["causes"]] == [
        ("TypeError: no discount", 2, {"new-failure": 2}),
        ("KeyError: 'currency'", 1, {"failing-differently": 1}),
    ]
    assert sorted(found["causes"][0]) == sorted(
        ["cause", "message", "crash", "tests", "changes", "nodeids"]
    )
    lines = insight("compare", "main-1", "--by-cause").out.splitlines()
    assert lines[3:7] == [
        "F TypeError: no discount",
        "  shop/x.py:9  2 new failures",
        f"  {PAY}",
        f"  {SEND}",
    ]


@pytest.mark.usefixtures("two_sides")
def test_fields_are_chosen_by_their_path_in_json(insight: Insight) -> None:
    found = insight(
        "compare", "main-1", "--fields", "change,base.outcome,head.message", "-f", "csv"
    )
    assert found.out.splitlines()[:2] == [
        "change,base.outcome,head.message",
        "new-failure,passed,TypeError: no discount",
    ]
    said = insight("compare", "main-1", "--fields", "message", status=2).err
    assert "unknown field 'message'; did you mean 'head.message'?" in said


@pytest.mark.usefixtures("two_sides")
def test_the_exit_status_is_3_for_new_failures_and_those_for_another_reason(
    insight: Insight,
) -> None:
    insight("compare", "main-1", "--exit-code", status=3)
    insight("compare", "main-1", "--exit-code", "-k", "test_add", status=3)
    insight("compare", "main-1", "--exit-code", "-k", "login")  # it is fixed
    insight("compare", "main-1", "--exit-code", "--only", "fixed", status=3)
    insight("compare", "main-1", "--exit-code", "--only", "gone")


def test_a_test_that_fails_as_before_stops_nothing_and_is_named_with_verbose(
    insight: Insight,
) -> None:
    save("main-1", {ADD: "TimeoutError: redis", "t.py::a": "."}, days=1)
    save("branch-1", {ADD: "TimeoutError: redis", "t.py::a": "."}, branch="fix", commit="b")
    assert insight("compare", "main-1", "--exit-code").out.splitlines()[3:] == [
        "STILL      1 test fails as on main, 1 cause (-v lists them)"
    ]
    lines = insight("compare", "main-1", "-v").out.splitlines()
    assert lines[3] == "STILL      TimeoutError: redis  shop/x.py:9"
    assert lines[4].strip() == ADD
    assert [line.split()[:3] for line in lines[5:7]] == [
        ["failed", "main", "a1b2c3d"],
        ["failed", "fix", "b1b2c3d"],
    ]


def test_no_change_is_one_calm_sentence(insight: Insight) -> None:
    save("main-1", {ADD: ".", "t.py::a": "."}, days=1)
    save("branch-1", {ADD: ".", "t.py::a": "."}, branch="fix", commit="b")
    assert insight("compare", "main-1", "--exit-code").out.splitlines() == [
        "shop  fix b1b2c3d  against main a1b2c3d (1 run)",
        "  2 tests: 2 alike",
        "",
        "nothing changed",
    ]
    assert insight("compare", "main-1", "--format", "nodeids").out == ""


def test_renamed_tests_are_shown_by_function(insight: Insight) -> None:
    old, new = "tests/test_api.py::test_login", "tests/test_api.py::test_logins"
    main = {f"{old}[{name}]": "." for name in "abc"} | {ADD: "."}
    save("main-1", main, days=1)
    save("branch-1", {f"{new}[{name}]": "." for name in "abc"} | {ADD: "."}, branch="fix")
    assert insight("compare", "main-1").out.splitlines()[3:] == [
        f"RENAMED    {new}",
        "  3 tests  was test_login",
    ]
    assert insight("compare", "main-1", "-f", "nodeids", "--only", "renamed").out.split() == [
        f"{new}[{name}]" for name in "abc"
    ]


def test_a_terminal_shows_some_tests_of_many_and_a_pipe_all(
    insight: Insight, screen: Screen
) -> None:
    names = [f"tests/test_many.py::test_{number}" for number in range(8)]
    others = {f"tests/test_other.py::test_{number}": "." for number in range(80)}
    save("main-1", dict.fromkeys(names, ".") | others, days=1)
    save("branch-1", dict.fromkeys(names[:7], "KeyError: 1") | {names[7]: "."} | others)
    assert insight("compare", "main-1").out.split("\n")[4:11] == [
        f"{'  7 tests' if number == 0 else '':<9}  {name}" for number, name in enumerate(names[:7])
    ]
    shown = [line.strip() for line in screen(80, "compare", "main-1")]
    assert shown[8:10] == [names[4], "and 2 more (-v)"]
    assert names[6] in "".join(screen(80, "compare", "main-1", "-v"))


def test_an_unknown_change_is_answered_with_the_nearest(insight: Insight) -> None:
    said = insight("compare", "--only", "flakey", status=2).err
    assert "unknown change 'flakey'; did you mean 'flaky'?" in said


def test_options_that_contradict_each_other_are_refused(insight: Insight) -> None:
    assert "--strict needs --exit-code" in insight("compare", "--strict", status=2).err
    save("main-1", MAIN, days=1)
    said = insight("compare", "main-1", "main-1", "--run", "last", status=2).err
    assert "HEAD and --run contradict each other" in said


@pytest.mark.usefixtures("two_sides")
def test_two_sides_can_be_written_as_for_git(insight: Insight) -> None:
    expected = insight("compare", "main-1", "branch-1").out
    assert insight("compare", "main-1..branch-1").out == expected
    assert insight("compare", "main-1...branch-1").out == expected
    assert insight("compare", "main-1..").out == expected
    assert insight("compare", "..branch-1").out == insight("compare").out


def test_names_of_tests_that_match_none_are_an_error_which_a_gate_does_not_pass(
    insight: Insight,
) -> None:
    save("main-1", MAIN, days=1)
    save("branch-1", BRANCH, branch="fix", commit="b")
    said = insight("compare", "main-1", "-k", "nothing", "--exit-code", status=1).err
    assert "no test of fix b1b2c3d and main a1b2c3d has such a name" in said


def test_a_gate_does_not_pass_if_nothing_was_compared_or_most_tests_failed(
    insight: Insight,
) -> None:
    tests = [f"t.py::test_{number}" for number in range(12)]
    save("main-1", dict.fromkeys(tests, "."), days=1)
    save("branch-1", dict.fromkeys(tests, "KeyError: 'a'"), branch="fix", commit="b")
    assert "12 tests not compared, hit by an incident" in insight("compare", "main-1").out
    for more in ((), ("--only", "new-failure"), ("--only", "gone,worse"), ("--strict",)):
        insight("compare", "main-1", "--exit-code", *more, status=3)
    insight("compare", "main-1", "--exit-code", "--only", "fixed")
    insight("compare", "main-1", "branch-1", "--windows", "--exit-code", status=3)
    save("branch-2", dict.fromkeys(tests, "s"), branch="fix", commit="b")
    said = insight("compare", "main-1", "branch-2", "--exit-code", status=2)
    assert "nothing was compared: no test of fix b1b2c3d passed or failed" in said.err
    save("branch-3", dict.fromkeys(tests, "."), branch="fix", commit="b")
    said = insight("compare", "main-1", "branch-3", "--windows", "--exit-code", status=2)
    assert "too few runs of each test" in said.err
    insight("compare", "main-1", "branch-3", "--exit-code")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mian", "did you mean 'main'?"),
        ("nonsense", "there are sessions of the branches fix, main"),
        ("last last", "both sides are"),
        ("last last~1", "the base comes first: swap them"),
        ("last~1 --sut nothing", "no SUT 'nothing'"),
        ("main --run nothing", "no CI run or session 'nothing'"),
        ("api-1 branch-1", "to compare different SUTs, name them with --sut, as in '*'"),
        ("api-1 --sut *", "no test is on both sides"),
        ("x.json", "is JSON without sessions"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused_in_a_sentence(
    insight: Insight, words: str, said: str
) -> None:
    save("api-1", {"u.py::a": "."}, days=2, sut="api", commit="c")
    save("main-1", MAIN, days=1)
    save("branch-1", BRANCH, branch="fix", commit="b")
    Path("x.json").write_text('{"a": 1}')
    status = 1 if words.startswith(("last~1", "main --run", "x.json")) else 2
    printed = insight("compare", *words.split(), status=status)
    assert said in printed.err
    assert printed.out == ""


def test_names_from_outside_print_no_control_characters(insight: Insight) -> None:
    evil = "tests/test_\x1b[31m.py::test_a"
    save("main-1", {evil: "."}, days=1, branch="main\x1b[2J")
    save("branch-1", {evil: "KeyError: [red]\x1b[0m\x07"}, branch="fix\x9b2J", commit="b")
    for options in ((), ("-v",), ("--by-cause",), ("-f", "markdown"), ("-f", "nodeids")):
        printed = insight("compare", "main-1", *options)
        assert "\x1b" not in printed.out.replace(evil, "") + printed.err
        assert "\x07" not in printed.out
    assert "[red]" in insight("compare", "main-1").out
