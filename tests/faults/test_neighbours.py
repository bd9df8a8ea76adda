"""Many processes on one store: nothing is lost, no reader sees an error or half a session."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from pytest_insight.errors import StoreLockedError
from pytest_insight.models import TestSession
from pytest_insight.storage import InMemoryStorage, JSONStorage, ProfileManager
from tests.faults import victims
from tests.faults.conftest import LONG, Rounds
from tests.faults.places import Place
from tests.faults.victims import Start, Tell, session

WRITERS, SAVES = (8, 50) if LONG else (4, 10)
READERS, IMPORTERS = 4 if LONG else 2, 2


def saves_so_many(tell: Tell, place: Place, prefix: str, number: int) -> None:
    """Save sessions."""
    storage = place.open()
    tell("under way")
    for each in range(number):
        storage.save_session(session(f"{prefix}-{each}", 5))
        tell(f"{prefix}-{each}")


def imports_again_and_again(tell: Tell, place: Place, source: Path, times: int) -> None:
    """Import the same file repeatedly under new IDs."""
    storage = place.open()
    tell("under way")
    for _ in range(times):
        report = storage.import_sessions(source, "keep_both")
        for _, name in report.new_ids:
            tell(name)


def reads_until_killed(tell: Tell, place: Place) -> None:
    """Read everything repeatedly, and fail if anything is wrong."""
    storage = place.open()
    seen: set[str] = set()
    while True:
        found = {each.session_id: each for each in storage.iter_sessions()}
        half = [name for name in found if name[0] == "w" and found[name] != session(name, 5)]
        gone = {name for name in seen if not name.startswith("old")} - set(found)
        assert not half
        assert not gone
        seen = set(found)
        tell("read")


def prunes_the_old(tell: Tell, place: Place, times: int) -> None:
    """Delete the oldest session repeatedly: each is from another year."""
    storage = place.open()
    tell("under way")
    for number in range(times):
        age = datetime.now(UTC) - old(number + 1).session_start_time + timedelta(days=1)
        for name in storage.prune_sessions(older_than=age.total_seconds()):
            tell(name)


def repairs_again_and_again(tell: Tell, place: Place) -> None:
    """Rewrite the store, pin and unpin sessions."""
    storage = place.open()
    tell("under way")
    for number in count():
        tell(f"repaired {storage.repair().sessions}")
        storage.pin_sessions(["pinned"], pinned=number % 2 == 0)
        storage.verify()


def old(number: int) -> TestSession:
    """Return a session of a year after 2000."""
    return TestSession(f"old-{number}", "old", datetime(2000 + number, 1, 1, tzinfo=UTC))


def test_writers_readers_importers_and_a_prune_get_along(
    tmp_path: Path, place: Place, start: Start
) -> None:
    source = tmp_path / "import.json"
    memory = InMemoryStorage()
    memory.save_session(session("i", 5))
    memory.export_sessions(source)
    ancient = [old(number) for number in range(20)]
    storage = place.open()
    storage.save_sessions([*ancient, session("i", 5)])
    readers = [start(reads_until_killed, place) for _ in range(READERS)]
    for reader in readers:
        reader.wait_for_first()
    writers = [start(saves_so_many, place, f"w{n}", SAVES) for n in range(WRITERS)]
    importers = [start(imports_again_and_again, place, source, 10) for _ in range(IMPORTERS)]
    pruner = start(prunes_the_old, place, 10)
    told = {name for victim in (*writers, *importers) for name in victim.ended()}
    pruned = set(pruner.ended())
    for reader in readers:
        assert len(reader.kill()) > 1, "it has read while the others wrote, and met no error"
        assert reader.status == -signal.SIGKILL
    told -= {"under way"}
    pruned -= {"under way"}
    there = set(storage.session_ids())
    assert len(told) == WRITERS * SAVES + IMPORTERS * 10
    assert pruned == {f"old-{number}" for number in range(10)}
    assert there == {"i", *told, *(each.session_id for each in ancient)} - pruned
    for each in storage.iter_sessions():
        if each.session_id.startswith("w"):
            assert each == session(each.session_id, 5)
    assert storage.verify().sound
    place.check(there)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")
def test_nothing_is_lost_where_all_do_all_at_once_and_some_are_killed(
    place: Place, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    storage = place.open()
    for number in rounds(1, 40):
        storage.clear_sessions()
        storage.save_sessions([session("pinned", 5), *map(old, range(20))])
        reader = start(reads_until_killed, place)
        reader.wait_for_first()
        saving = [start(victims.saves, place, f"w{number}-{n}", 5) for n in range(3)]
        others = [start(repairs_again_and_again, place) for _ in range(2)]
        others.append(start(prunes_the_old, place, 20))
        for victim in (*saving, *others):
            victim.wait_for_first()
        time.sleep(rng.uniform(0, 1))
        told = {name for victim in saving for name in victim.kill()}
        for victim in (*others, reader):
            victim.kill()
        there = {each.session_id: each for each in storage.iter_sessions()}
        saved = {name: each for name, each in there.items() if name[0] == "w"}
        assert told <= set(saved)
        assert len(saved) <= len(told) + len(saving), "at most what each was saving"
        assert all(each == session(name, 5) for name, each in saved.items())
        assert "pinned" in there
        storage.delete_sessions(["pinned"])
        place.check(set(there) - {"pinned"})


@pytest.mark.skipif(os.name != "posix", reason="only POSIX stops processes")
def test_a_stopped_process_that_holds_the_lock_is_named_by_its_file(
    store: JSONStorage, start: Start
) -> None:
    store.save_session(session("s", 1))
    holder = start(victims.holds_the_lock, Place("json", store.file_path))
    holder.wait_for_first()
    os.kill(holder.pid, signal.SIGSTOP)
    impatient = JSONStorage(store.file_path, lock_seconds=0.2)
    with pytest.raises(StoreLockedError, match=r"sessions\.json\.lock"):
        impatient.save_session(session("t", 1))
    assert impatient.session_ids() == ["s"]  # readers do not wait
    holder.kill()
    impatient.save_session(session("t", 1))
    assert set(store.session_ids()) == {"s", "t"}


def test_two_processes_that_change_profiles_lose_none(
    tmp_path: Path, start: Start, rng: random.Random
) -> None:
    path = tmp_path / "home" / "profiles.json"
    manager = ProfileManager(path)
    manager.create_profile("one")
    manager.create_profile("two")
    both = [start(victims.switches, path, ["one", "two"], f"{name}-") for name in "ab"]
    for victim in both:
        victim.wait_for_first()
    reports = [victim.wait_for_next() for _ in range(10) for victim in both]
    time.sleep(rng.uniform(0, 0.1))
    reports += [report for victim in both for report in victim.kill()]
    told = [report.split() for report in reports]
    created = {name for operation, name in told if operation == "created"}
    deleted = {name for operation, name in told if operation == "deleted"}
    there = set(manager.list_profiles()) - {"default", "one", "two"}
    assert len(created) > 4
    assert [victim.status for victim in both] == [-signal.SIGKILL] * 2
    # Each of the two may have been killed between an operation and telling of it.
    assert len((created - deleted) ^ there) <= 2
    assert manager.get_active_profile().name in {"one", "two"}
