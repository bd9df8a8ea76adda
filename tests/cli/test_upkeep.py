from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_insight.storage import JSONStorage
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
        ("pin", 2, "Missing argument 'ID'"),
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
    assert str(kept) in said
    assert kept.read_bytes() == damaged
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
