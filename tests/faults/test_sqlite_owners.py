"""Root and several users with one SQLite file: its log and lock are for those who may write it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_insight.storage import SQLiteStorage
from tests.conftest import MakeSession
from tests.faults import test_owners
from tests.faults.commands import run_as
from tests.faults.mounts import ROOT
from tests.faults.test_owners import ALICE, BOB, TEAM, as_user, own

pytestmark = test_owners.pytestmark

HOLD = """
import sys
from pytest_insight.storage import SQLiteStorage
from pytest_insight.testing.rules import make_session
with SQLiteStorage(sys.argv[1]) as storage:
    storage.save_session(make_session(session_id=sys.argv[2]))
    print("saved", flush=True)
    sys.stdin.read()
    storage.save_session(make_session(session_id=sys.argv[2] + "-again"))
"""
"""Saves a session, keeps the connection until its input ends, and saves another one."""


@pytest.fixture
def path(make_session: MakeSession) -> Iterator[Path]:
    """Alice's SQLite file, which the team may write; its folder has no setgid bit."""
    with TemporaryDirectory() as folder:
        own(Path(folder), ALICE, TEAM, 0o770)
        path = Path(folder, "history.db")
        with SQLiteStorage(path) as storage:
            storage.save_session(make_session())
        own(path, ALICE, TEAM, 0o660)
        yield path


def owners(path: Path) -> dict[str, tuple[int, int]]:
    """Return owner and group of the database's files."""
    found = {each.name.removeprefix(path.name): each.stat() for each in path.parent.iterdir()}
    return {name: (stat.st_uid, stat.st_gid) for name, stat in found.items()}


def hold(user: int, path: Path) -> subprocess.Popen[str]:
    holding = subprocess.Popen(
        [*as_user(user), sys.executable, "-c", HOLD, path, f"of-{user}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert holding.stdout is not None
    assert holding.stdout.readline() == "saved\n"
    return holding


def test_two_users_of_a_group_write_one_sqlite_file_at_the_same_time(path: Path) -> None:
    path.with_name("history.db.lock").unlink()
    alice = hold(ALICE, path)
    assert {group for _, group in owners(path).values()} == {TEAM}
    bob = hold(BOB, path)
    for user in (alice, bob):
        user.communicate()
        assert user.returncode == 0
    with SQLiteStorage(path) as storage:
        names = {f"of-{user}{more}" for user in (ALICE, BOB) for more in ("", "-again")}
        assert set(storage.session_ids()) == {"api-0", *names}
    assert owners(path)[""] == (ALICE, TEAM)


def test_what_root_writes_beside_a_users_sqlite_file_is_the_users(
    path: Path, make_session: MakeSession
) -> None:
    path.with_name("history.db.lock").unlink()
    new = path.with_name("new.db")
    with SQLiteStorage(path) as storage, SQLiteStorage(new) as created:
        storage.save_session(make_session(1))
        created.save_session(make_session(1))
        for each in (path, new):
            names = {f"{each.name}{suffix}" for suffix in ("", "-wal", "-shm", ".lock")}
            assert names <= {found.name for found in path.parent.iterdir()}
        assert set(owners(path).values()) == {(ALICE, TEAM)}
    for each in (path, new):
        env = {"PYTEST_INSIGHT_DB_PATH": str(each), "HOME": str(path.parent)}
        assert run_as(as_user(ALICE), "sessions", "pin", "last", env=env).status == 0
    assert new.stat().st_mode & 0o777 == 0o600
