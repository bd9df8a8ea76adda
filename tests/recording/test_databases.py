"""Runs recorded into databases; runs recorded into a file do not import the drivers."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.journal.recovery import recover_journals
from pytest_insight.recording.journal.writer import journals
from pytest_insight.storage import JSONStorage, ProfileManager, SQLiteStorage, create_profile
from tests.recording.runs import run
from tests.recording.test_journal import died, gives, recover

TESTS = "def test_a():\n    pass\n\ndef test_b():\n    assert not 'empty'\n"
LOADED = """
import sys

before = {*sys.modules}
import filelock  # some releases import sqlite3
of_filelock = sys.modules.keys() - before

def pytest_unconfigure():
    print("LOADED", *(sys.modules.keys() - of_filelock))
"""
NOT_FOR_FILES = {
    "msgspec",
    "sqlite3",
    "psycopg",
    "pytest_insight.models",
    "pytest_insight.exchange",
    "pytest_insight.profiles.manager",
    "pytest_insight.storage.base",
    "pytest_insight.storage.registry",
    "pytest_insight.storage.sql",
    "pytest_insight.profiles.urls",
    "pytest_insight._util.progress",
}
"""Modules that a run recorded into a file must not import: each costs as much as many tests."""


def test_a_run_is_recorded_into_an_sqlite_profile(pytester: pytest.Pytester) -> None:
    profile = create_profile("team", "sqlite")
    pytester.makepyfile(TESTS)
    ran = run(pytester, "--insight", "--insight-profile=team")
    ran.stdout.fnmatch_lines(
        [f"insight: saved 2 results as * in {locations.display_path(str(profile.path))}"]
    )
    with SQLiteStorage(profile.path) as storage:
        (session,) = storage.load_sessions()
    assert {str(result.outcome) for result in session.test_results} == {"passed", "failed"}
    assert not journals(locations.journal_folder())


def test_a_database_whose_type_was_forgotten_is_still_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "history.db"
    pytester.makepyfile(TESTS)
    monkeypatch.setenv(locations.DB_PATH_VARIABLE, str(path))
    with monkeypatch.context() as said:
        said.setenv(locations.STORAGE_TYPE_VARIABLE, "sqlite")
        run(pytester, "--insight")
    ran = run(pytester, "--insight")
    shown = locations.display_path(path)
    ran.stdout.fnmatch_lines([f"insight: saved 2 results as * in {shown}"])
    with SQLiteStorage(path) as storage:
        assert [len(session.test_results) for session in storage.load_sessions()] == [2, 2]


def test_a_database_named_as_a_json_store_is_left_alone_and_the_session_waits(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "history.db"
    profile = create_profile("team", "sqlite", path)
    pytester.makepyfile(TESTS)
    recorded = ("--insight", "--insight-profile=team")
    for _ in range(3):
        run(pytester, *recorded)
    manager = ProfileManager()
    manager.update_profile("team", storage_type="json")
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    ran = run(pytester, *recorded)
    ran.stdout.fnmatch_lines(
        [f"insight: this run was NOT saved: {path} is an SQLite database, *recovers it from *"]
    )
    assert ran.parseoutcomes() == {"passed": 1, "failed": 1}
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    assert len(journals(locations.journal_folder())) == 1
    manager.update_profile("team", storage_type=profile.storage_type)
    ran = run(pytester, *recorded)
    ran.stdout.fnmatch_lines(["insight: saved 2 results*", "insight: recovered *"])
    with SQLiteStorage(path) as storage:
        assert [len(session.test_results) for session in storage.load_sessions()] == [2] * 5


def test_a_journal_names_its_database_without_the_password(
    pytester: pytest.Pytester,
) -> None:
    url = "postgresql://me:hush-hush@127.0.0.1:1/history"  # no server listens there
    create_profile("team", "postgresql", url, store_password=True)
    pytester.makepyfile(TESTS)
    ran = run(pytester, "--insight", "--insight-profile=team")
    ran.stdout.fnmatch_lines(["insight: this run was NOT saved: *recovers it from *"])
    (journal,) = journals(locations.journal_folder())
    head = json.loads(journal.read_bytes().partition(b"\n")[0])
    assert head["target"] == {
        "storage_type": "postgresql",
        "profile": "team",
        "file_path": "postgresql://me@127.0.0.1:1/history",
    }
    assert "hush" not in journal.read_text("utf-8") + ran.stdout.str() + ran.stderr.str()


def test_a_run_recorded_into_a_file_does_without_what_others_need(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeconftest(LOADED)
    pytester.runpytest_subprocess("--insight", "--insight-verdicts=off")  # makes the store
    ran = pytester.runpytest_subprocess("--insight", "--insight-verdicts=off", "-s")
    (loaded,) = [line for line in ran.outlines if line.startswith("LOADED")]
    assert "pytest_insight.recording.destination" in loaded.split()
    assert NOT_FOR_FILES.isdisjoint(loaded.split())
    assert JSONStorage().count() == 2


def test_a_silent_database_is_asked_once_for_all_its_journals_and_not_by_the_next_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        port = silent.getsockname()[1]
        url = f"postgresql://me@127.0.0.1:{port}/tests?connect_timeout=2"  # libpq's minimum
        for number in range(3):
            died(
                gives("a"),
                session_id=f"a-{number}",
                profile=StorageProfile("", "postgresql", url),
            )
        used = StorageProfile("", "postgresql", url)
        (failure,) = recover_journals(locations.journal_folder(), used=used)
        assert f"127.0.0.1:{port}" in failure.message
        assert failure.message.endswith("; 2 more sessions wait for it")
        assert recover() == []
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
