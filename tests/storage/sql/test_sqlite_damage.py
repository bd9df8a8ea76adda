"""Damaged SQLite files: what can be read is read, and what cannot is named."""

from __future__ import annotations

import os
import random
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from pytest_insight import locations, query
from pytest_insight.errors import StorageError, StoreDamageWarning
from pytest_insight.filters import HasTag, Selection
from pytest_insight.models import TestSession
from pytest_insight.storage import SQLiteStorage, create_profile, get_storage_instance
from pytest_insight.storage.sql.rows import hash_key
from pytest_insight.testing.rules import make_result
from tests.conftest import MakeSession

LONG = os.environ.get("FAULTS") == "long"
TAG = Selection((HasTag("team", "red"),))


@pytest.fixture
def sessions(make_session: MakeSession) -> list[TestSession]:
    """Five sessions; `api-2` has a test that no other has, and an outcome of a plugin."""
    more = (make_result("test_only"), make_result("test_z", "flaky"))
    return [
        make_session(
            number,
            session_tags={"team": "red"},
            test_results=(*make_session(number).test_results, *(more if number == 2 else ())),
        )
        for number in range(5)
    ]


@pytest.fixture
def storage(tmp_path: Path, sessions: list[TestSession]) -> Iterator[SQLiteStorage]:
    with SQLiteStorage(tmp_path / "sessions.db") as storage:
        storage.save_sessions(sessions)
        yield storage


def change(storage: SQLiteStorage, statement: str) -> None:
    """Change the session `api-2`, whose key is `:key`."""
    with closing(sqlite3.connect(storage.file_path)) as file:
        file.execute(statement, {"key": hash_key("api-2")} if ":key" in statement else {})
        file.commit()


DAMAGE = [
    "UPDATE insight_sessions SET header = '{' WHERE id = :key",
    "UPDATE insight_sessions SET header = x'7b' WHERE id = :key",
    "UPDATE insight_sessions SET header = replace(header, 'api-2', 'api-7') WHERE id = :key",
    "UPDATE insight_sessions SET header = CAST(x'7bff7d' AS TEXT) WHERE id = :key",
    "UPDATE insight_sessions SET results = 7 WHERE id = :key",
    "UPDATE insight_sessions SET results = 'x' WHERE id = :key",
    "UPDATE insight_sessions SET started = 'x' WHERE id = :key",
    "UPDATE insight_sessions SET started = x'00' WHERE id = :key",
    "UPDATE insight_results SET duration = 'x' WHERE session = :key",
    "UPDATE insight_results SET duration = -1 WHERE session = :key",
    "UPDATE insight_results SET began = 'x' WHERE session = :key",
    "UPDATE insight_results SET began = 9223372036854775807 WHERE session = :key",
    "UPDATE insight_results SET position = x'00' WHERE session = :key AND outcome = 0",
    "UPDATE insight_details SET result = '{' WHERE session = :key",
    "UPDATE insight_details SET result = replace(result, '2026', '20x6') WHERE session = :key",
    "DELETE FROM insight_results WHERE session = :key AND outcome = 0",
    "DELETE FROM insight_tests WHERE nodeid LIKE '%test_only'",
    "UPDATE insight_tests SET nodeid = CAST(x'74ff' AS TEXT) WHERE nodeid LIKE '%test_only'",
    "UPDATE insight_tests SET nodeid = x'00' WHERE nodeid LIKE '%test_only'",
]


@pytest.mark.parametrize("statement", DAMAGE)
@pytest.mark.filterwarnings("ignore::pytest_insight.errors.StoreDamageWarning")
def test_a_damaged_session_is_skipped_with_a_warning_and_the_others_are_read(
    storage: SQLiteStorage, sessions: list[TestSession], statement: str
) -> None:
    change(storage, statement)
    rest = [each for each in sessions if each.session_id != "api-2"]
    with pytest.warns(StoreDamageWarning, match="'api-2'") as warned:
        assert storage.load_sessions() == rest
    assert {each.filename for each in warned} == {__file__}  # the line that asked
    assert list(storage.iter_sessions(newest_first=True)) == rest[::-1]
    assert storage.select(TAG) == rest
    failed = query.on_storage(storage).filter_by_test().with_outcome("failed").apply()
    names = [each.session_id for each in failed.execute()]
    assert [name for name in names if name != "api-2"] == [each.session_id for each in rest]
    summaries = storage.group_by_test(TAG)
    assert [each.results for each in summaries if "test_y" in each.nodeid] in ([4], [5])
    assert storage.sut_names() == ["api"]
    last = storage.get_last_session()
    assert last == sessions[-1]


@pytest.mark.parametrize("statement", DAMAGE)
def test_a_damaged_session_is_named_by_verify_repair_and_whoever_asks_for_it(
    storage: SQLiteStorage, sessions: list[TestSession], statement: str
) -> None:
    change(storage, statement)
    found = storage.verify()
    assert (found.sessions, found.results) == (4, 8)
    assert any("'api-2'" in each for each in found.damage)
    with pytest.raises(StorageError, match=r"sessions\.db is damaged and was not chang.*'api-2'"):
        storage.repair()
    with pytest.raises(StorageError, match="'api-2'"):
        storage.get_session_by_id("api-2")
    assert storage.get_session_by_id("api-3") == sessions[3]


@pytest.mark.parametrize("statement", DAMAGE)
def test_a_damaged_session_can_be_deleted_or_saved_again(
    storage: SQLiteStorage, sessions: list[TestSession], statement: str
) -> None:
    change(storage, statement)
    assert storage.delete_sessions(["api-2"]) == 1
    if "insight_tests" not in statement:  # the nodeid stays damaged
        storage.save_session(sessions[2])
        assert storage.load_sessions() == sessions
    storage.repair()
    assert storage.verify().sound


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE insight_totals SET longest = 'x'",
        "UPDATE insight_totals SET results = x'00'",
        "UPDATE insight_totals SET results = 0",
        "UPDATE insight_totals SET last = 9223372036854775807",
        "UPDATE insight_totals SET total = 'x'",
        "UPDATE insight_totals SET outcome = 77 WHERE outcome = 1",
        "INSERT INTO insight_totals VALUES (7, 1, 1, 1, 1.0, 1, 1)",
    ],
)
def test_totals_that_are_damaged_are_counted_from_the_results(
    storage: SQLiteStorage, statement: str
) -> None:
    orders = (None, "mean", "failures", "last")
    asked = query.on_storage(storage)

    def summaries() -> list[object]:
        return [asked.group_by_test(sort=sort, limit=3, percentiles=False) for sort in orders]

    right = summaries()
    change(storage, statement)
    assert summaries() == right
    assert not storage.verify().sound
    storage.repair()
    assert storage.verify().sound
    assert summaries() == right


def test_an_outcome_without_a_name_hides_no_other_summary(storage: SQLiteStorage) -> None:
    right = storage.group_by_test()
    change(storage, "DELETE FROM insight_outcomes")
    assert storage.group_by_test() == right  # each result has it, too


def questions(storage: SQLiteStorage, sessions: list[TestSession]) -> list[Callable[[], object]]:
    """Return calls that read and then change a store."""
    asked = query.on_storage(storage)
    tests = asked.filter_by_test()
    return [
        storage.session_ids,
        lambda: list(storage.iter_sessions(newest_first=True)),
        storage.get_last_session,
        lambda: storage.get_session_by_id("api-2"),
        storage.sut_names,
        storage.group_by_test,
        lambda: storage.group_by_test(percentiles=False, flaky=True),
        lambda: asked.group_by_test(sort="failures", limit=2),
        lambda: tests.with_outcome("failed").apply().execute(),
        lambda: tests.with_outcome("failed").apply().group_by_test(sort="mean", limit=1),
        lambda: tests.with_nodeid_containing("test_x").apply().session_ids(),
        lambda: tests.with_pattern("test_[xy]", use_regex=True).apply().execute(),
        lambda: storage.select(TAG),
        lambda: asked.with_reruns().execute(),
        storage.repair,
        lambda: storage.prune_sessions(keep=4),
        lambda: storage.save_session(sessions[3]),
        lambda: storage.pin_sessions(["api-4"]),
        lambda: storage.delete_sessions(["api-1"]),
        storage.clear_sessions,
    ]


def test_one_changed_bit_ends_in_an_answer_or_a_sentence(
    storage: SQLiteStorage, sessions: list[TestSession], tmp_path: Path
) -> None:
    storage.close()
    whole = storage.file_path.read_bytes()
    rng = random.Random(os.environ.get("FAULTS_SEED", "1"))
    refused = read = 0
    for number in range(1_500 if LONG else 20):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path = tmp_path / f"{number}.db"
        path.write_bytes(data)
        with SQLiteStorage(path) as damaged, warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreDamageWarning)
            try:
                loaded = damaged.load_sessions()
                found = damaged.verify()
            except StorageError:
                refused += 1
            else:
                read += 1
                assert found.sessions == len(loaded)
                assert not found.sound or len(loaded) == len(sessions)
            for ask in questions(damaged, sessions):
                with suppress(StorageError):
                    ask()
    assert read > refused > 0 or not LONG


@pytest.mark.skipif(not hasattr(os, "truncate"), reason="makes sparse files")
def test_a_huge_sparse_file_is_refused_or_read_as_far_as_it_goes(
    storage: SQLiteStorage, sessions: list[TestSession], tmp_path: Path
) -> None:
    storage.close()
    os.truncate(storage.file_path, 1 << 40)  # the header says where the database ends
    with SQLiteStorage(storage.file_path) as huge:
        assert huge.load_sessions() == sessions
        assert huge.verify().sound
    empty = tmp_path / "empty.db"
    empty.touch()
    os.truncate(empty, 1 << 40)
    for use in (SQLiteStorage.load_sessions, SQLiteStorage.verify, SQLiteStorage.repair):
        with pytest.raises(StorageError, match="file is not a database"):
            use(SQLiteStorage(empty))


@pytest.mark.parametrize("content", [b"\0" * 8192, b"garbage, not a database\n" * 10])
def test_a_store_at_home_that_is_no_database_is_kept_and_a_new_one_begun(
    content: bytes, make_session: MakeSession
) -> None:
    create_profile("nightly", "sqlite")
    path = locations.store_path("nightly", ".db")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with get_storage_instance(profile_name="nightly") as storage:
        with pytest.warns(
            StoreDamageWarning, match=r"nothing in the store .*nightly\.db .*kept as"
        ):
            assert storage.load_sessions() == []
        with pytest.warns(StoreDamageWarning, match="kept as"):
            storage.save_session(make_session(0))
        assert storage.load_sessions() == [make_session(0)]
    (kept,) = path.parent.glob("nightly.db.*.bak")
    assert kept.read_bytes() == content


def test_a_file_elsewhere_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, make_session: MakeSession
) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"my notes\n" * 100)
    with SQLiteStorage(path) as storage, pytest.raises(StorageError, match="not a database"):
        storage.save_session(make_session(0))
    assert path.read_bytes() == b"my notes\n" * 100


def test_an_error_in_a_transaction_that_only_reads_is_one_of_reading(
    storage: SQLiteStorage, sessions: list[TestSession]
) -> None:
    connection = storage._connection()
    assert connection is not None
    with pytest.raises(StorageError, match="cannot read the store"), connection.read_transaction():
        connection.execute("SELECT nothing")
    with pytest.raises(StorageError, match="cannot write the store"):
        connection.execute("SELECT nothing")


def test_all_damaged_sessions_of_a_reading_are_one_warning(
    storage: SQLiteStorage, sessions: list[TestSession]
) -> None:
    change(storage, "UPDATE insight_sessions SET header = '{'")
    with pytest.warns(StoreDamageWarning) as warned:
        assert storage.load_sessions() == []
    (warning,) = warned
    more = len(sessions) - 1
    assert f"; and {more} more sessions. The other sessions can" in str(warning.message)
