from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pytest_insight.locations import display_path
from pytest_insight.models import CodeState, TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, create_profile, get_storage_instance
from tests.cli.conftest import INSIGHT, Insight
from tests.conftest import START, MakeSession


def test_an_empty_store_prints_nothing_on_stdout_and_says_what_to_do(insight: Insight) -> None:
    printed = insight("sessions", "list")
    assert printed.out == ""
    assert "no sessions yet" in printed.err
    assert "pytest --insight" in printed.err


def test_an_empty_store_is_an_empty_json_list(insight: Insight) -> None:
    assert json.loads(insight("sessions", "list", "--format", "json").out) == []


def test_listing_creates_no_file(insight: Insight) -> None:
    insight("sessions", "list")
    assert not JSONStorage().file_path.parent.exists()


def test_the_newest_session_is_listed_first(insight: Insight, store: JSONStorage) -> None:
    lines = insight("sessions", "list").out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["api-2", "api-1", "api-0"]
    assert "1 failed, 1 passed" in lines[0]


def test_the_json_listing_has_the_fields_of_the_model(insight: Insight, store: JSONStorage) -> None:
    newest, *_ = json.loads(insight("sessions", "list", "-f", "json").out)
    assert newest["session_id"] == "api-2"
    assert newest["session_start_time"] == "2026-11-01T14:00:00Z"
    assert newest["outcomes"] == {"failed": 1, "passed": 1}
    assert "test_results" not in newest


def test_a_limit_keeps_the_newest_and_zero_means_all(insight: Insight, store: JSONStorage) -> None:
    assert len(json.loads(insight("sessions", "list", "-f", "json", "-n", "2").out)) == 2
    assert len(json.loads(insight("sessions", "list", "-f", "json", "-n", "0").out)) == 3


def test_options_select_sessions(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_sessions(
        [
            make_session(0, session_tags={"ci": "nightly"}),
            make_session(1, sut_name="web", code_state=CodeState("abcdef12", "main")),
            make_session(2, code_state=CodeState("12345678", "feature/x")),
        ]
    )

    def ids(*options: str) -> set[str]:
        listed = json.loads(insight("sessions", "list", "-f", "json", *options).out)
        return {session["session_id"] for session in listed}

    assert ids("--sut", "web") == {"api-1"}
    assert ids("--sut", "a*") == {"api-0", "api-2"}
    assert ids("--tag", "ci=nightly") == {"api-0"}
    assert ids("--tag", "ci") == {"api-0"}
    assert ids("--branch", "feature/*") == {"api-2"}
    assert ids("--commit", "abcd") == {"api-1"}
    assert ids("--session", "api-0", "--session", "last") == {"api-0", "api-2"}
    assert ids("--session", "*-1") == {"api-1"}
    assert ids("--days", "0") == set()


def test_exit_code_is_3_where_something_matched(insight: Insight, store: JSONStorage) -> None:
    insight("sessions", "list", "--exit-code", status=3)
    insight("sessions", "list", "--exit-code", "--sut", "other", status=0)


def test_show_without_a_name_shows_the_last_session(insight: Insight, store: JSONStorage) -> None:
    out = insight("sessions", "show").out
    assert "api-2" in out
    assert "tests/test_a.py::test_y" in out
    assert "assert 1 == 2" in out
    assert "test_x" not in out  # it passed


def test_a_run_without_results_is_listed_but_is_not_the_last_one(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_session(make_session(9, test_results=()))
    assert "no session with results, not dated in the future, yet in" in insight().out
    words = ("query", "tests", "--session", "last", "--outcome", "failed", "--exit-code")
    assert "no session with results" in insight(*words, status=1).err
    assert "no session" in insight("sessions", "show", status=1).err
    JSONStorage().save_sessions(make_session(number) for number in range(2))
    insight(*words, status=3)
    assert " api-1" in insight("sessions", "show").out.splitlines()[1]
    assert "2 runs in 1 day" in insight().out
    shown = insight("sessions", "show", "last~1", "--format", "json").out
    assert json.loads(shown)["session_id"] == "api-0"
    assert "api-9" in insight("sessions", "list").out
    assert "only 2 sessions match" in insight("sessions", "show", "last~2", status=1).err


def test_show_takes_the_beginning_of_an_id(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_sessions([make_session(0, session_id="abc-1"), make_session(1)])
    shown = json.loads(insight("sessions", "show", "abc", "--format", "json").out)
    assert shown["session_id"] == "abc-1"
    assert len(shown["test_results"]) == 2


def test_an_ambiguous_or_unknown_session_is_an_error(insight: Insight, store: JSONStorage) -> None:
    assert "ambiguous (3 sessions" in insight("sessions", "show", "api", status=1).err
    assert "did you mean" in insight("sessions", "show", "apo-1", status=1).err
    assert "insight sessions list" in insight("sessions", "show", "zzzzzz", status=1).err


def test_clear_refuses_where_nobody_can_answer(insight: Insight, store: JSONStorage) -> None:
    printed = insight("sessions", "clear", status=2)
    assert "--yes" in printed.err
    assert store.count() == 3


def test_clear_deletes_what_is_selected(insight: Insight, store: JSONStorage) -> None:
    insight("sessions", "clear", "--session", "api-1", "--dry-run")
    assert store.count() == 3
    insight("sessions", "clear", "--session", "api-1", "--yes")
    assert store.session_ids() == ["api-0", "api-2"]
    assert "deleted 2 sessions" in insight("sessions", "clear", "--yes").err
    assert store.session_ids() == []


def test_the_first_line_of_source_code_is_indented_as_the_others(
    insight: Insight, make_session: MakeSession
) -> None:
    Path("test_a.py").write_text("import pytest\n\n\ndef test_a():\n    x = 1\n    assert x == 2\n")
    run = [sys.executable, "-m", "pytest", "-q", "--insight"]
    subprocess.run(run, env=dict(os.environ), check=False, capture_output=True)
    shown = insight("sessions", "show").out
    assert "        def test_a():\n            x = 1\n    >       assert x == 2\n" in shown
    result = TestResult("a", "failed", START, longreprtext="a.py:1: in f\n    defer()\nE   x")
    JSONStorage().save_session(make_session(10_000, test_results=(result,)))
    assert "\n    a.py:1: in f\n        defer()\n" in insight("sessions", "show", "api-10000").out


def test_clear_names_the_pinned_sessions_that_it_deletes(
    insight: Insight, store: JSONStorage
) -> None:
    insight("sessions", "pin", "api-1")
    what = f"3 sessions in {display_path(store.location)}, 1 of them pinned (api-1)"
    assert f"would delete {what}" in insight("sessions", "clear", "--dry-run").err
    assert f"Delete {what}?" in insight("sessions", "clear", status=2).err
    assert (
        "of them pinned" not in insight("sessions", "clear", "--session", "api-0", "--dry-run").err
    )
    assert f"deleted {what}" in insight("sessions", "clear", "--yes").err
    assert store.count() == 0


def test_clear_asks_a_person_and_takes_no_for_an_answer(store: JSONStorage) -> None:
    answers = {b"n\n": 3, b"y\n": 0}
    for answer, left in answers.items():
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [str(INSIGHT), "sessions", "clear"],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.write(main, answer)
        _, err = process.communicate(timeout=60)
        os.close(main)
        os.close(terminal)
        assert process.returncode == 0, err
        assert b"Delete 3 sessions" in err
        assert store.count() == left


def test_what_a_test_printed_cannot_act_on_the_terminal(
    insight: Insight, make_session: MakeSession
) -> None:
    nasty = "t.py::test[\x1b[31m[red]\u202eevil[/red]\x07]"
    result = TestResult(
        nasty, TestOutcome.FAILED, START, 0.1, longreprtext="\x1b]0;title\x07 [b]x[/b]"
    )
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    for command in (["sessions", "show"], ["query", "tests"]):
        out = insight(*command).out
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "\u202e" not in out
        assert "[red]" in out
    assert "[b]x[/b]" in insight("sessions", "show").out


def test_a_nodeid_is_never_cropped_where_no_terminal_reads_it(
    insight: Insight, make_session: MakeSession
) -> None:
    nodeid = "tests/" + "very_long_name_" * 30 + "::test_it"
    result = TestResult(nodeid, TestOutcome.PASSED, START)
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    assert nodeid in insight("query", "tests").out


def test_no_colour_goes_to_a_pipe(insight: Insight, store: JSONStorage) -> None:
    assert "\x1b" not in insight("sessions", "list").out


def test_damage_is_said_on_stderr_and_the_rest_is_listed(
    insight: Insight, store: JSONStorage
) -> None:
    data = store.file_path.read_bytes()
    store.file_path.write_bytes(data.replace(b'"session_id":"api-1",', b'"session_id":"api-1"#'))
    printed = insight("sessions", "list", "--format", "json")
    assert [s["session_id"] for s in json.loads(printed.out)] == ["api-2", "api-0"]
    assert "warning" in printed.err
    assert "api-1" in printed.err
    assert ".bak" in printed.err


def test_many_damaged_sessions_of_a_database_are_one_warning_and_their_number(
    insight: Insight, make_session: MakeSession
) -> None:
    create_profile("many", "sqlite", Path("many.db").absolute())
    storage = get_storage_instance(profile_name="many")
    storage.save_sessions(make_session(number) for number in range(9))
    with closing(sqlite3.connect("many.db")) as database:
        database.execute(
            "UPDATE insight_results SET duration = 'x' WHERE session IN"
            " (SELECT id FROM insight_sessions WHERE session_id <> 'api-0')"
        )
        database.commit()
    shown = insight("--profile", "many", "query", "tests", "--limit", "0", "-f", "json")
    assert {row["session_id"] for row in json.loads(shown.out)} == {"api-0"}
    first, others = shown.err.splitlines()
    assert first.startswith("insight: warning: part of the store ")
    assert " cannot be read: session 'api-" in first
    assert "; and 7 more sessions. The other sessions can; insight sessions verify" in others
    refused = insight("--profile", "many", "failures", "api-5", status=1)  # the error is last
    assert "insight: error: " in refused.err.splitlines()[-1]
    assert "api-5" in refused.err.splitlines()[-1]
