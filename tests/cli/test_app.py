from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import MakeSession


def test_alone_it_shows_where_the_history_is_and_what_to_do_next(
    insight: Insight, make_session: MakeSession
) -> None:
    out = insight().out
    location = "~/.pytest_insight/sessions.json"
    assert f"no sessions yet in profile default ({location}): run pytest --insight" in out
    assert "insight --help" in out
    JSONStorage().save_sessions([make_session(0), make_session(1, crashed=True)])
    out = insight().out
    assert f"2 sessions in profile default ({location})\n" in out
    assert "last run  crashed, 1 failed, 1 passed  " in out
    assert "insight failures" in out


def test_the_facts_of_the_last_run_are_whole_on_a_narrow_terminal(
    screen: Screen, make_session: MakeSession
) -> None:
    JSONStorage().save_session(make_session(0, session_tags={"ci": "nightly", "os": "linux"}))
    lines = screen(40)
    begin = next(n for n, line in enumerate(lines) if line.startswith("last run"))
    facts = [line[10:] for line in lines[begin : begin + 3]]
    assert all(len(line) <= 30 for line in facts)
    assert {"ci=nightly", "os=linux"} <= set("  ".join(facts).split("  "))


def test_sessions_of_the_future_are_not_taken_for_no_sessions(
    insight: Insight, make_session: MakeSession
) -> None:
    start = datetime.now(UTC) + timedelta(days=2)
    JSONStorage().save_session(make_session(0, session_start_time=start))
    assert "no session with results, not dated in the future, yet in" in insight().out
    words = ("query", "tests", "--outcome", "error")
    assert "no test with the outcome error in" in insight(*words).err
    insight(*words, "--exit-code")
    insight("query", "tests", "--outcome", "failed", "--exit-code", status=3)


def test_the_version_is_that_of_the_distribution(insight: Insight) -> None:
    assert insight("--version").out == f"pytest-insight {version('pytest-insight')}\n"
    assert insight("version").out == insight("--version").out


@pytest.mark.parametrize(
    ("mistyped", "meant", "status"),
    [
        ("sesions", "did you mean 'sessions'?", 2),
        ("sessions lst", "did you mean 'list'?", 2),
        ("sessions list --formt json", "unknown option '--formt'; did you mean --format?", 2),
        ("sessions list --format jsn", "did you mean 'json'?", 2),
        ("query tests --sort durations", "did you mean 'duration'?", 2),
        ("query tests --outcome faild", "did you mean 'failed'?", 2),
        ("sessions show ap-1", "did you mean api-1?", 1),
        ("sessions list --profile defualt", "did you mean 'default'?", 1),
        ("--profile defualt sessions list", "did you mean 'default'?", 1),
        ("export --format csvs", "did you mean 'csv'?", 2),
        ("import --merge keepboth", "did you mean 'keep_both'?", 2),
        ("profile create x --type jsno", "did you mean 'json'?", 2),
    ],
)
def test_what_is_mistyped_is_met_with_what_is_meant(
    insight: Insight, make_session: MakeSession, mistyped: str, meant: str, status: int
) -> None:
    JSONStorage().save_session(make_session(1))
    printed = insight(*mistyped.split(), status=status)
    assert meant in printed.err
    assert printed.out == ""


def test_python_dash_m_is_the_same_command() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "pytest_insight", "--version"], capture_output=True, check=True
    )
    assert process.stdout.startswith(b"pytest-insight ")


def test_an_unexpected_error_shows_its_traceback() -> None:
    script = (
        "from unittest import mock\n"
        "from pytest_insight.cli import main\n"
        "from pytest_insight.storage.json.storage import JSONStorage\n"
        "with mock.patch.object(JSONStorage, 'iter_sessions', side_effect=ZeroDivisionError):\n"
        "    main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, "sessions", "list"], capture_output=True, check=False
    )
    assert process.returncode == 1
    assert b"Traceback" in process.stderr
    assert b"ZeroDivisionError" in process.stderr
