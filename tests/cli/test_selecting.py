"""The options that select sessions are the same on every command, and mean the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession

SELECTING = ["sessions list", "export", "query sessions", "query tests", "sessions clear"]


@pytest.fixture
def history(make_session: MakeSession) -> JSONStorage:
    """`quick`, `slow`, `again`: 100 days, 10 days and 1 day old; each fits other options."""
    now = datetime.now(UTC)

    def result(name: str, outcome: str, seconds: float, **more: Any) -> TestResult:
        return TestResult(f"t.py::{name}", TestOutcome(outcome), START, seconds, **more)

    def session(name: str, days: float, *results: TestResult, **more: Any) -> TestSession:
        start = now - timedelta(days=days)
        more = {"session_start_time": start, "test_results": results, **more}
        return make_session(0, session_id=name, **more)

    storage = JSONStorage()
    storage.save_sessions(
        [
            session(
                "quick",
                100,
                result("test_a", "passed", 0.1, has_warning=True),
                result("test_d", "skipped", 0.1, phase="setup"),
            ),
            session(
                "slow",
                10,
                result("test_a", "failed", 5.0, longreprtext="KeyError: 'x'"),
                result("test_b[1]", "passed", 0.1, capstdout="out of coffee"),
                sut_name="shop",
                code_state=CodeState("abcd1234" * 5, "main"),
            ),
            session(
                "again",
                1,
                result("test_c", "rerun", 0.1),
                result("test_c", "passed", 0.1),
                session_tags={"ci": "nightly"},
            ),
        ]
    )
    return storage


def selected(insight: Insight, command: str, *options: str) -> set[str]:
    """The IDs of the sessions that a command selects."""
    if command == "sessions clear":
        insight(*command.split(), *options, "--yes")
        left = {session.session_id for session in JSONStorage().load_sessions()}
        return {"quick", "slow", "again"} - left
    if command == "export":
        sessions = json.loads(insight("export", *options).out)["sessions"]
    else:
        sessions = json.loads(insight(*command.split(), *options, "--format", "json").out)
    return {session["session_id"] for session in sessions}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--days 30", {"slow", "again"}),
        ("--since 30d", {"slow", "again"}),
        ("--since 30d --until 48h", {"slow"}),
        ("--since 5.weeks.ago --until yesterday", {"slow", "again"}),
        ("--until 30d", {"quick"}),
        ("--since 1999-12-31", {"quick", "slow", "again"}),
        ("--until 1999-12-31T23:59+01:00", set()),
        ("--sut sh*", {"slow"}),
        ("--tag ci", {"again"}),
        ("--tag ci=pr", set()),
        ("--branch main", {"slow"}),
        ("--commit abcd1", {"slow"}),
        ("--reruns", {"again"}),
        ("--run last", {"again"}),
        ("--run slow", {"slow"}),
        ("--session last", {"again"}),
        ("--session last~1", {"slow"}),
        ("--session qui --session s*", {"quick", "slow"}),
        ("--until 2d --session last", {"slow"}),
        ("--outcome failed", {"slow"}),
        ("--outcome failed --outcome rerun", {"slow", "again"}),
        ("--failed", {"slow"}),
        ("--failed --outcome rerun", {"slow", "again"}),
        ("--phase call", {"quick", "slow", "again"}),
        ("--phase setup", {"quick"}),
        ("-k TEST_A", {"quick", "slow"}),
        ("-k test_b[1]", {"slow"}),
        ("--nodeid test_a", {"quick", "slow"}),
        (r"--nodeid test_b\[\d --regex", {"slow"}),
        ("--error KeyError", {"slow"}),
        ("--captured coffee", {"slow"}),
        ("--min-duration 1", {"slow"}),
        ("--max-duration 1", {"quick", "slow", "again"}),
        ("--warnings", {"quick"}),
        ("--outcome failed --max-duration 1", set()),  # no one test fits both
    ],
)
def test_an_option_selects_the_same_sessions_on_every_command(
    insight: Insight, history: JSONStorage, options: str, expected: set[str]
) -> None:
    found = {command: selected(insight, command, *options.split()) for command in SELECTING}
    assert found == dict.fromkeys(SELECTING, expected)


@pytest.fixture
def shards(make_session: MakeSession) -> JSONStorage:
    """Two CI runs on main and one on a branch, in two shards each; two runs on a laptop."""
    storage = JSONStorage()
    now = datetime.now(UTC)

    def save(name: str, hours: float, branch: str, run_id: str = "", commit: str = "a1") -> None:
        storage.save_session(
            make_session(
                0,
                session_id=name,
                session_start_time=now - timedelta(hours=hours),
                code_state=CodeState(commit * 20, branch),
                testing_system={"ci": {"run_id": run_id}} if run_id else {},
            )
        )

    save("main-1", 30, "main", "11")
    save("main-2", 29, "main", "11")
    save("main-3", 20, "main", "22")
    save("main-4", 18, "main", "22")
    save("fix-1", 10, "fix", "33")
    save("fix-2", 9, "fix", "33")
    save("mine-1", 5, "fix")
    save("mine-2", 4.5, "fix")
    save("mine-3", 3, "fix")
    return storage


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--run last", "mine-3"),
        ("--run last~1", "mine-1 mine-2"),
        ("--run last~2", "fix-1 fix-2"),
        ("--run last~4", "main-1 main-2"),
        ("--branch main --run last", "main-3 main-4"),
        ("--until 19h --run last", "main-3"),  # only those that the other options select
        ("--run 11", "main-1 main-2"),
        ("--run fix-2", "fix-1 fix-2"),
        ("--run mine-1", "mine-1 mine-2"),
        ("--run main-4 --session last", "main-4"),
        ("--run 11 --session last~1", "main-1"),
    ],
)
def test_a_run_is_all_its_sessions(
    insight: Insight, shards: JSONStorage, options: str, expected: str
) -> None:
    printed = insight("sessions", "list", *options.split(), "--format", "json")
    assert sorted(each["session_id"] for each in json.loads(printed.out)) == expected.split()


def test_a_session_dated_in_the_future_is_never_the_last_run(
    insight: Insight, shards: JSONStorage, make_session: MakeSession
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=900)
    shards.save_session(make_session(session_id="ahead", session_start_time=ahead))
    for options, expected in (
        ("--run last", "mine-3"),
        ("--run last~1", "mine-1 mine-2"),
        ("--branch main --run last", "main-3 main-4"),
        ("--run ahead", "ahead"),
    ):
        printed = insight("sessions", "list", *options.split(), "--format", "json")
        found = sorted(each["session_id"] for each in json.loads(printed.out))
        assert found == expected.split()
    # A run of nothing is the newest session: the run before it is looked for in all of them.
    now = datetime.now(UTC)
    shards.save_session(make_session(session_id="none", session_start_time=now, test_results=()))
    printed = insight("sessions", "list", "--run", "last", "--format", "json")
    assert [each["session_id"] for each in json.loads(printed.out)] == ["mine-3"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--run 44", "no CI run or session '44' in "),
        ("--run fx-1", "did you mean fix-1"),
        ("--run main", "'main' is ambiguous (4 sessions in "),
        ("--run last~5", "there is no last~5 in "),
        ("--run last~5", ": only 5 runs match"),
        ("--branch nope --run last", "no branch 'nope' in "),
    ],
)
def test_a_run_that_does_not_exist_is_an_error(
    insight: Insight, shards: JSONStorage, options: str, sentence: str
) -> None:
    printed = insight("sessions", "list", *options.split(), status=1)
    assert sentence in printed.err
    assert printed.out == ""


def test_options_about_tests_never_cut_a_session_that_is_listed_or_exported(
    insight: Insight, history: JSONStorage
) -> None:
    listed = json.loads(insight("sessions", "list", "--outcome", "failed", "-f", "json").out)
    assert listed[0]["outcomes"] == {"failed": 1, "passed": 1}
    (exported,) = json.loads(insight("export", "--outcome", "failed").out)["sessions"]
    assert len(exported["test_results"]) == 2
    (found,) = json.loads(insight("query", "sessions", "--outcome", "failed", "-f", "json").out)
    assert found["outcomes"] == {"failed": 1}


def test_a_date_is_of_the_local_time_zone_and_until_goes_to_its_end(
    insight_process: Insight, make_session: MakeSession
) -> None:
    # Midnight in New York is five hours later than in London.
    for hour in (4, 5, 28, 29):
        start = datetime(2026, 11, 2, tzinfo=UTC) + timedelta(hours=hour)
        JSONStorage().save_session(make_session(0, session_id=f"h{hour}", session_start_time=start))
    options = ["--since", "2026-11-02", "--until", "2026-11-02", "--format", "json"]
    printed = insight_process("sessions", "list", *options, env={"TZ": "America/New_York"})
    assert [each["session_id"] for each in json.loads(printed.out)] == ["h28", "h5"]


@pytest.mark.parametrize(
    ("options", "sentence", "status"),
    [
        (
            "--since soon",
            "--since must be an age like 90d or '3 hours ago'",
            2,
        ),
        ("--until 2026-13-01", "--until must be", 2),
        ("--since 1d --until 2d", "--since '1d' is after --until '2d'", 2),
        ("--days -1", "--days must be 0 or more, not -1", 2),
        ("--session last~9", "no last~9 in", 1),
        ("--sut nope --session last", "no SUT 'nope' in", 1),
        ("--session slwo", "did you mean slow?", 1),
        ("--nodeid ( --regex", "is not a regular expression", 2),
        ("--regex", "--regex needs --nodeid", 2),
        ("--commit xyz", "git knows no commit 'xyz' in this folder", 2),
        ("--min-duration 2 --max-duration 1", "is more than the longest", 2),
    ],
)
def test_an_option_that_makes_no_sense_says_so_and_nothing_happens(
    insight: Insight,
    history: JSONStorage,
    options: str,
    sentence: str,
    status: int,
) -> None:
    for command in SELECTING:
        printed = insight(*command.split(), *options.split(), status=status)
        assert sentence in printed.err
        assert printed.out == ""
        assert history.count() == 3


def test_a_profile_without_any_days_exports_none(insight: Insight, history: JSONStorage) -> None:
    insight("profile", "create", "none", "--path", history.location, "--export-days", "0")
    assert "exported 0 sessions" in insight("--profile", "none", "export").err


def test_the_days_of_a_profile_do_not_apply_where_times_are_given(
    insight: Insight, history: JSONStorage
) -> None:
    insight("profile", "create", "short", "--path", history.location, "--export-days", "2")
    exported = json.loads(insight("export", "--profile", "short").out)
    assert [each["session_id"] for each in exported["sessions"]] == ["again"]
    exported = json.loads(insight("export", "--profile", "short", "--since", "30d").out)
    assert [each["session_id"] for each in exported["sessions"]] == ["slow", "again"]


def test_an_id_that_looks_like_wildcards_means_itself(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_sessions(make_session(0, session_id=name) for name in ("a*", "ab", "a[b]"))
    assert selected(insight, "sessions list", "--session", "a*") == {"a*"}
    assert selected(insight, "sessions list", "--session", "a[b]") == {"a[b]"}
    assert selected(insight, "sessions list", "--session", "a?") == {"a*", "ab"}
    insight("sessions", "pin", "a[b]")
    assert [s.session_id for s in JSONStorage().load_sessions() if s.pinned] == ["a[b]"]


def test_questions_are_about_the_project_in_this_folder_and_upkeep_about_the_whole_store(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_sessions(
        [make_session(0), make_session(1, session_id="web-1", sut_name="web")]
    )
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")

    def listed(*words: str) -> set[str]:
        return {each["session_id"] for each in json.loads(insight(*words, "-f", "json").out)}

    for command in (("sessions", "list"), ("query", "sessions"), ("query", "tests")):
        assert listed(*command) == {"api-0"}
        assert listed(*command, "--session", "last") == {"api-0"}
        assert listed(*command, "-A") == {"api-0", "web-1"}
        assert listed(*command, "--sut", "web") == {"web-1"}
        assert listed(*command, "--session", "web-1") == {"web-1"}
        insight(*command, "-A", "--sut", "web", status=2)
    assert json.loads(insight("sessions", "show", "-f", "json").out)["session_id"] == "api-0"
    assert "web-1" in insight("sessions", "show", "-A").out
    assert "web-1" in insight("sessions", "show", "web-1").out
    said = insight("query", "tests", "-k", "nothing").err
    assert "no test with a name that matches -k 'nothing' in" in said
    assert "; looked at api, the project in this folder (-A for all)" in said
    assert {each["sut_name"] for each in json.loads(insight("export").out)["sessions"]} == {
        *("api", "web")
    }
    assert "delete 2 sessions" in insight("sessions", "clear", "--dry-run").err
