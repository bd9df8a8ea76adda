"""A PostgreSQL server whose disk fills up: run in a mount namespace by `test_databases`.

`python -m tests.faults.full_server HOME LARGE SMALL WHAT`: recorded runs have their home in HOME;
LARGE has room, SMALL is a small file system. There is the server's "data", so that single
statements are refused, or its "log", without which it ends. Prints how many sessions were saved
before the first that was refused, and what was said of that one and of a recorded run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pytest_insight.errors import StorageError
from pytest_insight.storage import PostgreSQLStorage
from tests.faults.full import fill
from tests.faults.victims import session
from tests.postgresql import Server

LEFT = 3 << 20
"""Free bytes when saving begins."""
_SUITE = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    print("x" * 9_000)
"""


def main(home: Path, large: Path, small: Path, what: str) -> None:
    """Fill the disk of a server and print what was saved."""
    data, log = (small, large) if what == "data" else (large, small)
    server = Server(data)
    server.create("--waldir", str(log / "wal"), "--wal-segsize", "1")
    server.start(fsync="off")
    try:
        saved, said, of_run = _tried(server, home, small, what)
    finally:
        server.stop(signal.SIGQUIT)
    print(json.dumps([saved, said, of_run]))


def _tried(server: Server, home: Path, small: Path, what: str) -> tuple[int, str, str]:
    url = server.schema()
    _recorded_run(home, url)
    with PostgreSQLStorage(url) as storage:
        before = storage.session_ids()
        fillers = [small / "filler", small / "rest"]
        _leave(fillers[0], LEFT)
        saved: list[str] = []
        said = ""
        while not said:
            name = f"s{len(saved)}"
            said = _refused(partial(storage.save_session, session(name, 1)))
            if not said:
                saved.append(name)
        fill(fillers[1])
        several = [session(name, 1) for name in ("a", "b", "c")]
        assert _refused(partial(storage.save_sessions, several))
        of_run = _recorded_run(home, url)
        for each in fillers:
            each.unlink()
        if what == "log":
            server.stop(signal.SIGQUIT)  # it may still retry
            server.start(fsync="off")
        # With free space again, the server and saving work.
        there = set(storage.session_ids())
        # The last save may be complete although it was not reported.
        assert there - {*before, *saved} <= ({name} if what == "log" else set())
        assert there >= {*before, *saved}
        assert all(
            storage.get_session_by_id(each) == session(each, 1) for each in there.difference(before)
        )
        assert "insight: recovered" in _recorded_run(home, url)
        storage.save_sessions(several)
        assert storage.count() == len(there) + 2 + len(several)
        assert storage.verify().sound
    return len(saved), said, of_run


def _leave(filler: Path, left: int) -> None:
    """Fill the disk except for a number of bytes."""
    room = os.statvfs(filler.parent)
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - left))


def _refused(operation: Callable[[], object]) -> str:
    """Return the error message of a failing operation, or ""."""
    try:
        operation()
    except StorageError as exc:
        return str(exc)
    return ""


def _recorded_run(home: Path, url: str) -> str:
    """Record a run of a small suite and return its output."""
    suite = home / "test_it.py"
    suite.write_text(_SUITE, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider", suite],
        cwd=home,
        env={**os.environ, "PYTEST_INSIGHT_DB_PATH": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
