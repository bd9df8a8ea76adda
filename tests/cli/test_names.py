"""Paths that are not UTF-8, very long names, and times at the ends of the calendar."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_insight.errors import InvalidProfileError
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, ProfileManager, create_profile
from tests.cli.conftest import Insight
from tests.conftest import MakeSession

READING = """
|sessions list|sessions list --format json|sessions list --format csv|sessions show
sessions show --format json|query tests|query tests --group|query sessions|sessions verify
profile list|profile list --format json|profile list --format csv|profile show
profile show --format json|profile path|export|export copy.json
"""


@pytest.fixture
def latin_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder whose name is Latin-1."""
    home = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        home.mkdir()
    except OSError:
        pytest.skip("this file system has no such names")  # macOS and Windows refuse them
    monkeypatch.setenv("HOME", str(home))
    return home


def test_every_command_works_in_a_home_that_is_not_utf_8(
    insight: Insight, latin_home: Path, make_session: MakeSession
) -> None:
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    for words in READING.replace("\n", "|").split("|"):
        insight(*words.split())
    listed = json.loads(insight("profile", "list", "--format", "json").out)
    assert Path(listed[0]["file_path"]) == storage.file_path
    assert r"caf\udce9" in insight("profile", "create", "demo", status=2).err


def test_what_is_deleted_in_a_home_that_is_not_utf_8_can_be_restored(
    insight: Insight, latin_home: Path, make_session: MakeSession
) -> None:
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    before = storage.load_sessions()
    for words in ("sessions clear --yes", "sessions prune --keep 1 --yes"):
        insight(*words.split())
        assert storage.load_sessions() != before
        insight("sessions", "undo", "--yes")
        assert storage.load_sessions() == before


def test_a_repair_in_a_home_that_is_not_utf_8_can_be_undone(
    insight: Insight, latin_home: Path, make_session: MakeSession
) -> None:
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    damaged = storage.file_path.read_bytes().replace(b'"api-1"', b'"api-1', 1)
    storage.file_path.write_bytes(damaged)
    insight("sessions", "repair")
    assert storage.file_path.read_bytes() != damaged
    insight("sessions", "undo", "--yes")
    assert storage.file_path.read_bytes() == damaged


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_profile_with_the_longest_name_can_be_used(
    insight: Insight, make_session: MakeSession, kind: str
) -> None:
    create_profile("a" * 100, kind)
    profile = ("--profile", "a" * 100)
    JSONStorage().save_session(make_session())
    insight("export", "all.json")
    for words in ("import all.json", "sessions clear --yes", "sessions undo --yes"):
        insight(*profile, *words.split())
    insight("profile", "rename", "a" * 100, "b" * 100)


def test_names_that_are_too_long_for_a_file_are_refused(insight: Insight, tmp_path: Path) -> None:
    with pytest.raises(InvalidProfileError, match="may have 100 characters, not 300"):
        create_profile("a" * 300)
    with pytest.raises(InvalidProfileError, match="file name may have 200 bytes"):
        create_profile("x", "json", tmp_path / f"{'ä' * 100}.json")
    create_profile("short")
    for words in ("rename short", "copy short"):
        said = insight("profile", *words.split(), "a" * 300, status=2).err
        assert "may have 100 characters, not 300" in said
    insight("profile", "create", "x", "--path", "a/" * 3000)
    assert "File name too long" in insight("--profile", "x", "sessions", "list", status=1).err


def test_a_long_name_that_an_earlier_version_accepted_still_works(insight: Insight) -> None:
    create_profile("short")
    profiles = Path.home() / ".pytest_insight" / "profiles.json"
    profiles.write_text(profiles.read_text().replace('"short"', f'"{"a" * 150}"'))
    assert ProfileManager().get_profile("a" * 150).name == "a" * 150
    insight("--profile", "a" * 150, "sessions", "list")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_sessions_of_the_first_and_the_last_year_are_shown(
    insight: Insight, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    for name, moment in (
        ("first", datetime(1, 1, 1, tzinfo=UTC)),
        ("last", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ):
        result = TestResult(f"t.py::{name}", TestOutcome.FAILED, moment, 1.5e308)
        JSONStorage().save_session(
            make_session(
                0, session_id=name, session_start_time=moment, session_duration=0.0
            ).with_results([result, result])
        )
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for words in READING.replace("\n", "|").split("|"):
            insight(*words.split())
        shown = insight("sessions", "list").out
    finally:
        monkeypatch.undo()
        time.tzset()
    assert " 0001-01-0" in shown
    assert " 9999-12-31" in shown
