"""Runs that are recorded into databases, and what runs that are not do without."""

from __future__ import annotations

import json

import pytest

from pytest_insight import locations
from pytest_insight.recording.journal import journals
from pytest_insight.storage import JSONStorage, SQLiteStorage, create_profile

TESTS = "def test_a():\n    pass\n\ndef test_b():\n    assert not 'empty'\n"
LOADED = """
import sys

def pytest_unconfigure():
    print("LOADED", *sys.modules)
"""
NOT_FOR_FILES = {
    "msgspec",
    "sqlite3",
    "psycopg",
    "pytest_insight.models",
    "pytest_insight.storage.base",
    "pytest_insight.storage.urls",
    "pytest_insight.watching",
}
"""What costs more to import than a thousand tests cost to record."""


def test_a_run_is_recorded_into_an_sqlite_profile(pytester: pytest.Pytester) -> None:
    profile = create_profile("team", "sqlite")
    pytester.makepyfile(TESTS)
    ran = pytester.runpytest_subprocess("--insight", "--insight-profile=team")
    ran.stdout.fnmatch_lines([f"insight: saved 2 results as * in {profile.path}"])
    with SQLiteStorage(profile.path) as storage:
        (session,) = storage.load_sessions()
    assert {str(result.outcome) for result in session.test_results} == {"passed", "failed"}
    assert not journals(locations.journal_folder())


def test_a_journal_names_its_database_without_the_password(
    pytester: pytest.Pytester,
) -> None:
    url = "postgresql://me:hush-hush@127.0.0.1:1/history"  # nobody listens there
    create_profile("team", "postgresql", url, store_password=True)
    pytester.makepyfile(TESTS)
    ran = pytester.runpytest_subprocess("--insight", "--insight-profile=team")
    ran.stdout.fnmatch_lines(["insight: this run was NOT saved: *waits in *"])
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
    pytester.runpytest_subprocess("--insight")  # makes the store
    ran = pytester.runpytest_subprocess("--insight", "-s")
    (loaded,) = [line for line in ran.outlines if line.startswith("LOADED")]
    assert "pytest_insight.recording.saving" in loaded.split()
    assert NOT_FOR_FILES.isdisjoint(loaded.split())
    assert JSONStorage().count() == 2
