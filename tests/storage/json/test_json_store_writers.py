"""The JSON store when writes fail, writers are killed, and several processes use one file."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_insight.errors import StorageError, StoreDamageWarning, StoreLockedError
from pytest_insight.filters import Selection, SutIs
from pytest_insight.storage import BaseStorage, JSONStorage
from tests.conftest import MakeSession

# What every script below begins with.
PRELUDE = """
import sys
from datetime import UTC, datetime, timedelta
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage

START = datetime(2026, 11, 1, 12, tzinfo=UTC)

def make(name, number):
    result = TestResult("test_a.py::test_x", TestOutcome.FAILED, START, longreprtext="E" * 2000)
    start = START + timedelta(seconds=number)
    return TestSession(f"{name}-{number}", name, start, test_results=(result,))

def say(text):
    print(text, flush=True)

storage = JSONStorage(sys.argv[1])
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PRELUDE + script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


@pytest.fixture
def storage(tmp_path: Path, make_session: MakeSession) -> JSONStorage:
    storage = JSONStorage(tmp_path / "store" / "sessions.json")
    storage.save_sessions(make_session(number) for number in range(3))
    return storage


def names(storage: JSONStorage) -> set[str]:
    return {path.name for path in storage.file_path.parent.iterdir()}


# Writes that fail -------------------------------------------------------------------------------

FAILURES = [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]


@pytest.fixture
def failing_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    def arrange(failure: BaseException) -> None:
        def fsync(_: int) -> None:
            raise failure

        monkeypatch.setattr(os, "fsync", fsync)

    return arrange


@pytest.mark.parametrize("failure", FAILURES, ids=["disk full", "Ctrl-C"])
@pytest.mark.parametrize(
    "write",
    [
        lambda storage, session: storage.save_session(session),
        lambda storage, _: storage.delete_sessions(["api-1"]),
        lambda storage, _: storage.clear_sessions(),
    ],
    ids=["append", "rewrite", "clear"],
)
def test_a_write_that_fails_leaves_the_file_as_it_was(
    storage: JSONStorage,
    make_session: MakeSession,
    failing_disk: Callable[[BaseException], None],
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[BaseStorage, object], object],
    failure: BaseException,
) -> None:
    before = storage.file_path.read_bytes()
    expected: type[BaseException] = type(failure)
    if isinstance(failure, OSError):
        expected = StorageError
    failing_disk(failure)
    with pytest.raises(expected) as caught:
        write(storage, make_session(9))
    if isinstance(failure, OSError):
        assert str(storage.file_path) in str(caught.value)
        assert "No space left on device; what was saved before is intact" in str(caught.value)
    assert storage.file_path.read_bytes() == before
    assert names(storage) == {"sessions.json", "sessions.json.lock"}
    monkeypatch.undo()
    storage.save_session(make_session(9))  # the lock was given back
    assert storage.count() == 4


def test_a_first_write_that_fails_leaves_no_file(
    tmp_path: Path, make_session: MakeSession, failing_disk: Callable[[BaseException], None]
) -> None:
    storage = JSONStorage(tmp_path / "new" / "sessions.json")
    failing_disk(OSError(errno.EIO, "Input/output error"))
    with pytest.raises(StorageError, match="Input/output error"):
        storage.save_session(make_session())
    assert names(storage) == {"sessions.json.lock"}
    assert storage.load_sessions() == []


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
@pytest.mark.parametrize("more", [1, 500, 2_000])
def test_a_write_that_fails_half_way_is_rolled_back(
    storage: JSONStorage, make_session: MakeSession, more: int
) -> None:
    before = storage.file_path.read_bytes()
    process = start(
        """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    storage.save_session(make("large", 1))
except Exception as exc:
    say(f"{type(exc).__name__}: {exc}")
""",
        storage.file_path,
        len(before) + more,
    )
    assert finish(process).startswith("StorageError: cannot write the store")
    assert storage.file_path.read_bytes() == before
    storage.save_session(make_session(9))
    assert storage.count() == 4


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
def test_an_import_that_fails_half_way_changes_nothing(
    storage: JSONStorage, tmp_path: Path
) -> None:
    before = storage.file_path.read_bytes()
    process = start(
        """
import resource
from pytest_insight.storage import InMemoryStorage
memory = InMemoryStorage()
memory.save_sessions(make("imported", number) for number in range(50))
memory.export_sessions(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    storage.import_sessions(sys.argv[2])
except Exception as exc:
    say(f"{type(exc).__name__}: {exc}")
""",
        storage.file_path,
        tmp_path / "import.json",
    )
    assert finish(process).startswith("StorageError: cannot write the store")
    assert storage.file_path.read_bytes() == before
    assert names(storage) == {"sessions.json", "sessions.json.lock"}


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGKILL")
def test_what_was_acknowledged_survives_a_killed_writer(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    acknowledged: list[str] = []
    for run in range(3):
        process = start(
            """
for number in range(100_000):
    session = make(sys.argv[2], number)
    storage.save_session(session)
    say(session.session_id)
""",
            storage.file_path,
            f"run{run}",
        )
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(5 + 3 * run)]
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        acknowledged += out.splitlines()
        assert err == ""
    assert len(acknowledged) >= 24
    assert set(acknowledged) <= set(storage.session_ids())
    storage.save_session(make_session(9))
    assert len(storage.load_sessions()) == storage.count() >= 28
    json.loads(storage.file_path.read_bytes())


# Several processes ------------------------------------------------------------------------------


def test_a_lock_held_by_another_process_is_an_error_that_names_it(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    holder = start(
        'with storage.exclusive():\n    say("held")\n    sys.stdin.read()', storage.file_path
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    impatient = JSONStorage(storage.file_path, lock_seconds=0.1)
    lock = storage.file_path.with_name("sessions.json.lock")
    writes: list[Callable[[], object]] = [
        lambda: impatient.save_session(make_session(9)),
        lambda: impatient.delete_sessions(["api-0"]),
        impatient.clear_sessions,
    ]
    for write in writes:
        with pytest.raises(StoreLockedError) as caught:
            write()
        assert (caught.value.lock_path, caught.value.waited) == (lock, 0.1)
        assert str(lock) in str(caught.value)
    # Readers do not wait.
    assert impatient.load_sessions() == [make_session(number) for number in range(3)]
    finish(holder)
    impatient.save_session(make_session(9))
    assert storage.count() == 4


def test_the_lock_of_a_process_that_died_is_free(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    holder = start(
        'with storage.exclusive():\n    say("held")\n    sys.stdin.read()', storage.file_path
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate(timeout=60)
    JSONStorage(storage.file_path, lock_seconds=5).save_session(make_session(9))
    assert storage.count() == 4


def test_the_lock_file_is_never_deleted(storage: JSONStorage) -> None:
    lock = storage.file_path.with_name("sessions.json.lock")
    before = lock.stat().st_ino
    storage.clear_sessions()
    assert lock.stat().st_ino == before


def test_processes_that_save_at_once_lose_nothing(storage: JSONStorage) -> None:
    script = """
say("ready")
sys.stdin.readline()
for number in range(25):
    storage.save_session(make(sys.argv[2], number))
"""
    writers = [start(script, storage.file_path, name) for name in ("one", "two", "three")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    expected = {f"{name}-{number}" for name in ("one", "two", "three") for number in range(25)}
    assert set(storage.session_ids()) == expected | {"api-0", "api-1", "api-2"}
    assert len(json.loads(storage.file_path.read_bytes())["sessions"]) == 78


def test_readers_get_no_error_and_miss_nothing_while_others_write(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    # Appending, replacing and rewriting; every fifth session goes away again.
    script = """
from time import monotonic
end = monotonic() + 1.5
number = 0
while monotonic() < end:
    storage.save_session(make("other", number))
    storage.save_session(make("other", number))
    if number % 5 == 0:
        storage.delete_sessions([f"other-{number}"])
    number += 1
"""
    own = [make_session(number) for number in range(3)]
    writer = start(script, storage.file_path)
    seen: set[str] = set()
    looks = 0
    while writer.poll() is None:
        found = storage.load_sessions()  # a warning would be an error here
        assert all(session.test_results for session in found)
        ids = {session.session_id for session in found}
        assert len(ids) == len(found)
        assert seen <= ids
        seen = {name for name in ids if int(name.partition("-")[2]) % 5}
        assert storage.select(Selection((SutIs("api"),))) == own
        looks += 1
    finish(writer)
    assert looks > 10
    assert storage.count() > 10


def test_a_reader_is_not_disturbed_by_a_writer(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    reading = storage.iter_sessions()
    found = [next(reading)]
    JSONStorage(storage.file_path).save_session(make_session(3))
    assert [*found, *reading] == [make_session(number) for number in range(3)]


def test_a_reader_of_a_damaged_store_is_not_disturbed_by_a_writer(
    storage: JSONStorage, make_session: MakeSession
) -> None:
    whole = storage.file_path.read_bytes()
    storage.file_path.write_bytes(whole.replace(b'{"session_id":"api-0"', b'{"session_id"?"api-0"'))
    reading = storage.iter_sessions()
    with pytest.warns(StoreDamageWarning):
        found = [next(reading)]
    JSONStorage(storage.file_path).save_session(make_session(3))
    assert [*found, *reading] == [make_session(1), make_session(2)]


def test_processes_that_save_delete_and_import_at_once_lose_nothing(
    storage: JSONStorage, tmp_path: Path
) -> None:
    saver = """
for number in range(20):
    storage.save_session(make("kept", number))
    storage.save_session(make("dropped", number))
    assert storage.delete_sessions([f"dropped-{number}"]) == 1
"""
    importer = """
from pytest_insight.storage import InMemoryStorage
for number in range(10):
    memory = InMemoryStorage()
    memory.save_session(make("imported", 0))
    memory.export_sessions(sys.argv[2])
    report = storage.import_sessions(sys.argv[2], "keep_both")
    assert report.imported + report.renamed == 1
"""
    processes = [
        start(saver, storage.file_path),
        start(importer, storage.file_path, tmp_path / "import.json"),
    ]
    for process in processes:
        finish(process)
    kept = {f"kept-{number}" for number in range(20)}
    imported = {"imported-0"} | {f"imported-0-{number}" for number in range(2, 11)}
    assert set(storage.session_ids()) == kept | imported | {"api-0", "api-1", "api-2"}


def test_a_thread_may_use_two_storages_of_one_file_inside_one_another(
    storage: JSONStorage, make_session: MakeSession, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(storage.file_path)
    others = [JSONStorage(storage.file_path, lock_seconds=0), JSONStorage(link, lock_seconds=0)]
    with storage.exclusive():
        for number, other in enumerate(others):
            other.save_session(make_session(number))
            assert other.delete_sessions([f"api-{number}"]) == 1
        with ThreadPoolExecutor() as threads:
            refused = threads.submit(others[0].save_session, make_session(2)).exception()
    assert isinstance(refused, StoreLockedError)
    others[0].save_session(make_session(2))
    assert storage.session_ids() == ["api-2"]
