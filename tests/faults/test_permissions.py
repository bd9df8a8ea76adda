"""Files are private whatever the umask; a read-only store is read, and refused before any work."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_insight.errors import StorageError
from pytest_insight.storage import InMemoryStorage, JSONStorage, SQLiteStorage
from tests.conftest import MakeSession
from tests.exchange.helpers import without_root
from tests.faults.commands import Ran, run_apart

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX's permissions")

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
# Root ignores permissions unless it drops its capabilities.
BEFORE: tuple[str, ...] = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if AS_ROOT else ()
)
needs_permissions = pytest.mark.skipif(
    bool(BEFORE) and shutil.which(BEFORE[0]) is None, reason="permissions mean nothing to root"
)
json_only = pytest.mark.parametrize("protected", ["json"], indirect=True)


def insight(*arguments: str | Path) -> Ran:
    return run_apart(*arguments, obeys_permissions=True)


def modes(folder: Path) -> dict[str, int]:
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_everything_we_keep_is_its_owners_alone_whatever_the_umask(umask: int) -> None:
    home = Path.home()
    Path("test_it.py").write_text("import os\ndef test_it():\n    os._exit(3)\n")
    killed = subprocess.run(  # leaves a journal
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
    assert run_apart("sessions", "list", umask=umask).status == 0  # recovers the journal
    assert run_apart("profile", "create", "other", umask=umask).status == 0
    assert run_apart("export", "a.json", umask=umask).status == 0
    assert run_apart("--profile", "other", "import", "a.json", umask=umask).status == 0
    store = home / ".pytest_insight" / "sessions.json"
    whole = store.read_bytes()
    store.write_bytes(whole.replace(b'"outcome"', b'"out\0ome"'))  # keeps a backup
    assert "warning" in run_apart("sessions", "list", umask=umask).err
    assert run_apart("sessions", "repair", umask=umask).status == 0
    store.write_bytes(store.read_bytes()[:-4] + b',\n{"session_id":"torn')
    assert run_apart("import", "a.json", "--merge", "keep_both", umask=umask).status == 0
    found = modes(home / ".pytest_insight")
    suffixes = {Path(name).suffix for name in found}
    assert {".json", ".lock", ".bak", ".deed"} <= suffixes
    folders.update(name for name in found if (store.parent / name).is_dir())
    for name, mode in {**found, **kept}.items():
        assert mode == (0o700 if name in folders else 0o600), (name, oct(mode))


def protect(folder: Path) -> None:
    """Make a folder and its files read-only."""
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & 0o555)


@pytest.fixture(params=["json", "sqlite"])
def protected(
    request: pytest.FixtureRequest, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> JSONStorage | SQLiteStorage:
    """A read-only store in a read-only folder."""
    storage: JSONStorage | SQLiteStorage = JSONStorage()
    if request.param == "sqlite":
        storage = SQLiteStorage()
        monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", "sqlite")
        monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", storage.location)
    with storage:
        storage.save_sessions(make_session(number) for number in range(3))
        storage.export_sessions("other.json")
    protect(Path(storage.location).parent)
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
def test_a_read_only_store_answers_every_question(
    protected: JSONStorage | SQLiteStorage, command: str
) -> None:
    before = sorted(Path(protected.location).parent.iterdir())
    ran = insight(*command.split())
    assert (ran.status, ran.err.count("error")) == (0, 0), ran
    assert "warning" not in ran.err
    assert sorted(Path(protected.location).parent.iterdir()) == before


@needs_permissions
@pytest.mark.parametrize("command", WRITING)
def test_writing_a_read_only_store_is_an_error_and_changes_nothing(
    protected: JSONStorage | SQLiteStorage, command: str
) -> None:
    before = Path(protected.location).read_bytes()
    ran = insight(*command.split())
    assert ran.status == 1
    assert ran.err.startswith("insight: error: cannot write ")
    assert ran.err.count("\n") == 1
    assert Path(protected.location).read_bytes() == before
    name = Path(protected.location).name
    assert sorted(path.name for path in Path(protected.location).parent.iterdir()) == [
        name,
        f"{name}.lock",
    ]


@needs_permissions
@json_only
def test_a_damaged_read_only_store_is_read_though_no_copy_can_be_kept(
    protected: JSONStorage,
) -> None:
    data = Path(protected.location).read_bytes()
    Path(protected.location).write_bytes(data.replace(b'"passed"', b'"pa\0sed"', 1))
    ran = insight("sessions", "list", "--format", "json")
    assert (ran.status, ran.out.count('"session_id"')) == (0, 2)
    assert "it could not be copied (Permission denied)" in ran.err


@needs_permissions
@json_only
def test_an_import_asks_first_whether_it_may_write(protected: JSONStorage) -> None:
    # The file is not read: its size and its errors do not matter.
    Path("bad.json").write_text("not JSON")
    ran = insight("import", "bad.json")
    assert ran.status == 1
    assert "sessions.json is write-protected" in ran.err
    assert "JSON:" not in ran.err
    assert "cannot be read as JSON" in insight("import", "bad.json", "--dry-run").err


@needs_permissions
def test_a_store_that_is_write_protected_is_not_replaced_by_a_new_file(
    protected: JSONStorage | SQLiteStorage,
) -> None:
    name = Path(protected.location).name
    Path(protected.location).parent.chmod(0o700)
    Path(protected.location).with_name(f"{name}.lock").chmod(0o600)
    before = Path(protected.location).read_bytes()
    writing = WRITING[:-1]
    if isinstance(protected, SQLiteStorage):
        writing.remove("sessions repair")  # has nothing to repair, so it writes nothing
    for command in writing:
        ran = insight(*command.split())
        assert (ran.status, ran.out) == (1, ""), command
        assert f"{name} is write-protected" in ran.err or "Permission denied" in ran.err
    assert insight("sessions", "list").status == 0
    assert Path(protected.location).read_bytes() == before
    assert {path.name for path in Path(protected.location).parent.iterdir()} <= {
        name,
        f"{name}.lock",
        "undo",
    }


@needs_permissions
def test_a_run_whose_store_may_not_be_written_keeps_its_session(
    protected: JSONStorage | SQLiteStorage,
) -> None:
    Path("test_it.py").write_text("def test_it():\n    pass\n")
    command = (sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider")
    ran = subprocess.run([*BEFORE, *command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "insight: this run was NOT saved: cannot write " in ran.stdout
    for path in (Path(protected.location).parent, *Path(protected.location).parent.iterdir()):
        path.chmod(path.stat().st_mode | 0o200)
    assert "recovered" in insight("sessions", "list").err
    assert len(protected.session_ids()) == 4


# SQLite's files ----------------------------------------------------------------

_DIES = """
import os, sys
from pathlib import Path
from pytest_insight.storage import JSONStorage, SQLiteStorage
storage = SQLiteStorage(sys.argv[1])
storage.save_sessions(JSONStorage("other.json").load_sessions())
os._exit(0)
"""


@pytest.fixture
def left(tmp_path: Path, make_session: MakeSession) -> Path:
    """An SQLite store whose writer died: three sessions are only in its write-ahead log."""
    memory = InMemoryStorage()
    memory.save_sessions(make_session(number) for number in range(3))
    memory.export_sessions("other.json")
    path = tmp_path / "store" / "sessions.db"
    with SQLiteStorage(path) as storage:
        storage.save_session(make_session(3))
    subprocess.run([sys.executable, "-c", _DIES, str(path)], check=True)
    assert path.with_name("sessions.db-wal").stat().st_size
    return path


def on_sqlite(path: Path, *arguments: str) -> Ran:
    variables = {"PYTEST_INSIGHT_STORAGE_TYPE": "sqlite", "PYTEST_INSIGHT_DB_PATH": str(path)}
    return run_apart(*arguments, env=variables, obeys_permissions=True)


@needs_permissions
def test_what_a_dead_writer_left_in_the_log_of_a_protected_store_is_read(left: Path) -> None:
    protect(left.parent)
    ran = on_sqlite(left, "sessions", "list", "--format", "json")
    assert (ran.status, ran.out.count('"session_id"')) == (0, 4)


@needs_permissions
@pytest.mark.parametrize("command", [*READING[:2], *WRITING[:3]])
def test_a_log_that_cannot_be_read_is_said_in_a_sentence_and_no_session_is_left_out(
    left: Path, command: str
) -> None:
    left.with_name("sessions.db-shm").unlink()
    protect(left.parent)
    ran = on_sqlite(left, *command.split())
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("insight: error: cannot ")
    assert ran.err.count("\n") == 1
    if command in READING:
        assert "are still in sessions.db-wal" in ran.err
        assert f"{left.parent} is write-protected" in ran.err
        assert "copy both files" in ran.err


@needs_permissions
def test_a_file_beside_that_may_not_be_read_is_named(left: Path) -> None:
    log = left.with_name("sessions.db-wal")
    for path in (log, left):
        protect(left.parent)
        path.chmod(0)
        ran = on_sqlite(left, "sessions", "list")
        assert ran.status == 1
        assert f"no permission to read {path}" in ran.err
        path.chmod(0o600)
    left.parent.chmod(0o600)
    ran = on_sqlite(left, "sessions", "list")
    assert (ran.status, ran.err) == (
        1,
        f"insight: error: cannot read the store {left}: Permission denied\n",
    )


_WRITES = """
import sys
from pytest_insight.storage import SQLiteStorage
storage = SQLiteStorage(sys.argv[1])
for line in sys.stdin:
    operation, *names = line.split()
    getattr(storage, operation)(*([names] if names else []))
    print("done", flush=True)
"""


@pytest.mark.skipif(not AS_ROOT, reason="it needs one who may write and one who may not")
def test_whoever_may_not_write_sees_what_others_write_meanwhile(make_session: MakeSession) -> None:
    with TemporaryDirectory() as folder:  # other users may not enter pytest's folder
        Path(folder).chmod(0o755)
        path = Path(folder) / "sessions.db"
        with SQLiteStorage(path) as storage:
            storage.save_sessions(make_session(number) for number in range(500))
        path.chmod(0o644)
        # In another process: SQLite shares its state of a file within one process.
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITES, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def write(operation: str) -> None:
            print(operation, file=writer.stdin, flush=True)
            assert writer.stdout
            assert writer.stdout.readline() == "done\n"

        with SQLiteStorage(path) as reader, without_root():
            assert reader.count() == 500
            write("delete_sessions api-0")
            assert reader.count() == 499  # the session is in the write-ahead log
            reader.close()
            write("close")
            assert reader.count() == 499  # the session is in the file, and there is no log
            begun = reader.iter_sessions()
            next(begun)
            write("delete_sessions api-1")
            write("close")
            with pytest.raises(StorageError, match="changed while it was read; try again"):
                list(begun)
            assert reader.count() == 498
        writer.communicate()


@needs_permissions
def test_a_store_is_rewritten_in_a_folder_that_may_be_written_but_not_read(
    make_session: MakeSession,
) -> None:
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    storage.file_path.parent.chmod(0o300)
    ran = insight("sessions", "clear", "--session", "api-0", "--yes")
    storage.file_path.parent.chmod(0o700)
    assert ran.status == 0, ran
    assert storage.count() == 2
