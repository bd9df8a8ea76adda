"""Verify and repair a JSON store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_insight.errors import StorageError
from pytest_insight.storage import JSONStorage, SQLiteStorage
from pytest_insight.storage.verification import Verification
from tests.conftest import MakeSession


@pytest.fixture
def storage(tmp_path: Path, make_session: MakeSession) -> JSONStorage:
    """Three sessions, the second of them saved twice."""
    storage = JSONStorage(tmp_path / "store" / "sessions.json")
    storage.save_sessions(make_session(number) for number in range(3))
    storage.save_session(make_session(1, sut_name="again"))
    return storage


def side_files(storage: JSONStorage) -> list[Path]:
    names = (storage.file_path.name, f"{storage.file_path.name}.lock")
    return [path for path in storage.file_path.parent.iterdir() if path.name not in names]


def test_superseded_copies_are_counted_and_dropped_by_a_repair(storage: JSONStorage) -> None:
    before, size = storage.load_sessions(), storage.file_path.stat().st_size
    assert storage.verify() == Verification(3, 6, superseded=1)
    assert storage.repair() == Verification(3, 6, superseded=1)
    assert storage.verify() == Verification(3, 6)
    assert storage.load_sessions() == before
    assert storage.file_path.stat().st_size < size
    assert side_files(storage) == []


def test_a_repair_does_not_write_a_store_in_order(storage: JSONStorage) -> None:
    storage.repair()
    before = storage.file_path.stat()
    storage.repair()
    after = storage.file_path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"session_id":"api-2"', b'"session_id":"api-2'),  # not JSON
        (b'"failed","start_time":"2026-11-01T14', b'"failed","start_time":"2026-99-01T14'),
    ],
    ids=["malformed", "impossible"],
)
def test_damage_is_named_left_out_and_kept_in_a_backup(
    storage: JSONStorage, make_session: MakeSession, old: bytes, new: bytes
) -> None:
    data = storage.file_path.read_bytes()
    assert data.count(old) == 1
    damaged = data.replace(old, new)
    storage.file_path.write_bytes(damaged)

    found = storage.verify()
    assert (found.sessions, found.results) == (2, 4)
    assert len(found.damage) == 1
    assert "api-2" in found.damage[0] or "names no session" in found.damage[0]
    assert storage.file_path.read_bytes() == damaged
    assert side_files(storage) == []

    repaired = storage.repair()
    assert replace(repaired, backup=None) == found
    assert [str(path) for path in side_files(storage)] == [repaired.backup]
    assert Path(repaired.backup or "").read_bytes() == damaged
    assert storage.load_sessions() == [make_session(0), make_session(1, sut_name="again")]
    assert storage.verify().tidy


def test_an_interrupted_write_is_not_damage_and_is_kept_in_a_backup(storage: JSONStorage) -> None:
    before = storage.load_sessions()
    cut = storage.file_path.read_bytes()[:-40]
    storage.file_path.write_bytes(cut)
    found = storage.verify()
    assert found.sound
    assert found.unfinished
    assert not found.tidy
    repaired = storage.repair()
    assert Path(repaired.backup or "").read_bytes() == cut
    assert storage.verify().tidy
    # The copy of the second session that was cut off had not been acknowledged: the first stands.
    assert [s.session_id for s in storage.load_sessions()] == [s.session_id for s in before]


def test_a_file_of_another_writer_is_verified_and_rewritten_in_our_layout(
    storage: JSONStorage,
) -> None:
    storage.repair()
    before = storage.load_sessions()
    foreign = json.dumps(json.loads(storage.file_path.read_bytes())["sessions"], indent=2).encode()
    storage.file_path.write_bytes(foreign)
    assert storage.verify() == Verification(3, 6)
    assert storage.file_path.read_bytes() == foreign
    storage.repair()
    assert storage.file_path.read_bytes().startswith(b'{"format":"pytest-insight"')
    assert storage.load_sessions() == before


def test_verifying_a_missing_store_creates_nothing(tmp_path: Path) -> None:
    storage = JSONStorage(tmp_path / "none" / "sessions.json")
    assert storage.verify() == Verification(0, 0)
    assert not (tmp_path / "none").exists()


def test_a_database_is_refused_byte_for_byte(tmp_path: Path, make_session: MakeSession) -> None:
    path = tmp_path / "store" / "history.db"
    with SQLiteStorage(path) as database:
        database.save_sessions([make_session(1), make_session(2)])
    backup = JSONStorage(tmp_path / "backup.json")
    backup.save_session(make_session(3))
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert before.keys() == {"history.db", "history.db.lock"}
    storage = JSONStorage(path)
    for act in (
        storage.verify,
        storage.repair,
        lambda: storage.restore_backup(str(backup.file_path)),
        lambda: storage.prune_sessions(keep=0),
        lambda: storage.import_sessions(backup.file_path),
    ):
        with pytest.raises(StorageError, match=r"history\.db is an SQLite database.*--type sqlite"):
            act()
        assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
