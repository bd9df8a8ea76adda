"""Save sessions on a small file system until it is full; run by `test_places` in a namespace.

`python -m tests.faults.full FOLDER`: the folder is empty and a whole small file system. Prints how
many sessions were saved before the first refusal, and how many operations after it were refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pytest_insight.errors import ExchangeError, StorageError
from pytest_insight.storage import JSONStorage, ProfileManager
from tests.faults.places import temporary_files
from tests.faults.victims import session


def main(folder: Path) -> None:
    """Fill the file system and print what was saved."""
    filler = folder / "filler"
    filler.write_bytes(bytes(200_000))
    storage = JSONStorage(folder / "store" / "sessions.json")
    manager = ProfileManager(folder / "store" / "profiles.json")
    manager.create_profile("old")
    saved = 0
    while not refused(partial(storage.save_session, session(f"s{saved}", 1))):
        saved += 1
    file = storage.file_path.read_bytes()
    (folder / "rest").write_bytes(b"")
    fill(folder / "rest")
    refusals = [
        refused(lambda: storage.save_session(session(f"s{saved}", 1))),
        refused(lambda: storage.delete_sessions(["s0"])),
        refused(lambda: storage.import_sessions(Path("import.json"))),
        refused(storage.clear_sessions),
        refused(lambda: storage.export_sessions(folder / "export.json")),
        refused(lambda: manager.create_profile("new")),
        refused(lambda: manager.switch_profile("old")),
    ]
    assert storage.file_path.read_bytes() == file
    assert temporary_files(storage.file_path) == []
    assert list(manager.list_profiles()) == ["default", "old"]
    # With free space again, saving works.
    for each in (filler, folder / "rest"):
        each.unlink()
    storage.save_session(session("next", 1))
    assert set(storage.session_ids()) == {*(f"s{number}" for number in range(saved)), "next"}
    assert all(each == session(each.session_id, 1) for each in storage.iter_sessions())
    assert storage.verify().tidy
    print(saved, sum(refusals))


def fill(path: Path) -> None:
    """Fill the rest of the file system."""
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass  # full


def refused(operation: Callable[[], object]) -> bool:
    """Return whether the operation failed because the disk is full."""
    try:
        operation()
    except (StorageError, ExchangeError) as exc:
        if "No space left on device" not in str(exc):
            raise
        return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
