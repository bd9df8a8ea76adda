"""Stores on a full file system, behind links, with long names and with odd times."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_insight.errors import StorageError, StoreDamageWarning
from pytest_insight.storage import InMemoryStorage, JSONStorage
from pytest_insight.storage.backup import keep_backup, keep_torn_bytes
from tests.faults.commands import run
from tests.faults.mounts import can_mount, run_with
from tests.faults.victims import session


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a file system")
def test_on_a_full_file_system_all_is_refused_and_nothing_lost(tmp_path: Path) -> None:
    memory = InMemoryStorage()
    memory.save_session(session("imported", 1))
    memory.export_sessions("import.json")
    small = tmp_path / "small"
    small.mkdir()
    saved, refusals = map(int, run_with("1m", small, "tests.faults.full", small).split())
    assert saved > 3
    assert refusals == 7


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_store_behind_a_link_is_the_store_itself(tmp_path: Path, whole_folder: bool) -> None:
    real = JSONStorage(tmp_path / "real" / "sessions.json")
    real.save_sessions(session(f"s{number}", 1) for number in range(3))
    link = tmp_path / "link"
    if whole_folder:
        link.symlink_to(real.file_path.parent, target_is_directory=True)
        linked = JSONStorage(link / "sessions.json")
    else:
        link.symlink_to(real.file_path)
        linked = JSONStorage(link)
    linked.save_session(session("appended", 1))
    linked.delete_sessions(["s0"])
    linked.repair()
    assert link.is_symlink()
    assert real.load_sessions() == linked.load_sessions()
    assert set(real.session_ids()) == {"s1", "s2", "appended"}
    # One lock for every path, and backups are beside the real file.
    other = JSONStorage(linked.file_path, lock_seconds=0)
    with real.exclusive(), ThreadPoolExecutor() as threads:
        refused = threads.submit(other.save_session, session("x", 1)).exception()
    assert isinstance(refused, StorageError)
    assert "real/sessions.json.lock" in str(refused)
    data = real.file_path.read_bytes()
    real.file_path.write_bytes(data.replace(b'"sut_name"', b'"sut\0name"', 1))
    with pytest.warns(StoreDamageWarning, match=r"real/sessions\.json\.\w+\.\w+\.bak"):
        linked.load_sessions()
    assert {path.name for path in tmp_path.iterdir()} >= {"real", "link"}
    assert not list(tmp_path.glob("*.bak")) + list(tmp_path.glob("*.lock"))


@pytest.mark.parametrize("length", [236, 245, 250, 255, 256, 5_000])
def test_a_name_that_is_too_long_is_an_error_and_no_traceback(length: int) -> None:
    folder = Path("store")
    folder.mkdir()
    path = str(folder / ("n" * (length - 5) + ".json"))
    memory = InMemoryStorage()
    memory.save_session(session("s", 1))
    memory.export_sessions("import.json")
    if length <= 255:
        shutil.copy("import.json", path)
    for command in ("sessions list", "sessions verify", "sessions repair", "import import.json"):
        ran = run(*command.split(), env={"PYTEST_INSIGHT_DB_PATH": path})
        assert "Traceback" not in ran.err, command
        assert ran.status == 0 or "File name too long" in ran.err, command
        assert ran.status == 0 or length > 236, command
    assert all(each.suffix in (".json", ".lock") for each in folder.iterdir())


@pytest.mark.parametrize("seconds", [10**15, -(10**12), 2**40, 0])
def test_a_damaged_file_of_a_time_that_no_calendar_has_is_kept(
    store: JSONStorage, seconds: int
) -> None:
    store.save_session(session("s", 1))
    os.utime(store.file_path, (seconds, seconds))  # the file system may round it
    first = keep_backup(store.file_path)
    store.file_path.write_bytes(b"another accident")
    os.utime(store.file_path, (seconds, seconds))
    second = keep_backup(store.file_path)
    assert second.read_bytes() == b"another accident"
    assert first.read_bytes() != second.read_bytes()


def test_accidents_of_one_moment_and_size_are_all_kept(store: JSONStorage) -> None:
    store.save_session(session("s", 1))
    paths = set()
    for text in (b"one", b"two", b"six"):
        store.file_path.write_bytes(text)
        os.utime(store.file_path, ns=(10**18, 10**18))
        paths.add(keep_backup(store.file_path))
    assert {path.read_bytes() for path in paths} == {b"one", b"two", b"six"}
    torn = {keep_torn_bytes(store.file_path, b"%d" % number) for number in range(50)}
    assert {path.read_bytes() for path in torn} == {b"%d" % number for number in range(50)}
