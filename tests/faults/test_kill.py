"""SIGKILL at random moments: everything acknowledged is there, and everything is done whole."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from pytest_insight.models import TestSession
from pytest_insight.storage import InMemoryStorage, JSONStorage, ProfileManager
from tests.faults import victims
from tests.faults.conftest import Rounds
from tests.faults.victims import Start, session

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")

MOMENT = 0.05
"""Seconds within which a process is killed: some ten sessions are saved, or one import done."""
ROUNDS_OF_A_STORE = 25
"""Then a new one is begun: this is about kills, not about size."""


def test_every_acknowledged_session_survives_the_kill_of_its_writer(
    tmp_path: Path, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    acknowledged: set[str] = set()
    storage = JSONStorage(tmp_path / "none")
    for number in rounds(30, 500):
        if number % ROUNDS_OF_A_STORE == 0:
            storage = JSONStorage(tmp_path / f"store-{number}" / "sessions.json")
            acknowledged = set()
        victim = start(victims.saves, storage.path, f"r{number}", number)
        victim.wait_for_first()
        time.sleep(rng.uniform(0, MOMENT))
        told = victim.kill()
        there = {each.session_id: each for each in storage.iter_sessions()}
        for name in told:
            assert there[name] == session(name, number)
        acknowledged.update(told)
        more = set(there) - acknowledged
        assert more <= {f"r{number}-{len(told)}"}, "at most the one that was being saved"
        assert acknowledged <= set(there)
        acknowledged |= more
        # The next write leaves a file that any JSON reader takes.
        storage.save_session(session(f"next-{number}", number))
        acknowledged.add(f"next-{number}")
        document = json.loads(storage.path.read_bytes())
        assert {each["session_id"] for each in document["sessions"]} == acknowledged


@pytest.mark.parametrize("strategy", ["skip_existing", "replace_existing", "keep_both"])
def test_an_import_is_whole_or_not_there(
    tmp_path: Path,
    store: JSONStorage,
    start: Start,
    rounds: Rounds,
    rng: random.Random,
    strategy: str,
) -> None:
    memory = InMemoryStorage()
    memory.save_sessions(session(f"i{number}", 1) for number in range(40))
    source = tmp_path / "import.json"
    memory.export_sessions(source)
    before = [session(f"i{number}", 2) for number in range(20)]
    store.save_sessions(before)
    old = store.load_sessions()
    store.import_sessions(source, strategy)
    new = store.load_sessions()
    assert new != old

    for _ in rounds(10, 34):
        restore(store, old)
        done = killed(start(victims.imports, store.path, source, strategy), rng)
        found = store.load_sessions()
        assert found == new if done else found in (old, new)
    assert no_temporary_file_stays(store)


@pytest.mark.parametrize("deed", ["clear", "prune", "repair"])
def test_deleting_and_rewriting_are_whole_or_not_done(
    store: JSONStorage, start: Start, rounds: Rounds, rng: random.Random, deed: str
) -> None:
    old = [session(f"i{number}", 1) for number in range(40)]
    old.sort(key=lambda each: (each.session_start_time, each.session_id))
    gone = {each.session_id for each in old[:20]} if deed != "repair" else set()
    new = [each for each in old if each.session_id not in gone]

    for _ in rounds(10, 100):
        restore(store, old)
        store.save_session(old[30])  # something to leave out
        if deed == "clear":
            victim = start(victims.deletes, store.path, sorted(gone))
        elif deed == "prune":
            victim = start(victims.prunes, store.path, 20)
        else:
            victim = start(victims.repairs, store.path)
        done = killed(victim, rng)
        found = store.load_sessions()
        assert found == new if done else found in (old, new)
    assert no_temporary_file_stays(store)


def test_profiles_survive_the_kill_of_whoever_changes_them(
    tmp_path: Path, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    path = tmp_path / "home" / "profiles.json"
    manager = ProfileManager(path)
    for name in ("one", "two"):
        manager.create_profile(name)
    for number in rounds(10, 100):
        victim = start(victims.switches, path, ["one", "two"], f"p{number}-")
        victim.wait_for_first()
        time.sleep(rng.uniform(0, MOMENT))
        told = [deed.split() for deed in victim.kill()]
        created = {name for deed, name in told if deed == "created"}
        deleted = {name for deed, name in told if deed == "deleted"}
        there = {name for name in manager.list_profiles() if name.startswith(f"p{number}-")}
        # What was under way may be done or not; everything before it is.
        assert len((created - deleted) ^ there) <= 1
        switched = [name for deed, name in told if deed == "switched"]
        if switched:
            assert manager.get_active_profile().name in {"one", "two"}
        manager.switch_profile("one")
        assert manager.get_active_profile().name == "one"
        assert not list(path.parent.glob(".*.tmp"))
        for name in there:
            manager.delete_profile(name)


def killed(victim: victims.Victim, rng: random.Random) -> bool:
    """Kill it at some moment; returns whether it had told that it was done."""
    victim.wait_for_first()
    time.sleep(rng.uniform(0, MOMENT))
    return "done" in victim.kill()


def restore(storage: JSONStorage, sessions: list[TestSession]) -> None:
    storage.clear_sessions()
    storage.save_sessions(sessions)


def no_temporary_file_stays(storage: JSONStorage) -> bool:
    """What was killed leaves its temporary file; the next one that writes the store removes it."""
    storage.clear_sessions()
    return not list(storage.path.parent.glob(".*.tmp"))
