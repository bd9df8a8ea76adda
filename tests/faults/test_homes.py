"""Users without a usable home (containers), and journals where other users can write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_insight import locations
from pytest_insight.storage import JSONStorage
from tests.faults.commands import INSIGHT
from tests.faults.conftest import LONG
from tests.recording.test_journal import begin, died, gives, recover

STRANGER = 54_321  # not in the password database
AS_STRANGER = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")


def can_be_a_stranger() -> bool:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    ran = subprocess.run([*AS_STRANGER, INSIGHT, "--help"], capture_output=True, check=False)
    return ran.returncode == 0


needs_a_stranger = pytest.mark.skipif(
    not can_be_a_stranger(), reason="needs root, and an installation that others can read"
)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may write to; other users may not enter pytest's folders."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def as_stranger(
    folder: Path, home: str | None, *command: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "HOME"}
    environment = kept | ({} if home is None else {"HOME": home}) | variables
    return subprocess.run(
        [*AS_STRANGER, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_a_stranger
@pytest.mark.parametrize("home", ["/nonexistent", "/", None] if LONG else ["/nonexistent"])
def test_without_a_usable_home_the_journal_is_beside_the_store_and_found_there(
    shared: Path, home: str | None
) -> None:
    store = {"PYTEST_INSIGHT_DB_PATH": str(shared / "store.json")}
    (shared / "test_it.py").write_text(
        "import os\ndef test_ok(): pass\ndef test_dies(): 'DIE' in os.environ and os._exit(3)\n"
    )
    record = (sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider")
    assert as_stranger(shared, home, *record, **store, DIE="1").returncode == 3
    assert list((shared / "store.json.journal").glob("*.jsonl"))
    ran = as_stranger(shared, home, INSIGHT, "export", "out.json", **store)
    assert ran.returncode == 0
    assert "while test_it.py::test_dies was running" in ran.stderr
    # What needs a home otherwise works, too: profiles are none, undo is beside the store.
    ran = as_stranger(shared, home, *record, **store)
    assert ran.stdout.count("\ninsight: ") == 1, ran.stdout
    assert "insight: saved 2 results" in ran.stdout
    for command in ("sessions clear --yes", "sessions undo --yes", "sessions verify"):
        ran = as_stranger(shared, home, INSIGHT, *command.split(), **store)
        assert ran.returncode == 0, ran.stderr
    assert JSONStorage(shared / "store.json").count() == 2
    # A store in the unusable home is an error that says what to do.
    ran = as_stranger(shared, home, *record)
    assert "insight: this run will NOT be saved: " in ran.stdout
    assert "set PYTEST_INSIGHT_HOME to a folder that you can write to" in ran.stdout


@needs_a_stranger
def test_a_run_without_a_journal_says_so_at_its_start(shared: Path) -> None:
    (shared / "test_it.py").write_text("def test_ok(): pass\n")
    (shared / "store.json.journal").mkdir()  # ours, not the stranger's
    record = (sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider")
    store = str(shared / "store.json")
    ran = as_stranger(shared, "/", *record, PYTEST_INSIGHT_DB_PATH=store)
    header, saved = (line for line in ran.stdout.splitlines() if line.startswith("insight: "))
    assert header.startswith("insight: a crash of this run would lose its results; cannot write")
    assert saved.startswith("insight: saved 1 result")


# Journals that another user may have written ------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="POSIX's permissions")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_journals_in_a_folder_that_others_can_write_to_are_refused_in_one_line(mode: int) -> None:
    path = died(gives("a"))
    path.parent.chmod(mode)
    (refused,) = recover()
    assert not refused.saved
    assert refused.message == (
        f"cannot look for journals of crashed runs in {path.parent}: {path.parent} is not private: "
        "other users can write to it; delete it, or set PYTEST_INSIGHT_HOME to a folder of your own"
    )
    assert JSONStorage().count() == 0
    writer = begin("api-2")
    assert "other users can write to it" in str(writer.problem)
    assert list(path.parent.glob("api-2*")) == []
    path.parent.chmod(0o700)
    assert recover()[0].saved


@needs_a_stranger
def test_a_journal_that_a_stranger_planted_is_not_followed(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = shared / "target.json"
    for variable in ("PYTEST_INSIGHT_HOME", "XDG_STATE_HOME"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, str(shared / variable))
            plant(locations.journal_folder(), target)
            ran = subprocess.run(
                [INSIGHT, "sessions", "list"], capture_output=True, text=True, check=False
            )
        assert ran.returncode == 0
        assert ran.stderr.count(f"it belongs to another user (ID {STRANGER})") == 1, ran.stderr
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(shared / "store.json"))
    plant(shared / "store.json.journal", target)
    ran = subprocess.run([INSIGHT, "sessions", "list"], capture_output=True, text=True, check=False)
    assert ran.stderr.count(f"it belongs to another user (ID {STRANGER})") == 1, ran.stderr
    assert not target.exists()
    # A single file in a folder of ours: it was ours to write to for a moment.
    path = died(gives("a"))
    os.chown(path, STRANGER, STRANGER)
    (refused,) = recover()
    assert refused.message == f"cannot read the journal {path}: it belongs to another user"


def plant(folder: Path, target: Path) -> None:
    """Make a journal whose session belongs in a file of ours."""
    default = str(JSONStorage().file_path).encode()
    path = died(gives("a"))
    content = path.read_bytes().replace(default, str(target).encode())
    path.unlink()
    folder.mkdir(parents=True, mode=0o755, exist_ok=True)
    (folder / "api-1.jsonl").write_bytes(content)
    for path in (folder, folder / "api-1.jsonl"):
        os.chown(path, STRANGER, STRANGER)
