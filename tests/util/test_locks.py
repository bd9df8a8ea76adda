"""Locks on files: one holder at a time, among processes, threads and filelock's own locks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from pytest_insight._util.locks import AnyLock, lock_on


def lock(path: Path) -> AnyLock:
    return lock_on(path, 0, 0o600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.lock"


def test_one_holds_it_at_a_time(path: Path) -> None:
    first, second = lock(path), lock(path)
    first.acquire()
    with pytest.raises(TimeoutError, match=r"file\.lock"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    assert path.exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_its_thread_may_acquire_it_again_and_another_may_not(path: Path) -> None:
    held = lock(path)
    outcomes = []

    def other() -> None:
        try:
            held.acquire()
            held.release()
            outcomes.append("got it")
        except TimeoutError:
            outcomes.append("timeout")

    def in_thread() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    held.acquire()
    held.acquire()
    in_thread()
    held.release()
    in_thread()
    held.release()
    in_thread()
    assert outcomes == ["timeout", "timeout", "got it"]


def test_it_keeps_filelock_out_and_filelock_keeps_it_out(path: Path) -> None:
    ours, theirs = lock(path), FileLock(path, timeout=0)
    ours.acquire()
    with pytest.raises(Timeout):
        theirs.acquire()
    ours.release()
    with theirs, pytest.raises(TimeoutError):
        ours.acquire()
    ours.acquire()
    ours.release()


def test_a_lock_file_that_its_holder_deletes_is_not_mistaken_for_the_new_one(path: Path) -> None:
    first, second = lock(path), lock(path)
    first.acquire()
    path.unlink()
    second.acquire()
    first.release()
    with pytest.raises(TimeoutError):
        first.acquire()
    second.release()


def test_a_process_that_dies_holds_nothing(path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from pytest_insight._util.locks import lock_on\n"
        "lock_on(pathlib.Path(sys.argv[1]), 0, 0o600).acquire()\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
        "os._exit(1)\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(TimeoutError):
            lock(path).acquire()
        holder.kill()
    taken = lock(path)
    taken.acquire()
    taken.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_holds_nothing_and_releases_nothing(path: Path) -> None:
    code = """
import os, pathlib, sys
from pytest_insight._util.locks import lock_on
path = pathlib.Path(sys.argv[1])
lock = lock_on(path, 0, 0o600)
lock.acquire()
if not (child := os.fork()):
    lock.release()
    try:
        lock.acquire()
        os._exit(1)
    except TimeoutError:
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
try:
    lock_on(path, 0, 0o600).acquire()
except TimeoutError:
    lock.release()
    if not (child := os.fork()):
        lock.acquire()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print("right")
"""
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "right\n", done.stderr


HELD_WITHOUT_A_PAUSE = """
import sys, time
from pathlib import Path
from pytest_insight._util.locks import lock_on
while True:
    with lock_on(Path(sys.argv[1]), 60, 0o600).acquire():
        print("holding", flush=True)
        time.sleep(0.5)
"""


def test_a_process_that_writes_without_a_pause_lets_others_have_their_turn(path: Path) -> None:
    command = [sys.executable, "-c", HELD_WITHOUT_A_PAUSE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout is not None
            busy.stdout.readline()
            # Who waits looks now and then: hardly ever in the moment between two of the other's.
            patient = lock_on(path, 20, 0o600)
            patient.acquire()
            patient.release()
            assert busy.poll() is None
        finally:
            busy.kill()
