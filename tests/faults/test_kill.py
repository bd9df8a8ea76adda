"""SIGKILL at random moments: acknowledged work survives, and no work is half done."""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_insight.errors import StoreDamageWarning
from pytest_insight.models import TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, ProfileManager
from tests.faults import victims
from tests.faults.conftest import MOMENT, Moments, Rounds
from tests.faults.places import Place, temporary_files
from tests.faults.victims import Start, Victim, session

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")

INTERRUPTED = pytest.mark.filterwarnings(
    "ignore:the last write of:pytest_insight.errors.StoreDamageWarning"
)
ROUNDS_OF_A_STORE = 25
"""The size at which a new store is begun."""
OLD = [session(f"i{number}", 1) for number in range(40)]
OLD.sort(key=lambda each: (each.session_start_time, each.session_id))


@INTERRUPTED
def test_every_acknowledged_session_survives_the_kill_of_its_writer(
    place: Place, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    acknowledged: set[str] = set()
    first = place
    for number in rounds(12, 500):
        if number % ROUNDS_OF_A_STORE == 0:
            place = first._replace(path=first.path.parent / f"store-{number}" / first.path.name)
            acknowledged = set()
        victim = start(victims.saves, place, f"r{number}", number)
        victim.wait_for_first()
        time.sleep(rng.uniform(0, MOMENT))
        told = victim.kill()
        storage = place.open()
        there = {each.session_id: each for each in storage.iter_sessions()}
        for name in told:
            assert there[name] == session(name, number)
        acknowledged.update(told)
        more = set(there) - acknowledged
        assert more <= {f"r{number}-{len(told)}"}, "at most the one that was being saved"
        assert acknowledged <= set(there)
        acknowledged |= more
        # After the next write, any JSON reader accepts the file.
        storage.save_session(session(f"next-{number}", number))
        acknowledged.add(f"next-{number}")
        place.check(acknowledged)


@INTERRUPTED
@pytest.mark.parametrize("strategy", ["skip_existing", "replace_existing", "keep_both"])
def test_an_import_is_done_whole_or_not_at_all_or_has_added_the_first_sessions(
    tmp_path: Path, place: Place, start: Start, rounds: Rounds, moments: Moments, strategy: str
) -> None:
    memory = InMemoryStorage()
    memory.save_sessions(OLD)
    source = tmp_path / "import.json"
    memory.export_sessions(source)
    storage = place.open()
    storage.save_sessions(session(f"i{number}", 2) for number in range(20))
    old = storage.load_sessions()
    storage.import_sessions(source, strategy)
    new = storage.load_sessions()
    assert new != old

    for _ in rounds(5, 34):
        restore(storage, old)
        done = moments.kill(start(victims.imports, place, source, strategy))
        found = storage.load_sessions()
        if place.kind == "json" and strategy != "replace_existing" and not done:
            # It only adds sessions, in the order of the file, which is that of their start times.
            added = [each for each in new if each not in old]
            count = len(found) - len(old)
            assert all(each in found for each in [*old, *added[:count]])
        else:
            assert found == new if done else found in (old, new)
    moments.assert_both()
    assert_clean(place, storage)


Operation = Callable[[Start, Place], Victim]
GONE = sorted(each.session_id for each in OLD[:20])
OPERATIONS: dict[str, Operation] = {
    "clear": lambda start, place: start(victims.clears, place, GONE),
    "prune": lambda start, place: start(victims.prunes, place, 20),
    "repair": lambda start, place: start(victims.repairs, place),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_deleting_and_rewriting_are_whole_or_not_done(
    place: Place, start: Start, rounds: Rounds, moments: Moments, operation: str
) -> None:
    new = OLD if operation == "repair" else OLD[20:]
    storage = place.open()
    for _ in rounds(5, 100):
        restore(storage, OLD)
        storage.save_session(OLD[30])  # a session to remove
        done = moments.kill(OPERATIONS[operation](start, place))
        found = storage.load_sessions()
        assert found == new if done else found in (OLD, new)
    moments.assert_both()
    assert_clean(place, storage)


def test_a_repair_that_is_killed_loses_nothing_of_a_damaged_file(
    store: JSONStorage, start: Start, rounds: Rounds, moments: Moments
) -> None:
    store.save_sessions(OLD)
    healthy = store.file_path.read_bytes()
    mark = b'"session_id":"%s"' % OLD[7].session_id.encode()
    damaged = healthy.replace(mark, mark.replace(b":", b"?"))
    readable = OLD[:7] + OLD[8:]
    for _ in rounds(5, 100):
        for kept in store.file_path.parent.glob("*.bak"):
            kept.unlink()
        store.file_path.write_bytes(damaged)
        done = moments.kill(start(victims.repairs, Place("json", store.file_path)))
        kept_as = [path.read_bytes() for path in store.file_path.parent.glob("*.bak")]
        now = store.file_path.read_bytes()
        assert kept_as in ([], [damaged]), "whole or not there"
        assert now == damaged or kept_as == [damaged]
        assert now != damaged or not done
        # Reading and repairing again keeps no second backup.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreDamageWarning)
            assert store.load_sessions() == readable
        store.repair()
        assert store.load_sessions() == readable
        assert [path.read_bytes() for path in store.file_path.parent.glob("*.bak")] == [damaged]
    moments.assert_both()
    assert_clean(Place("json", store.file_path), store)


def test_profiles_survive_the_kill_of_whoever_changes_them(
    tmp_path: Path, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    path = tmp_path / "home" / "profiles.json"
    manager = ProfileManager(path)
    names = ["one", "two"]
    for name in names:
        manager.create_profile(name)
    for number in rounds(5, 100):
        victim = start(victims.switches, path, names, f"p{number}-")
        victim.wait_for_first()
        time.sleep(rng.uniform(0, MOMENT))
        told = [operation.split() for operation in victim.kill()]
        created = {name for operation, name in told if operation == "created"}
        deleted = {name for operation, name in told if operation == "deleted"}
        there = {name for name in manager.list_profiles() if name.startswith(f"p{number}-")}
        # The interrupted operation may be done or not; everything before it is done.
        assert len((created - deleted) ^ there) <= 1
        switched = [name for operation, name in told if operation == "switched"]
        active = manager.get_active_profile().name
        if told and told[-1][0] == "switched":
            assert active == switched[-1], "a creation was under way"
        elif switched:
            assert active in (switched[-1], names[len(switched) % 2])
        manager.switch_profile("one")
        assert manager.get_active_profile().name == "one"
        assert temporary_files(path) == []
        for name in there:
            manager.delete_profile(name)


def restore(storage: BaseStorage, sessions: list[TestSession]) -> None:
    storage.clear_sessions()
    storage.save_sessions(sessions)


def assert_clean(place: Place, storage: BaseStorage) -> None:
    """A killed process leaves its temporary file; the next rewrite removes it."""
    storage.clear_sessions()
    place.check([])
