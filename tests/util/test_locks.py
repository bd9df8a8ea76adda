"""Locks on files: one holder at a time, among processes and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock as AnyFileLock
from filelock import Timeout

from pytest_insight._util.locks import FileLock
from pytest_insight.errors import StorageError, StoreLockedError
from tests.exchange.helpers import without_root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file"


def lock(path: Path) -> FileLock:
    return FileLock(path, 0)


def outcome_in_thread(act: Callable[[], object]) -> str:
    """ "done", or the name of the error."""
    outcomes = []

    def run() -> None:
        try:
            act()
        except StoreLockedError as exc:
            outcomes.append(type(exc).__name__)
        else:
            outcomes.append("done")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcomes[0]


def hold_once(held: FileLock) -> None:
    with held.held():
        pass


def test_one_holder_at_a_time(path: Path) -> None:
    first, second = lock(path), lock(path)
    with first.held():
        with pytest.raises(StoreLockedError, match=r"file\.lock for more than 0 s") as caught:
            hold_once(second)
        assert (caught.value.where, caught.value.lock_path) == (path, first.path)
        with pytest.raises(TimeoutError):
            second.acquire()
    hold_once(second)


def test_the_lock_file_is_private_and_stays(path: Path) -> None:
    hold_once(lock(path))
    found = first = path.with_name("file.lock").stat()
    for _ in range(3):
        hold_once(lock(path))
        found = path.with_name("file.lock").stat()
    assert found.st_ino == first.st_ino
    assert found.st_mode & 0o777 == 0o600
    assert not path.exists()


def test_the_thread_that_holds_it_may_acquire_it_again_and_no_other_may(path: Path) -> None:
    held = lock(path)
    with held.held():
        with held.held():
            assert outcome_in_thread(lambda: hold_once(held)) == "StoreLockedError"
        assert outcome_in_thread(lambda: hold_once(held)) == "StoreLockedError"
    assert outcome_in_thread(lambda: hold_once(held)) == "done"


def test_it_is_released_when_the_block_raises(path: Path) -> None:
    with pytest.raises(KeyError), lock(path).held():
        raise KeyError
    hold_once(lock(path))


def test_it_excludes_every_other_filelock_of_that_file(path: Path) -> None:
    ours = lock(path)
    hold_once(ours)
    theirs = AnyFileLock(ours.path, timeout=0, preserve_lock_file=True)
    with ours.held(), pytest.raises(Timeout):
        theirs.acquire()
    with theirs, pytest.raises(StoreLockedError):
        hold_once(ours)


def test_a_lock_file_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=r"cannot write .*its lock file .*store\.lock cannot be"):
        hold_once(lock(tmp_path / "file" / "store"))


def test_whoever_may_not_create_a_lock_file_is_told_the_folder() -> None:
    problem = r"store\.lock cannot be created: Permission denied; you need write access to \.$"
    Path.cwd().chmod(0o555)
    with without_root(), pytest.raises(StorageError, match=problem):
        hold_once(lock(Path("folder", "store")))


HELD_UNTIL_KILLED = """
import pathlib, sys
from pytest_insight._util.locks import FileLock
with FileLock(pathlib.Path(sys.argv[1]), 0).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_process_waits_for_the_lock_of_another_and_gets_that_of_a_killed_one(path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HELD_UNTIL_KILLED, str(path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError):
            hold_once(lock(path))
        killer = threading.Timer(0.2, holder.kill)
        killer.start()
        hold_once(FileLock(path, 30))
        killer.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_neither_holds_nor_releases_the_lock_of_its_parent(path: Path) -> None:
    code = """
import os, pathlib, sys
from pytest_insight._util.locks import FileLock
from pytest_insight.errors import StoreLockedError
path = pathlib.Path(sys.argv[1])
lock = FileLock(path, 0)

def is_free(lock):
    try:
        with lock.held():
            return True
    except StoreLockedError:
        return False

def of_child(act):
    if not (child := os.fork()):
        os._exit(act())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

with lock.held():
    def leave_and_acquire():
        lock.release()
        return is_free(lock)
    assert of_child(leave_and_acquire) == 0
    assert not is_free(FileLock(path, 0))
assert of_child(lambda: is_free(lock)) == 1
assert is_free(lock)
print("right")
"""
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "right\n", done.stderr


def test_waiting_ends_even_if_the_clocks_stand_still(path: Path) -> None:
    path.parent.mkdir()
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from pytest_insight._util.locks import FileLock\n"
        "time.time = time.monotonic = time.perf_counter = lambda: 1.0\n"
        "try:\n    FileLock(Path(sys.argv[1]), 0.2).acquire()\n"
        "except TimeoutError:\n    print('gave up')\n"
    )
    with lock(path).held():
        command = [sys.executable, "-c", script, str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout == "gave up\n"
