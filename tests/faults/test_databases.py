"""Databases with many writers, and with writers or servers that die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_insight import query
from pytest_insight.errors import StorageError
from pytest_insight.storage import (
    BaseStorage,
    InMemoryStorage,
    PostgreSQLStorage,
    SQLiteStorage,
)
from tests.conftest import MakeSession
from tests.faults import databases
from tests.faults.clocks import SAVES
from tests.faults.conftest import LONG, Rounds
from tests.faults.databases import opened
from tests.faults.mounts import ROOT, can_mount, run_with
from tests.faults.victims import Start, session
from tests.postgresql import Server, server
from tests.tools import tool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")

MOMENT = 0.08


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of a new store."""
    if request.param == "sqlite":
        return str(tmp_path / "store" / "sessions.db")
    running: Server = request.getfixturevalue("postgresql_server")
    return running.schema()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    with server() as running:
        yield running


# Many writers -----------------------------------------------------------------------------------


def test_processes_that_write_one_sqlite_file_at_once_lose_nothing(
    tmp_path: Path, start: Start, rounds: Rounds
) -> None:
    path = tmp_path / "sessions.db"
    saves = rounds(15, 50)
    victims = [start(databases.saves, str(path), f"p{n}", 1, len(saves)) for n in range(8)]
    for victim in victims:
        victim.wait_for_first()
    told = [name for victim in victims for name in victim.ended()]
    expected = {f"p{process}-{number}" for process in range(8) for number in saves}
    assert set(told) == expected, [line for line in told if line.startswith("error")]
    with SQLiteStorage(path) as storage:
        assert set(storage.session_ids()) == expected
        assert storage.verify().sound
        assert storage.get_session_by_id("p3-7") == session("p3-7", 1)


def test_processes_that_save_at_once_to_a_store_that_does_not_exist_all_save(
    tmp_path: Path, postgresql_server: Server, start: Start, rounds: Rounds
) -> None:
    places = [str(tmp_path / str(number) / "sessions.db") for number in rounds(1, 50)]
    places += [postgresql_server.schema() for _ in rounds(1, 10)]
    together = get_context("forkserver").Barrier(16)
    names = [f"p{number}" for number in range(16)]
    victims = [start(databases.first_saves, places, together, name) for name in names]
    assert [told for victim in victims for told in victim.ended() if "error" in told] == []
    for place in places:
        with opened(place) as storage:
            assert sorted(storage.session_ids()) == sorted(names)
            assert storage.verify().sound


def test_connections_that_write_one_postgresql_database_at_once_lose_nothing(
    postgresql_server: Server, rounds: Rounds
) -> None:
    saves = list(rounds(8, 100))
    with PostgreSQLStorage(postgresql_server.schema()) as storage:

        def save(writer: int) -> None:
            for number in saves:
                storage.save_session(session(f"w{writer}-{number}", 1))

        with ThreadPoolExecutor(16) as pool:  # one connection per thread
            for done in [pool.submit(save, writer) for writer in range(16)]:
                done.result()
        expected = {f"w{writer}-{number}" for writer in range(16) for number in saves}
        assert set(storage.session_ids()) == expected
        assert storage.get_session_by_id("w9-7") == session("w9-7", 1)


def test_writers_of_the_same_session_leave_one_of_them_whole(place: str, rounds: Rounds) -> None:
    with opened(place) as storage:

        def save(writer: int) -> None:
            for _ in rounds(8, 20):
                storage.save_session(session("same", writer))

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(save, writer) for writer in range(4)]:
                done.result()
        (left,) = storage.load_sessions()
        assert left in [session("same", writer) for writer in range(4)]


def test_pruning_and_saving_side_by_side_lose_nothing_that_is_new(place: str) -> None:
    with opened(place) as storage, ThreadPoolExecutor(2) as pool:
        storage.save_sessions(session(f"old-{number}", 1) for number in range(120))

        def save() -> None:
            for number in range(40):
                storage.save_session(session(f"new-{number}", 1))

        pruning = pool.submit(storage.prune_sessions, keep=0)
        pool.submit(save).result()
        gone = pruning.result()
        assert {f"old-{number}" for number in range(120)} <= set(gone)
        left = set(storage.session_ids())
        assert left == {f"new-{number}" for number in range(40)} - set(gone)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures its memory")
def test_a_value_larger_than_the_memory_is_an_error_in_a_sentence(
    tmp_path: Path, start: Start, make_session: MakeSession
) -> None:
    with SQLiteStorage(tmp_path / "sessions.db") as storage:
        storage.save_session(make_session())
        size = 48 << 20
        connection = storage._write_connection()
        connection.execute("UPDATE insight_sessions SET header = hex(zeroblob(?))", (size,))
    reader = start(databases.reads_with_little_memory, str(storage.file_path), size)
    reader.wait_for_first()
    (error,) = reader.ended()
    assert error.startswith(f"error: cannot read the store {storage.file_path}: ")
    assert "memory" in error


# Ctrl-C -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", ["1 = 1", "insight_matches_regex(x'61', 'b') = 0"])
def test_ctrl_c_ends_a_query_of_a_database(tmp_path: Path, start: Start, condition: str) -> None:
    asking = start(databases.asks_without_end, str(tmp_path / "sessions.db"), condition)
    asking.wait_for_first()
    time.sleep(MOMENT)
    os.kill(asking.pid, signal.SIGINT)
    assert asking.ended() == ["interrupted"]


# Writers and servers that die -------------------------------------------------------------------


def test_every_acknowledged_session_survives_the_kill_of_its_writer(
    place: str, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    acknowledged: set[str] = set()
    with opened(place) as storage:
        for number in rounds(5, 200):
            victim = start(databases.saves, place, f"r{number}", number)
            victim.wait_for_first()
            time.sleep(rng.uniform(0, MOMENT))
            told = set(victim.kill())
            storage.session_ids()  # does not wait
            there = {each.session_id: each for each in storage.iter_sessions()}
            for name in told:
                assert there[name] == session(name, number)
            more = set(there) - acknowledged - told
            assert more <= {f"r{number}-{len(told)}"}, "at most the one that was being saved"
            assert acknowledged | told <= set(there)
            acknowledged = set(there)
            storage.save_session(session(f"next-{number}", number))
            acknowledged.add(f"next-{number}")
        assert storage.verify().sound


def test_deleting_is_whole_or_not_done(
    place: str, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    ids = [f"i{number}" for number in range(40)]
    with opened(place) as storage:
        for _ in rounds(4, 60):
            storage.save_sessions(session(name, 1) for name in ids)
            victim = start(databases.deletes, place, ids[:20])
            victim.wait_for_first()
            time.sleep(rng.uniform(0, MOMENT / 4))
            done = "done" in victim.kill()
            storage.save_session(session("after", 1))  # waits while the server is still working
            left = set(storage.session_ids()) - {"after"}
            assert left == set(ids[20:]) if done else left in (set(ids), set(ids[20:]))


def test_every_acknowledged_session_survives_the_kill_of_the_server(
    own_server: Server, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    url = own_server.schema()
    acknowledged: set[str] = set()
    with PostgreSQLStorage(url) as storage:
        for number in rounds(3, 30):
            victim = start(databases.saves, url, f"r{number}", number)
            victim.wait_for_first()
            time.sleep(rng.uniform(0.02, 0.1))
            own_server.crash()
            *told, error = victim.ended()
            assert error.startswith("error: cannot ")
            with pytest.raises(StorageError):
                storage.session_ids()
            own_server.start(fsync="off")  # only the process dies, so unsynced data survives
            there = {each.session_id: each for each in storage.iter_sessions()}
            for name in told:
                assert there[name] == session(name, number)
            assert set(there) - acknowledged - set(told) <= {f"r{number}-{len(told)}"}
            assert acknowledged | set(told) <= set(there)
            acknowledged = set(there)


def test_a_full_disk_loses_nothing_that_was_saved(
    tmp_path: Path, start: Start, rounds: Rounds, rng: random.Random
) -> None:
    path = tmp_path / "sessions.db"
    with SQLiteStorage(path) as storage:
        storage.save_session(session("first", 1))
    for _ in rounds(3, 60):
        room = rng.randrange(4_096, 400_000)
        victim = start(databases.saves_with_little_room, str(path), room)
        victim.wait_for_first()
        *told, error = victim.ended()
        assert str(path) in error
        assert "intact" in error
        with SQLiteStorage(path) as storage:
            for name in told:
                assert storage.get_session_by_id(name) == session(name, room)
            assert set(storage.session_ids()) == {"first", *told}
            assert storage.verify().sound
            storage.delete_sessions(told)


@pytest.mark.skipif(not can_mount(), reason="only where a user may mount a file system")
@pytest.mark.parametrize(("what", "size"), [("data", "64m"), ("log", "12m")][: 2 if LONG else 1])
def test_a_server_whose_disk_is_full_loses_nothing_that_was_saved(what: str, size: str) -> None:
    with (
        TemporaryDirectory(prefix="pg-") as large,  # a socket's path must be short
        TemporaryDirectory(prefix="pg-") as small,
    ):
        places = (Path.cwd(), Path(large), Path(small))
        printed = run_with(
            size, Path(small), "tests.faults.full_server", *places, what, as_root=False
        )
    saved, said, of_run = json.loads(printed)
    assert saved > 3
    assert "cannot write the store postgresql://" in said
    assert "what was saved before is intact" in said
    assert "No space left on device" in said or what == "log"  # the server may have ended by then
    assert "insight: this run was NOT saved: cannot" in of_run
    assert "recovers it from" in of_run


# A server that is away when a run ends ----------------------------------------------------------


def test_a_run_whose_server_dies_keeps_its_session_and_the_next_run_brings_it_in(
    pytester: pytest.Pytester, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_server.schema()
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", url)
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(pytester.path / "insight"))
    pytester.makepyfile(
        """
        import os, signal

        def test_during_which_the_server_dies():
            if "SERVER" in os.environ:
                os.kill(int(os.environ["SERVER"]), signal.SIGQUIT)
        """
    )
    monkeypatch.setenv("SERVER", str(own_server.pid))
    first = pytester.runpytest_subprocess("--insight")
    own_server.stop()
    assert first.ret == 0
    first.stdout.fnmatch_lines(["insight: this run was NOT saved: cannot open *recovers it from*"])
    monkeypatch.delenv("SERVER")
    own_server.start(fsync="off")
    second = pytester.runpytest_subprocess("--insight")
    second.stdout.fnmatch_lines(
        ["insight: saved 1 result*", "insight: recovered *could not be saved when it ended*"]
    )
    with PostgreSQLStorage(url) as storage:
        assert storage.count() == 2


# Clocks -----------------------------------------------------------------------------------------


def test_a_writer_whose_clock_is_ahead_or_behind_is_found_by_its_own_time(
    place: str, make_session: MakeSession
) -> None:
    now = datetime.now(UTC)
    with opened(place) as storage:
        assert isinstance(storage, BaseStorage)
        for name, hours in (("behind", -2), ("right", 0), ("ahead", 2)):
            start = now + timedelta(hours=hours)
            storage.save_session(make_session(session_id=name, session_start_time=start))
        assert storage.session_ids() == ["behind", "right", "ahead"]
        recent = query.on_storage(storage).in_last_hours(1).execute()
        assert [each.session_id for each in recent] == ["right", "ahead"]
        last = storage.get_last_session()
        assert last is not None
        assert last.session_id == "ahead"


CLOCKS = {"right": "+0", "ahead": "+3d", "behind": "-5h", "far-behind": "-400d"}


def test_writers_whose_clocks_are_days_apart_lose_nothing_and_all_kinds_keep_one_order(
    postgresql_server: Server, tmp_path: Path
) -> None:
    faketime = tool("faketime")
    places = (str(tmp_path / "sessions.db"), postgresql_server.schema())
    writers = [
        subprocess.Popen(
            [faketime, "-f", offset, sys.executable, "-m", "tests.faults.clocks", name, *places],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for name, offset in CLOCKS.items()
    ]
    told = {name for writer in writers for name in writer.communicate()[0].decode().split()}
    assert [writer.returncode for writer in writers] == [0] * len(CLOCKS)
    assert len(told) == len(CLOCKS) * SAVES
    found = []
    memory = InMemoryStorage()
    with opened(places[0]) as file, opened(places[1]) as server:
        memory.save_sessions(reversed(file.load_sessions()))
        for storage in (file, server, memory):
            sessions = storage.load_sessions()
            assert {each.session_id for each in sessions} == told
            keys = [(each.session_start_time, each.session_id) for each in sessions]
            assert keys == sorted(keys)
            assert list(storage.iter_sessions(newest_first=True)) == sessions[::-1]
            last = storage.get_last_session()
            assert last is not None
            known = [
                each.session_id for each in sessions if not each.session_id.startswith("ahead-")
            ]
            assert last.session_id == known[-1]  # a date after tomorrow is wrong
            assert last.session_id.startswith("right-")
            of_a_day = query.on_storage(storage).in_last_days(1).execute()
            found.append((sessions, [each.session_id for each in of_a_day]))
    assert found == found[:1] * 3
    assert {name.rpartition("-")[0] for name in found[0][1]} == {"right", "behind"}


def test_a_run_whose_clock_is_ahead_dies_and_one_whose_clock_is_behind_brings_it_in(
    pytester: pytest.Pytester, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faketime = tool("faketime")
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", place)
    if "://" not in place:
        monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", "sqlite")
    pytester.makepyfile(
        """
        import os

        def test_in_which_it_may_die():
            if "DIES" in os.environ:
                os._exit(3)
        """
    )
    command = (sys.executable, "-m", "pytest", "--insight")
    monkeypatch.setenv("DIES", "1")
    assert pytester.run(faketime, "-f", "+3d", *command).ret == 3
    monkeypatch.delenv("DIES")
    behind = pytester.run(faketime, "-f", "-400d", *command)
    assert behind.ret == 0
    behind.stdout.fnmatch_lines(["insight: saved 1 result*", "insight: recovered *"])
    assert pytester.run(*command).ret == 0
    with opened(place) as storage:
        sessions = storage.load_sessions()
        assert [each.crashed for each in sessions] == [False, False, True]
        assert storage.get_last_session() == sessions[1]  # the dead one's date is wrong
        years = [each.session_start_time.year for each in sessions]
        assert years == sorted(years)
        assert years[0] < years[-1]
