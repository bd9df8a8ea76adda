from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.locations import display_path
from pytest_insight.storage import JSONStorage, SQLiteStorage
from tests.cli.conftest import Insight
from tests.conftest import MakeSession


def test_pruning_says_what_it_would_delete_and_then_does(
    insight: Insight, store: JSONStorage
) -> None:
    said = insight("sessions", "prune", "--keep", "1", "--dry-run").err
    assert "would delete 2 sessions" in said
    assert "api-0 to api-1" in said
    assert store.count() == 3
    assert "deleted 2 sessions" in insight("sessions", "prune", "--keep", "1", "--yes").err
    assert store.session_ids() == ["api-2"]
    assert "nothing to prune" in insight("sessions", "prune", "--keep", "1").err


def test_pruning_by_age(insight: Insight, store: JSONStorage) -> None:
    assert "nothing to prune" in insight("sessions", "prune", "--older-than", "9000d").err
    insight("sessions", "prune", "--older-than", "0s", "--yes")
    assert store.session_ids() == []


def test_pinned_sessions_stay(insight: Insight, store: JSONStorage) -> None:
    assert "pinned 1 session" in insight("sessions", "pin", "api-0").err
    assert "pinned 1 session in" in insight("sessions", "pin", "last", "api-0").err
    assert "unpinned 1 session" in insight("sessions", "unpin", "last").err
    assert "pinned" in insight("sessions", "list").out
    insight("sessions", "prune", "--keep", "0", "--yes")
    assert store.session_ids() == ["api-0"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("prune", 2, "give --older-than or --keep"),
        ("prune --keep -1", 2, "--keep"),
        ("prune --keep x", 2, "--keep"),
        ("prune --older-than 90", 2, "90d"),
        ("prune --older-than=-90d", 2, "90d"),
        ("prune --keep 1", 2, "--yes"),
        ("pin nothing", 1, "no session 'nothing'"),
        ("pin nothing-*", 1, "matches nothing-*"),
        ("pin", 2, "needs ID: IDs, their beginnings or ends"),
    ],
)
def test_bad_input_changes_nothing(
    insight: Insight, store: JSONStorage, arguments: str, status: int, said: str
) -> None:
    before = store.file_path.read_bytes()
    assert said in insight("sessions", *arguments.split(), status=status).err
    assert store.file_path.read_bytes() == before


def test_a_sound_store_is_said_to_be_so(insight: Insight, store: JSONStorage) -> None:
    said = insight("sessions", "verify").err
    assert "3 sessions with 6 results can be read" in said
    assert "no damage" in said
    assert "nothing to repair" in insight("sessions", "repair").err


def test_damage_is_status_1_and_can_be_repaired(insight: Insight, store: JSONStorage) -> None:
    damaged = store.file_path.read_bytes().replace(
        b'"session_id":"api-1"', b'"session_id":"api-1', 1
    )
    store.file_path.write_bytes(damaged)
    said = insight("sessions", "verify", status=1).err
    assert "2 sessions with 4 results can be read" in said
    assert "damaged: session" in said or "damaged: a part" in said
    assert "insight sessions repair" in said
    assert (
        "would rewrite the store with 2 sessions" in insight("sessions", "repair", "--dry-run").err
    )
    assert store.file_path.read_bytes() == damaged
    said = insight("sessions", "repair").err
    assert "rewrote the store with 2 sessions" in said
    (kept,) = store.file_path.parent.glob("*.bak")
    assert display_path(kept) in said
    assert kept.read_bytes() == damaged
    assert "no damage" in insight("sessions", "verify").err


@pytest.mark.parametrize("readable", [2, 0])
def test_the_advice_for_a_damaged_database_is_what_works(
    insight: Insight, tmp_path: Path, make_session: MakeSession, readable: int
) -> None:
    path = tmp_path / "history.db"
    with SQLiteStorage(path) as storage:
        storage.save_sessions(make_session(number) for number in range(3))
    insight("profile", "create", "p", "--type", "sqlite", "--path", path, "--switch")
    with closing(sqlite3.connect(path)) as database:
        torn = "%api-1%" if readable else "%"
        database.execute("UPDATE insight_sessions SET header = '{' WHERE header LIKE ?", (torn,))
        database.commit()
    advice = "restore a backup"
    if readable:
        advice += ", or export what can be read (2 sessions) with: insight export FILE"
    for command in ("verify", "repair --dry-run", "repair"):
        said = insight("sessions", *command.split(), status=1).err
        assert said.endswith(f"{advice}\n")
        assert "insight sessions repair" not in said
        assert "rewr" not in said
    if readable:
        insight("export", tmp_path / "rest.json")
        assert JSONStorage(tmp_path / "rest.json").session_ids() == ["api-0", "api-2"]


def test_totals_of_a_database_are_repaired_as_verify_advises(
    insight: Insight, tmp_path: Path, make_session: MakeSession
) -> None:
    path = tmp_path / "history.db"
    with SQLiteStorage(path) as storage:
        storage.save_session(make_session(0))
    insight("profile", "create", "p", "--type", "sqlite", "--path", path, "--switch")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE insight_totals SET results = results + 1")
        database.commit()
    assert "insight sessions repair" in insight("sessions", "verify", status=1).err
    insight("sessions", "repair")
    assert "no damage" in insight("sessions", "verify").err


def test_verify_names_sessions_that_are_dated_in_the_future(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    start = datetime.now(UTC) + timedelta(days=400)
    store.save_session(make_session(session_id="ahead", session_start_time=start))
    done = insight("sessions", "verify")
    assert "dated in the future, so never the last one and in no period: ahead;" in done.err
    assert "no damage" in done.err
    for period in (("--since", "9000d"), ("--days", "9000")):
        assert "ahead" not in insight("query", "sessions", *period).out
    assert "ahead" in insight("sessions", "list").out
