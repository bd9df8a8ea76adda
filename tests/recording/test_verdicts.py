"""What pytest's summary says of failures: from the history, within a time limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from pytest_insight.analysis.runs import runs_of
from pytest_insight.analyze.failed_tests import FailedTests
from pytest_insight.analyze.failure_history import FailureHistory, look_back
from pytest_insight.cli.app import app
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.recording.verdicts.summary import full_lines, short_line
from pytest_insight.storage import JSONStorage
from pytest_insight.storage.memory import InMemoryStorage
from tests.recording.runs import insight_lines, last_session, run
from tests.recording.test_git_facts import git, repo

__all__ = ["repo"]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OUTCOMES = {".": "passed", "F": "failed", "E": "error", "s": "skipped"}
STEADY = {f"tests/test_a.py::test_{number}": "" for number in range(30)}
"""Tests that always pass, so that no session is a mass failure."""


def session(
    at: datetime, marks: Mapping[str, str], messages: Mapping[str, str], branch: str, commit: str
) -> TestSession:
    """Return a session with a result for each test and mark, and all of `STEADY`."""
    results = [
        TestResult(
            nodeid,
            OUTCOMES[mark],
            at,
            0.1,
            message=messages.get(nodeid, "assert 0") if mark in "FE" else "",
        )
        for nodeid, mark in (dict.fromkeys(STEADY, ".") | dict(marks)).items()
        if mark != " "
    ]
    return TestSession(
        f"shop-{at:%Y%m%d-%H}",
        "shop",
        at,
        session_duration=1.0,
        code_state=CodeState(commit=commit * 20, branch=branch),
        test_results=results,
    )


def history(
    pictures: Mapping[str, str],
    messages: Mapping[str, str] | None = None,
    *,
    branches: Mapping[int, str] | None = None,
    commits: Mapping[int, str] | None = None,
) -> list[TestSession]:
    """Return a session for each character of the pictures, the last one yesterday.

    Args:
        pictures: of each test; a space if it was not run.
        messages: why tests fail.
        branches: of sessions by number; "main" by default.
        commits: likewise, two digits; the number by default.
    """
    length = max(map(len, pictures.values()), default=0)
    return [
        session(
            NOW - timedelta(days=length - number) / 2,
            {nodeid: picture[number] for nodeid, picture in pictures.items()},
            messages or {},
            (branches or {}).get(number, "main"),
            (commits or {}).get(number, f"{number:02x}"),
        )
        for number in range(length)
    ]


def ask(
    sessions: Sequence[TestSession],
    messages: Mapping[str, str],
    *,
    branch: str = "main",
    commit: str = "ff",
    folder: Path = Path("/"),
    seconds: float = 3600,
) -> FailureHistory | None:
    """Return what the history says if these tests fail now, with these messages."""
    storage = InMemoryStorage()
    storage.save_sessions(sessions)
    marks = dict.fromkeys(messages, "F")
    now = session(NOW, marks, messages, branch, commit)
    runs = [each for each in runs_of(now) if each.is_bad]
    facts = runs[0].session
    ticks = count()
    return look_back(storage, FailedTests(facts, runs), folder, lambda: next(ticks), seconds)


def short(history: FailureHistory | None) -> str:
    assert history is not None
    return "".join(piece.text for piece in short_line(history))


def full(history: FailureHistory | None, width: int = 80) -> str:
    assert history is not None
    lines = ["".join(piece.text for piece in line) for line in full_lines(history, width)]
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


PAY = {f"tests/test_pay.py::test_total[{currency}]": "." * 40 for currency in ("eur", "usd")}
ADD, SEND, LOGIN = (
    "tests/test_cart.py::test_add",
    "tests/test_mail.py::test_send",
    ("tests/test_api.py::test_login"),
)
SHOP = PAY | {
    ADD: "." * 35 + "F" * 5,
    SEND: "." * 10 + "F" + "." * 9 + "F" + "." * 19,
    LOGIN: "." * 35 + "F" * 5,
}
FAILURES = dict.fromkeys(PAY, "assert 4.59 == 4.6") | {
    ADD: "KeyError: 'currency'",
    SEND: "TimeoutError: smtp",
    LOGIN: "assert 500 == 200",
}
SCREEN = """\
NEW     tests/test_pay.py::test_total[eur]         passed 40 of 40
        assert 4.59 == 4.6                         also test_total[usd]
CAUSE   tests/test_cart.py::test_add               red for 6 runs, other cause
        KeyError: 'currency' (was: TimeoutError)   also on main, since 2323232
FLAKY   tests/test_mail.py::test_send              3 of 41, same code 2 times
        TimeoutError: smtp
BROKEN  tests/test_api.py::test_login              6 runs since 25 Nov 2323232
        assert 500 == 200                          also on main
5 failed: 2 new, 1 flaky, 2 old; details: insight failures"""


@pytest.fixture
def shop() -> FailureHistory | None:
    before = {ADD: "TimeoutError: redis", SEND: "TimeoutError: smtp", LOGIN: "assert 500 == 200"}
    same_code = {9: "0a", 19: "14"}  # as the red session after it
    return ask(history(SHOP, before, commits=same_code), FAILURES, branch="feature")


def test_the_short_form_counts_what_is_new_flaky_and_old(shop: FailureHistory | None) -> None:
    assert short(shop) == (
        "2 new since 2727272 (1 cause), 1 flaky, 2 red for 6 runs (1 for another cause now), "
        "also on main; details: insight failures"
    )


def test_the_full_form_groups_tests_by_cause(shop: FailureHistory | None) -> None:
    assert full(shop) == SCREEN
    assert full(shop, 120) == SCREEN


def test_a_test_that_never_ran_before_is_new() -> None:
    found = ask(history({"other": "." * 9}), {"tests/test_b.py::test_b": "assert 0"})
    assert short(found) == "1 new; details: insight failures"
    assert "NEW     tests/test_b.py::test_b" in full(found)
    assert "not seen before" in full(found)


def test_a_test_that_never_passed_is_red_for_the_number_of_its_runs() -> None:
    found = ask(history({"t": "F"}), {"t": "assert 0"})
    assert short(found) == "1 red for 2 runs; details: insight failures"
    assert "RED     t   " in full(found)
    found = ask(history({"t": "FF", "u": "F "}), {"t": "assert 0", "u": "assert 0"})
    assert short(found) == "2 red for 2 to 3 runs; details: insight failures"


def test_a_flaky_test_that_fails_too_often_in_a_row_is_broken() -> None:
    sessions = history({"t": "." * 10 + "F" + "." * 20 + "FFF"}, commits={9: "0a"})
    found = ask(sessions, {"t": "assert 0"})
    assert short(found) == "1 red for 4 runs; details: insight failures"
    assert "flaky before, now red 4 times" in full(found)


def test_a_test_that_fails_now_and_then_on_different_code_is_suspect() -> None:
    found = ask(history({"t": ".." + "F..." * 3}), {"t": "assert 0"})
    assert short(found) == "1 suspect; details: insight failures"
    assert "4 of the last 15" in full(found)


def test_a_night_without_a_database_makes_no_test_flaky() -> None:
    tests = {f"t{number}": "....F....." for number in range(20)}
    found = ask(history(tests, commits={3: "04"}), {"t0": "assert 0"})
    assert short(found) == "1 new since 0909090; details: insight failures"
    alone = ask(history({"t0": "....F....."}, commits={3: "04"}), {"t0": "assert 0"})
    assert short(alone) == "1 flaky; details: insight failures"


def test_without_a_history_of_the_sut_nothing_is_said() -> None:
    assert ask([], {"t": "assert 0"}) is None
    (other,) = history({"t": "."})
    assert ask([replace(other, sut_name="other")], {"t": "assert 0"}) is None
    long_ago = NOW - timedelta(days=31)
    old = replace(other, session_start_time=long_ago, session_stop_time=long_ago)
    assert ask([old], {"t": "assert 0"}) is None


MANY = {f"m{number}": "ConnectionError: refused" for number in range(26)}


def test_a_mass_failure_with_one_cause_is_one_line_without_verdicts() -> None:
    found = ask(history({"t": "."}), MANY | {"t": "assert 0"})
    assert short(found) == (
        "27 of 57 tests failed, 26 by `ConnectionError: refused`: one cause, no verdicts; "
        "details: insight failures"
    )


def test_an_incident_does_not_show_that_the_tests_that_it_hits_are_flaky() -> None:
    good = {f"m{number}": "." * 6 for number in range(9)}
    failures = dict.fromkeys(good, "ConnectionError: refused")
    found = ask(history(good | {"t": "." * 6}), failures | {"t": "assert 0"}, commit="05")
    assert short(found) == "9 new since 0505050 (1 cause), 1 flaky; details: insight failures"
    going_on = history(dict.fromkeys(good, "......FF"), failures, commits={6: "05"})
    assert short(ask(going_on, failures)) == "9 red for 3 runs; details: insight failures"


def test_a_test_that_fails_after_an_incident_is_not_called_flaky_for_it() -> None:
    others = {f"m{number}": ".....F" for number in range(9)}
    sessions = history(others | {"t": ".....F"}, commits={5: "04"})
    assert "passed 5 of 5" in full(ask(sessions, {"t": "assert 1"}))


def test_of_more_than_25_failures_history_is_not_asked() -> None:
    found = ask(history({"t": "."}), {f"m{n}": f"KeyError: '{chr(97 + n)}'" for n in range(26)})
    assert short(found) == (
        "26 of 56 tests failed; history was not asked (it is for at most 25 tests); "
        "details: insight failures"
    )


def test_a_history_that_takes_too_long_is_not_waited_for() -> None:
    found = ask(history({"t": "." * 50}), {"t": "assert 0"}, seconds=30)  # a second for each look
    assert short(found) == (
        "1 of 31 tests failed; history was not asked (it took longer than 30 s); "
        "details: insight failures"
    )


def test_the_full_form_shows_10_causes_and_counts_the_other_tests() -> None:
    failures = {f"t{n:02}": f"KeyError: '{chr(97 + n // 2)}'" for n in range(24)}
    found = full(ask(history(dict.fromkeys(failures, "." * 5)), failures))
    assert found.count("NEW") == 10
    assert "... and 4 more tests\n24 failed: 24 new" in found


def test_names_and_messages_cannot_control_the_terminal() -> None:
    found = ask(history({"t\x1b[2J": "."}), {"t\x1b[2J": "\x1b]0;title\x07" + "x" * 200})
    assert "\x1b" not in full(found)
    assert "\x07" not in full(found)


# Branches ----------------------------------------------------------------------------------------


def test_runs_of_the_default_branch_count_until_the_branch_began(repo: Path) -> None:
    git(repo, "branch", "-M", "trunk")
    git(repo, "update-ref", "refs/remotes/origin/trunk", "HEAD")
    git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    git(repo, "checkout", "-q", "-b", "feature")
    first = (NOW - timedelta(days=1.25)).isoformat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", first)
        git(repo, "commit", "-q", "--allow-empty", "-m", "first of the branch")
    sessions = history({"t": "......FF"}, branches=dict.fromkeys(range(8), "trunk"))
    found = ask(sessions, {"t": "assert 0"}, branch="feature", folder=repo)
    assert short(found) == "1 new since 0505050, also on trunk; details: insight failures"
    assert "passed 6 of 6" in full(found)
    on_trunk = ask(sessions, {"t": "assert 0"}, branch="trunk", folder=repo)
    assert short(on_trunk) == "1 red for 3 runs; details: insight failures"


def test_without_git_main_is_the_default_branch_if_the_history_has_it(tmp_path: Path) -> None:
    sessions = history({"t": "..FF", "u": "...."}, branches={3: "other"})
    found = ask(sessions, dict.fromkeys("tu", "assert 0"), branch="feature", folder=tmp_path)
    assert short(found).startswith("2 new (1 cause), 1 of them also on main")


def test_without_git_runs_of_main_after_the_first_one_of_the_branch_do_not_count(
    tmp_path: Path,
) -> None:
    sessions = history({"t": "......FFF"}, branches={6: "feature"})  # 7 and 8 are of main
    found = ask(sessions, {"t": "assert 0"}, branch="feature", folder=tmp_path)
    assert short(found) == "1 new since 0505050, also on main; details: insight failures"


# In a run ----------------------------------------------------------------------------------------


@pytest.fixture
def red(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with a history of 6 good runs; it fails now."""
    monkeypatch.setenv(
        "PYTEST_ADDOPTS", "-p no:cacheprovider -p no:hypothesispytest --tb=no --insight-sut shop"
    )
    pytester.makepyfile(test_it="def test_a(): assert 4.59 == 4.6\n\ndef test_b(): pass")
    now = datetime.now(UTC)
    good = history({"test_it.py::test_a": "." * 6, "test_it.py::test_b": "." * 6})
    moved = [
        replace(s, session_start_time=at, session_stop_time=at)
        for number, s in enumerate(good)
        if (at := now - timedelta(days=6 - number))
    ]
    JSONStorage().save_sessions(moved)
    return pytester


def test_the_line_is_between_the_failures_and_the_closing_line(red: pytest.Pytester) -> None:
    ran = run(red, "--insight")
    assert ran.outlines[-3].startswith("FAILED test_it.py::test_a - assert 4.59 == 4.6")
    assert ran.outlines[-2] == "insight: 1 new since 0505050; details: insight failures"
    assert "1 failed, 1 passed" in ran.outlines[-1]
    assert last_session().test_results[0].outcome == "failed"


def test_the_full_form_is_a_section_of_the_summary(red: pytest.Pytester) -> None:
    red.makeini("[pytest]\ninsight_verdicts = full")
    ran = run(red, "--insight")
    ran.stdout.fnmatch_lines(
        [
            "==* what the history says ==*",
            "NEW     test_it.py::test_a  *  passed 6 of 6",
            "        assert 4.59 == 4.6",
            "1 failed: 1 new; details: insight failures",
        ],
        consecutive=True,
    )
    colored = run(red, "--insight", "--insight-verdicts", "short", "--color=yes")
    assert "insight: \x1b[31m\x1b[1m1 new since 0505050\x1b[0m; details" in colored.stdout.str()


@pytest.mark.parametrize("options", [["-q"], ["--insight-verdicts=off"], ["--no-insight"]])
def test_nothing_is_said_if_pytest_is_quiet_or_the_user_says_so(
    red: pytest.Pytester, options: list[str]
) -> None:
    ran = run(red, "--insight", *options)
    assert "new since" not in ran.stdout.str()
    assert ran.ret == 1


def test_what_the_option_asks_for_is_said_though_pytest_is_quiet(red: pytest.Pytester) -> None:
    ran = run(red, "--insight", "-q", "--insight-verdicts=short")
    assert "insight: 1 new since 0505050; details: insight failures" in ran.outlines


def test_an_unknown_form_is_an_error_of_usage(red: pytest.Pytester) -> None:
    ran = run(red, "--insight", "--insight-verdicts", "long")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*--insight-verdicts must be short, full or off, not 'long'"])


def test_a_run_without_failures_does_not_import_the_analysis(red: pytest.Pytester) -> None:
    red.makepyfile(test_it="def test_a(): pass")
    red.makeconftest(
        """
        import sys
        def pytest_unconfigure():
            print("analysis" if "pytest_insight.analysis.verdicts" in sys.modules else "plain")
        """
    )
    assert "plain" in red.runpytest_subprocess("--insight").outlines[-1]


def test_an_error_in_the_analysis_is_one_line_and_the_run_is_saved(
    red: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_insight.recording.verdicts.report.look_back", None)
    ran = run(red, "--insight")
    assert ran.ret == 1
    assert [line.partition(" as ")[0] for line in insight_lines(ran)] == [
        "insight: saved 2 results",
        "insight: the history could not be asked: TypeError: 'NoneType' object is not callable",
    ]


@pytest.mark.parametrize(("masks", "causes"), [("", "2 causes"), ("job (\\w+)", "1 cause")])
def test_what_a_mask_of_the_project_matches_does_not_make_two_causes(
    red: pytest.Pytester, masks: str, causes: str
) -> None:
    red.makeini(f"[pytest]\ninsight_sut = shop\ninsight_cause_masks = {masks}\n")
    red.makepyfile(
        test_it="""
        def test_a(): raise ValueError("job alpha failed")
        def test_b(): raise ValueError("job beta failed")
        """
    )
    assert f"insight: 2 new since 0505050 ({causes}); details" in run(red, "--insight").stdout.str()
    groups = CliRunner().invoke(app, ["failures"]).stdout.count("ValueError: job")
    assert f"{groups} cause" in causes


def test_a_mask_that_is_wrong_is_an_error_of_usage(red: pytest.Pytester) -> None:
    red.makeini("[pytest]\ninsight_cause_masks = job ([0-9]+) of ([0-9]+)\n")
    ran = run(red, "--insight")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*insight_cause_masks: *has 2 groups; it must have exactly one*"])
