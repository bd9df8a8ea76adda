"""SIGKILL in operations that can be taken back, in taking them back, and in renaming a profile."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_insight.exchange.merge import MergeStrategy
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage, ProfileManager
from pytest_insight.storage.transfer import merge
from pytest_insight.storage.undo.operations import delete
from pytest_insight.storage.undo.records import Command
from pytest_insight.storage.undo.restore import undo_last_command
from tests.faults import victims
from tests.faults.conftest import MOMENT, Moments, Rounds
from tests.faults.test_kill import restore
from tests.faults.victims import Start, session

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "insight"
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(folder))
    return folder


@pytest.fixture
def old(home: Path) -> list[TestSession]:
    """What the default store has; `source.json` has half of it otherwise, and as much that is new.

    In the order that a store hands them out in.
    """
    source = JSONStorage(home / "source.json")
    source.save_sessions(session(f"i{number}", 2) for number in range(15, 45))
    storage = JSONStorage()
    storage.save_sessions(session(f"i{number}", 1) for number in range(30))
    return storage.load_sessions()


def clear(home: Path) -> None:
    storage = JSONStorage()
    delete(storage, storage.session_ids(), Command("clear"))


def merge_all(home: Path) -> None:
    strategy = MergeStrategy.REPLACE_EXISTING
    merge(JSONStorage(home / "source.json"), JSONStorage(), strategy, Command("merge"))


OPERATIONS: dict[str, tuple[Callable[..., None], Callable[[Path], None]]] = {
    "clear": (victims.deletes, clear),
    "merge": (victims.merges, merge_all),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_a_killed_deed_had_done_is_taken_back(
    home: Path,
    old: list[TestSession],
    start: Start,
    rounds: Rounds,
    moments: Moments,
    operation: str,
) -> None:
    storage = JSONStorage()
    killing, doing = OPERATIONS[operation]
    doing(home)
    new = storage.load_sessions()
    assert new != old
    undo_last_command(storage)
    for _ in rounds(10, 100):
        assert storage.load_sessions() == old
        done = moments.kill(start(killing, home))
        found = storage.load_sessions()
        assert found == new if done else found in (old, new)
        undone = undo_last_command(storage)
        if found == new:
            assert undone is not None
            assert undone.changes
        assert undo_last_command(storage) is None
    moments.assert_both()
    assert storage.load_sessions() == old
    # What was killed leaves its temporary file; the next operation removes it.
    doing(home)
    assert not list(home.rglob(".*.tmp"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_taking_back_is_whole_or_not_done_and_can_be_done_again(
    home: Path,
    old: list[TestSession],
    start: Start,
    rounds: Rounds,
    moments: Moments,
    operation: str,
) -> None:
    storage = JSONStorage()
    _, doing = OPERATIONS[operation]
    for _ in rounds(10, 100):
        doing(home)
        new = storage.load_sessions()
        done = moments.kill(start(victims.takes_back, home))
        found = storage.load_sessions()
        assert found == old if done else found in (old, new)
        undo_last_command(storage)
        assert storage.load_sessions() == old
        assert undo_last_command(storage) is None
        restore(storage, old)
    moments.assert_both()


def test_at_every_moment_of_a_renaming_one_of_the_names_leads_to_the_sessions(
    home: Path, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    manager = ProfileManager()
    name = "one"
    storage = JSONStorage(manager.create_profile(name).path)
    storage.save_sessions(session(f"i{number}", 1) for number in range(5))
    sessions = storage.load_sessions()
    manager.switch_profile(name)
    for number in rounds(20, 200):
        other = f"other{number}"
        victim = start(victims.renames, home, name, other)
        victim.wait_for_first()
        time.sleep(rng.uniform(0, MOMENT))
        victim.kill()
        (name,) = manager.list_profiles().keys() - {"default"}
        assert manager.get_active_profile().name == name
        reached = JSONStorage(manager.list_profiles()[name].path)
        assert reached.load_sessions() == sessions
        # Saving works under the new name.
        added = session(f"new{number}", 1)
        reached.save_session(added)
        assert reached.get_session_by_id(added.session_id) == added
        reached.delete_sessions([added.session_id])
