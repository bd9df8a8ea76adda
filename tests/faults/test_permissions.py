"""Private files whatever the umask; what may not be written is read, and said before any work."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.errors import StorageError
from pytest_insight.storage import JSONStorage
from tests.conftest import MakeSession
from tests.exchange.helpers import without_root
from tests.faults.commands import Ran, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX's permissions")

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
# Permissions mean nothing to root, unless it is started without what makes it so.
BEFORE: tuple[str, ...] = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if AS_ROOT else ()
)
needs_permissions = pytest.mark.skipif(
    bool(BEFORE) and shutil.which(BEFORE[0]) is None, reason="permissions mean nothing to root"
)


def insight(*arguments: str | Path) -> Ran:
    return run(*arguments, before=BEFORE)


def modes(folder: Path) -> dict[str, int]:
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_everything_we_keep_is_its_owners_alone_whatever_the_umask(umask: int) -> None:
    home = Path.home()
    Path("test_it.py").write_text("import os\ndef test_it():\n    os._exit(3)\n")
    killed = subprocess.run(  # leaves a journal behind
        [sys.executable, "-m", "pytest", "--insight", "-q", "-p", "no:cacheprovider"],
        umask=umask,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 3
    journals = home / ".local" / "state" / "pytest-insight"
    assert any(path.is_file() for path in journals.rglob("*"))
    kept = modes(journals)
    folders = {name for name in kept if (journals / name).is_dir()}
    assert run("sessions", "list", umask=umask).status == 0  # brings it in
    assert run("profile", "create", "other", umask=umask).status == 0
    assert run("export", "a.json", umask=umask).status == 0
    assert run("--profile", "other", "import", "a.json", umask=umask).status == 0
    store = home / ".pytest_insight" / "sessions.json"
    whole = store.read_bytes()
    store.write_bytes(whole.replace(b'"outcome"', b'"out\0ome"'))  # keeps a backup
    assert "warning" in run("sessions", "list", umask=umask).err
    assert run("sessions", "repair", umask=umask).status == 0
    store.write_bytes(store.read_bytes()[:-4] + b',\n{"session_id":"torn')
    assert run("import", "a.json", "--merge", "keep_both", umask=umask).status == 0
    found = modes(home / ".pytest_insight")
    suffixes = {Path(name).suffix for name in found}
    assert {".json", ".lock", ".bak", ".deed"} <= suffixes
    folders.update(name for name in found if (store.parent / name).is_dir())
    for name, mode in {**found, **kept}.items():
        assert mode == (0o700 if name in folders else 0o600), (name, oct(mode))


@pytest.fixture
def protected(tmp_path: Path, make_session: MakeSession) -> JSONStorage:
    """A store that may be read and not written, and its folder the same."""
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    storage.export_sessions("other.json")
    for path in (*storage.path.parent.iterdir(), storage.path.parent):
        path.chmod(path.stat().st_mode & 0o555)
    return storage


READING = [
    "sessions list",
    "sessions show",
    "query tests --outcome failed",
    "sessions verify",
    "export out.json",
    "export --format csv",
    "profile list",
    "profile show default",
]
WRITING = [
    "import other.json --merge replace_existing",
    "import other.json --merge keep_both",
    "sessions clear --yes",
    "sessions prune --keep 1 --yes",
    "sessions pin last",
    "sessions repair",
    "profile create x",
]


@needs_permissions
@pytest.mark.parametrize("command", READING)
def test_a_read_only_store_answers_every_question(protected: JSONStorage, command: str) -> None:
    ran = insight(*command.split())
    assert (ran.status, ran.err.count("error")) == (0, 0), ran
    assert "warning" not in ran.err


@needs_permissions
@pytest.mark.parametrize("command", WRITING)
def test_writing_a_read_only_store_is_an_error_and_changes_nothing(
    protected: JSONStorage, command: str
) -> None:
    before = protected.path.read_bytes()
    ran = insight(*command.split())
    assert ran.status == 1
    assert ran.err.startswith("insight: error: cannot write ")
    assert ran.err.count("\n") == 1
    assert protected.path.read_bytes() == before
    assert sorted(path.name for path in protected.path.parent.iterdir()) == [
        "sessions.json",
        "sessions.json.lock",
    ]


@needs_permissions
def test_a_damaged_read_only_store_is_read_though_no_copy_can_be_kept(
    protected: JSONStorage,
) -> None:
    data = protected.path.read_bytes()
    protected.path.write_bytes(data.replace(b'"passed"', b'"pa\0sed"', 1))
    ran = insight("sessions", "list", "--format", "json")
    assert (ran.status, ran.out.count('"session_id"')) == (0, 2)
    assert "it could not be copied (Permission denied)" in ran.err


@needs_permissions
def test_an_import_asks_first_whether_it_may_write(protected: JSONStorage) -> None:
    # The file is not looked at: what is wrong with it, and how large it is, does not matter.
    Path("bad.json").write_text("not JSON")
    ran = insight("import", "bad.json")
    assert ran.status == 1
    assert "sessions.json is write-protected" in ran.err
    assert "JSON:" not in ran.err
    assert "cannot be read as JSON" in insight("import", "bad.json", "--dry-run").err


@needs_permissions
def test_a_store_that_is_write_protected_is_not_replaced_by_a_new_file(
    protected: JSONStorage,
) -> None:
    protected.path.parent.chmod(0o700)
    protected.path.with_name("sessions.json.lock").chmod(0o600)
    before = protected.path.read_bytes()
    for command in WRITING[:-1]:
        ran = insight(*command.split())
        assert (ran.status, ran.out) == (1, ""), command
        assert "sessions.json is write-protected" in ran.err or "Permission denied" in ran.err
    assert protected.path.read_bytes() == before


@pytest.mark.skipif(not AS_ROOT, reason="somebody else's files can only be made by root")
def test_somebody_elses_store_is_an_error_for_the_library_too(
    tmp_path: Path, make_session: MakeSession
) -> None:
    storage = JSONStorage(tmp_path / "shared" / "sessions.json")
    storage.save_session(make_session())
    storage.check_writable()
    # Whether a folder above may be entered or not.
    with without_root(), pytest.raises(StorageError, match="is write-protected"):
        storage.check_writable()
