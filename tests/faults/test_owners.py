"""Root and several users with one store: nobody is locked out, and no file changes its owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_insight._util.rights import ACL, rights_of
from pytest_insight.errors import ExchangeError, StorageError
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.storage import JSONStorage
from tests.conftest import MakeSession
from tests.faults.commands import Ran, run, run_as

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid")
    or os.geteuid() != 0
    or not (shutil.which("setpriv") and shutil.which("setfacl")),
    reason="needs root, setpriv (util-linux) and setfacl (acl)",
)

ALICE, BOB, MALLORY, TEAM = 4001, 4002, 4003, 4100


def as_user(user: int) -> tuple[str, ...]:
    """Return a command that starts another one as a user; all but Mallory are in the team.

    The interpreter may be in the home folder of root, so the user may read everything.
    """
    groups = str(user) if user == MALLORY else f"{user},{TEAM}"
    read_all = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ("setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={groups}", *read_all)


def own(path: Path, user: int, group: int, mode: int) -> None:
    os.chown(path, user, group, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(mode)


@pytest.fixture
def shared() -> Iterator[Path]:
    """Alice's folder, which the team may write."""
    with TemporaryDirectory() as folder:
        own(Path(folder), ALICE, TEAM, 0o770)
        yield Path(folder)


@pytest.fixture
def store(shared: Path, make_session: MakeSession) -> JSONStorage:
    """Alice's store with three sessions, which the team may write."""
    storage = JSONStorage(shared / "history.json")
    storage.save_sessions(make_session(number) for number in range(3))
    for path in (storage.file_path, storage.file_path.with_name("history.json.lock")):
        own(path, ALICE, TEAM, 0o660)
    return storage


def insight(user: int, store: JSONStorage, *arguments: str | Path) -> Ran:
    env = {"PYTEST_INSIGHT_DB_PATH": str(store.file_path)}
    home = store.file_path.parent / f"home-{user}"
    if not home.exists():
        home.mkdir()
        own(home, user, user, 0o700)
    return run_as(as_user(user), *arguments, env={**env, "HOME": str(home)})


def record(user: int, store: JSONStorage) -> str:
    """Record a run of one test as a user; return what pytest printed."""
    test = store.file_path.parent / "test_it.py"
    test.write_text("def test_it(): pass\n")
    home = store.file_path.parent / f"home-{user}"
    home.mkdir(exist_ok=True)
    own(home, user, user, 0o700)
    ran = subprocess.run(
        [
            *(*as_user(user), sys.executable, "-m", "pytest", "--insight"),
            *("-p", "no:cacheprovider", "--rootdir", str(home), str(test)),
        ],
        env={**os.environ, "PYTEST_INSIGHT_DB_PATH": str(store.file_path), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("acl", [False, True])
def test_what_root_rewrites_keeps_its_owner_group_mode_and_acl(
    store: JSONStorage, make_session: MakeSession, acl: bool
) -> None:
    path = store.file_path
    if acl:
        subprocess.run(["setfacl", "-m", f"u:{MALLORY}:r", path], check=True)
    before = rights_of(path)
    assert before is not None
    assert (before.owner, before.group, before.acl is not None) == (ALICE, TEAM, acl)
    store.delete_sessions(["api-0"])
    assert rights_of(path) == before
    path.write_bytes(path.read_bytes().replace(b'"outcome"', b'"out\0ome"', 1))
    backup = store.repair().backup
    assert rights_of(path) == before
    assert backup is not None
    assert Path(backup).stat().st_uid == ALICE
    store.export_sessions(path.parent / "export.json")
    own(path.parent / "export.json", ALICE, TEAM, 0o640)
    store.export_sessions(path.parent / "export.json")
    exported = rights_of(path.parent / "export.json")
    assert exported is not None
    assert exported[:3] == (ALICE, TEAM, 0o640)


def test_a_store_does_not_inherit_an_acl_of_its_folder_when_it_is_rewritten(
    store: JSONStorage,
) -> None:
    folder = store.file_path.parent
    own(store.file_path, ALICE, ALICE, 0o600)
    subprocess.run(["setfacl", "-d", "-m", f"u:{MALLORY}:rw", folder], check=True)
    store.delete_sessions(["api-0"])
    assert rights_of(store.file_path) == (ALICE, ALICE, 0o600, None)
    assert ACL not in os.listxattr(store.file_path)


def test_what_root_creates_in_a_users_home_is_the_users(shared: Path) -> None:
    home = shared / "alice"
    home.mkdir()
    own(home, ALICE, ALICE, 0o755)
    test = shared / "test_it.py"
    test.write_text("import os\ndef test_it():\n    if 'DIE' in os.environ: os._exit(3)\n")
    command = [sys.executable, "-m", "pytest", "--insight", "-q", "-p", "no:cacheprovider"]
    command.append(str(test))
    env = {**os.environ, "HOME": str(home)}
    for more in ({}, {"DIE": "1"}):  # the second leaves a journal
        subprocess.run(command, env=env | more, capture_output=True, check=False)
    assert list(home.glob(".local/state/pytest-insight/journal/*.jsonl"))
    found = [path for path in home.rglob("*") if "pytest" in str(path)]
    assert {path.stat().st_uid for path in found} == {ALICE}
    listed = run_as(as_user(ALICE), "sessions", "list", env={"HOME": str(home)})
    assert "test_it.py::test_it was running" in listed.err
    assert run("sessions", "clear", "--yes", env={"HOME": str(home)}).status == 0
    assert run("profile", "create", "other", env={"HOME": str(home)}).status == 0
    found = list((home / ".pytest_insight").rglob("*"))
    assert {".json", ".lock", ".deed"} <= {path.suffix for path in found}
    assert {path.stat().st_uid for path in found} == {ALICE}


def test_two_users_of_a_group_record_into_one_store(store: JSONStorage) -> None:
    store.file_path.with_name("history.json.lock").unlink()
    for count, user in enumerate([ALICE, BOB, ALICE], start=4):
        assert "insight: saved 1 result" in record(user, store)
        assert store.count() == count
    assert rights_of(store.file_path) == (ALICE, TEAM, 0o660, None)


def test_a_lock_that_its_owner_had_alone_is_shared_at_the_owners_next_write(
    store: JSONStorage,
) -> None:
    lock = store.file_path.with_name("history.json.lock")
    own(lock, ALICE, ALICE, 0o600)  # made before the store was shared
    ran = insight(BOB, store, "sessions", "pin", "last")
    assert ran.status == 1
    assert "history.json.lock cannot be opened: Permission denied" in ran.err
    assert "write to the store once as the owner of the lock file" in ran.err
    for user in (ALICE, BOB):
        assert insight(user, store, "sessions", "pin", "last").status == 0
        assert insight(user, store, "sessions", "unpin", "last").status == 0


def test_a_rewrite_that_would_change_the_owner_is_refused(store: JSONStorage) -> None:
    before = store.file_path.read_bytes()
    ran = insight(BOB, store, "sessions", "clear", "--session", "api-0", "--yes")
    assert ran.status == 1
    assert "it belongs to the user 4001, and only that user or root may replace it" in ran.err
    assert store.file_path.read_bytes() == before
    assert not list(store.file_path.parent.glob("*.tmp"))
    assert insight(ALICE, store, "sessions", "clear", "--session", "api-0", "--yes").status == 0
    assert rights_of(store.file_path) == (ALICE, TEAM, 0o660, None)


# Files that an export would replace ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "mode", "said"),
    [
        (BOB, 0o444, "is write-protected"),
        (ALICE, 0o644, "is write-protected"),
        (ALICE, 0o666, "it belongs to the user 4001"),
    ],
)
def test_an_export_replaces_no_file_that_may_not_be_written(
    store: JSONStorage, owner: int, mode: int, said: str
) -> None:
    target = store.file_path.parent / "target.json"
    target.write_text("kept")
    own(target, owner, owner, mode)
    ran = insight(BOB, store, "export", target)
    assert ran.status == 1
    assert ran.err.startswith(f"insight: error: cannot write {target}: ")
    assert said in ran.err
    assert target.read_text() == "kept"


def test_a_link_of_a_stranger_in_a_shared_folder_is_not_followed(
    store: JSONStorage, make_session: MakeSession
) -> None:
    shared, precious = store.file_path.parent / "tmp", store.file_path.parent / "precious.json"
    shared.mkdir()
    own(shared, 0, 0, 0o1777)
    precious.write_text("kept")
    own(precious, BOB, BOB, 0o600)
    link = shared / "export.json"
    link.symlink_to(precious)
    own(link, MALLORY, MALLORY, 0)
    ran = insight(BOB, store, "export", link)
    assert ran.status == 1
    assert f"{link} is a symbolic link of the user 4003, which is not followed" in ran.err
    with pytest.raises(ExchangeError, match="is a symbolic link of the user 4003"):
        store.export_sessions(link)
    with pytest.raises(StorageError, match="is a symbolic link of the user 4003"):
        JSONStorage(link).save_session(make_session(9))
    assert precious.read_text() == "kept"
    own(link, BOB, BOB, 0)
    assert insight(BOB, store, "export", link).status == 0
    assert precious.read_bytes() == store.file_path.read_bytes()
    assert link.is_symlink()


def test_the_file_of_the_profiles_is_not_replaced_if_it_may_not_be_written(shared: Path) -> None:
    home = shared / "home"
    home.mkdir()
    own(home, BOB, BOB, 0o700)
    env = {"PYTEST_INSIGHT_HOME": str(home)}
    assert run_as(as_user(BOB), "profile", "create", "one", env=env).status == 0
    (home / "profiles.json").chmod(0o444)
    ran = run_as(as_user(BOB), "profile", "create", "two", env=env)
    assert ran.status == 1
    assert "profiles.json is write-protected" in ran.err


def test_profiles_that_root_changes_stay_the_users(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(shared))
    ProfileManager().create_profile("one")
    own(shared / "profiles.json", BOB, TEAM, 0o640)
    ProfileManager().create_profile("two")
    assert rights_of(shared / "profiles.json") == (BOB, TEAM, 0o640, None)
