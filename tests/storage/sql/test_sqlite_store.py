"""The SQLite storage: its files, foreign and damaged databases, migrations, query plans."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pytest_insight import query
from pytest_insight._util.progress import Watcher, watched
from pytest_insight.analysis.runs import last_runs
from pytest_insight.analysis.survey import survey
from pytest_insight.errors import NewerFormatError, StorageError
from pytest_insight.filters import Selection, SutIs
from pytest_insight.storage import BaseStorage, SQLiteStorage
from pytest_insight.storage.sql import rows, schema
from pytest_insight.storage.sql.runs import preparation
from pytest_insight.storage.sql.sqlite.connection import SQLiteConnection
from pytest_insight.storage.store_file import StoreFile
from pytest_insight.testing import StorageContract
from pytest_insight.testing.rules import make_result
from pytest_insight.testing.runs import by_session
from tests.conftest import MakeSession

OLD_STORE = Path(__file__).parents[2] / "data" / "sqlite-2.sql"
"""The tables of version 2 that an earlier pytest-insight has filled."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SQLiteStorage]:
    with SQLiteStorage(tmp_path / "store" / "sessions.db") as storage:
        yield storage


class TestSQLiteStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return SQLiteStorage(tmp_path / "store" / "sessions.db")

    def reopened(self, storage: BaseStorage) -> BaseStorage:
        assert isinstance(storage, SQLiteStorage)
        return SQLiteStorage(storage.file_path)


def full_scans(lines: list[str]) -> list[str]:
    """Return the lines of a plan that read a whole table."""
    return [line for line in lines if "SCAN insight" in line or "SCAN r" in line]


def test_only_the_owner_can_read_the_files(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session())
    there = list(storage.file_path.parent.iterdir())
    assert {"sessions.db", "sessions.db.lock"} <= {path.name for path in there}
    assert {path.stat().st_mode & 0o777 for path in there} == {0o600}
    assert storage.file_path.parent.stat().st_mode & 0o777 == 0o700


def test_reading_a_missing_store_creates_no_file(tmp_path: Path) -> None:
    storage = SQLiteStorage(tmp_path / "none" / "sessions.db")
    assert storage.load_sessions() == []
    assert storage.count() == 0
    assert storage.verify().sound
    assert storage.group_by_test() == []
    assert storage.delete_sessions(["a"]) == 0
    assert not (tmp_path / "none").exists()


def test_closing_removes_the_write_ahead_log(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session())
    storage.close()
    assert {path.name for path in storage.file_path.parent.iterdir()} == {
        "sessions.db",
        "sessions.db.lock",
    }


@pytest.mark.parametrize("content", [b"not a database, but as long as one" * 99, b"{}"])
def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    for ask in (SQLiteStorage.session_ids, SQLiteStorage.clear_sessions):
        with pytest.raises(StorageError, match=r"a\.db"):
            ask(SQLiteStorage(path))
    assert path.read_bytes() == content


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at descriptors")
def test_a_file_that_is_refused_is_closed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"{}")
    with pytest.raises(StorageError) as caught:
        SQLiteStorage(path).session_ids()
    open_files = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    # The error has the frames: Python 3.13 would warn when it deletes an open connection with it.
    assert os.path.realpath(path) not in open_files, caught.value


def test_a_database_of_another_program_is_refused_unchanged(
    tmp_path: Path, make_session: MakeSession
) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program"):
        SQLiteStorage(path).session_ids()
    with pytest.raises(StorageError, match="another program"):
        SQLiteStorage(path).save_session(make_session())
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            "CREATE TRIGGER x AFTER INSERT ON insight_results BEGIN DELETE FROM t; END",
            "trigger 'x'",
        ),
        ("CREATE INDEX x ON insight_tests (hex(nodeid))", "index 'x'"),
        ("CREATE TABLE insight_more (a)", "table 'insight_more'"),
        ("DROP INDEX insight_sessions_by_start", "index insight_sessions_by_start is missing"),
        ("ALTER TABLE insight_sessions ADD COLUMN more TEXT", "table 'insight_sessions'"),
        (
            "DROP TABLE insight_sessions; CREATE VIEW insight_sessions AS WITH RECURSIVE n(i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n",
            "view 'insight_sessions'",
        ),
    ],
)
def test_tables_that_are_not_as_we_create_them_are_refused_unchanged(
    storage: SQLiteStorage, make_session: MakeSession, change: str, named: str
) -> None:
    storage.save_session(make_session())
    storage.close()
    with closing(sqlite3.connect(storage.file_path)) as theirs:
        theirs.executescript(f"CREATE TABLE t (a); {change}")
    before = storage.file_path.read_bytes()
    for use in (
        SQLiteStorage.load_sessions,
        SQLiteStorage.verify,
        SQLiteStorage.repair,
        lambda storage: storage.save_session(make_session(1)),
    ):
        with (
            SQLiteStorage(storage.file_path) as other,
            pytest.raises(
                StorageError, match=f"{named}.* another program has changed the database"
            ),
        ):
            use(other)
    assert storage.file_path.read_bytes() == before


def test_tables_and_views_of_others_beside_ours_do_no_harm(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session())
    with closing(sqlite3.connect(storage.file_path)) as theirs:
        theirs.executescript(
            "CREATE TABLE t (a); CREATE INDEX i ON t (a); ANALYZE;"
            "CREATE VIEW v AS SELECT * FROM insight_sessions"
        )
    with SQLiteStorage(storage.file_path) as other:
        other.save_session(make_session(1))
        assert other.session_ids() == ["api-0", "api-1"]
        assert other.verify().sound


def at_statement(storage: SQLiteStorage, part: str, act: Callable[[], None]) -> None:
    """Act once, as another process would, before the first statement that contains a text."""
    actions = [act]

    def traced(statement: str) -> None:
        if part in statement and actions:
            actions.pop()()

    connection = storage._connection()
    connection = connection or SQLiteConnection(StoreFile(storage.file_path, 60), "mode=rw")
    assert isinstance(connection, SQLiteConnection)
    connection._driver.set_trace_callback(traced)
    storage._connections[os.getpid(), threading.get_ident()] = connection


@pytest.mark.parametrize("part", ["application_id", "sqlite_master"])
def test_a_store_that_another_process_creates_while_we_look_is_no_foreign_database(
    tmp_path: Path, make_session: MakeSession, part: str
) -> None:
    path = tmp_path / "sessions.db"
    path.touch()
    with closing(sqlite3.connect(path)) as empty:
        empty.execute("PRAGMA journal_mode = WAL")
    with SQLiteStorage(path) as storage, SQLiteStorage(path) as other:
        at_statement(storage, part, lambda: other.save_session(make_session(0)))
        storage.save_session(make_session(1))
        assert storage.session_ids() == ["api-0", "api-1"]


def test_a_session_that_is_saved_during_a_query_is_found_whole_or_not_at_all(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session(0))
    tests = query.on_storage(storage).filter_by_test().with_nodeid_containing("test_").apply()
    questions: list[Callable[[], object]] = [
        lambda: [len(each.test_results) for each in tests.iter_sessions(newest_first=True)],
        lambda: [len(each.test_results) for each in tests.execute()],
        lambda: [sum(each.results for each in tests.group_by_test())],
        lambda: [len(tests.session_ids()) * 2],
    ]
    for number, ask in enumerate(questions, start=1):
        expected = ask()
        results = (*make_session().test_results[:1], make_result(f"test_new_{number}"))
        new = make_session(number, test_results=results)
        with SQLiteStorage(storage.file_path) as other:
            at_statement(storage, "FROM insight_sessions s", partial(other.save_session, new))
            found = ask()
        assert other.count() == number + 1
        assert found in (expected, ask())


def test_a_newer_version_is_refused(storage: SQLiteStorage, make_session: MakeSession) -> None:
    storage.save_session(make_session())
    with closing(sqlite3.connect(storage.file_path)) as database:
        database.execute("PRAGMA user_version = 99")
    newer = SQLiteStorage(storage.file_path)
    with pytest.raises(NewerFormatError, match="format 99"):
        newer.load_sessions()
    with pytest.raises(NewerFormatError):
        newer.save_session(make_session(1))


def test_an_older_version_is_migrated_as_a_whole(
    storage: SQLiteStorage, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.save_session(make_session())
    step = "CREATE TABLE insight_more (a {key})"
    before = list(schema.MIGRATIONS)
    monkeypatch.setattr(schema, "MIGRATIONS", [*before, (step, "not SQL")])
    with pytest.raises(StorageError, match="syntax error"):
        SQLiteStorage(storage.file_path).save_session(make_session(1))
    monkeypatch.setattr(schema, "MIGRATIONS", [*before, (step,)])
    SQLiteStorage(storage.file_path).save_session(make_session(1))
    assert storage.load_sessions() == [make_session(), make_session(1)]
    with closing(sqlite3.connect(storage.file_path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(before) + 1,)
        assert database.execute("SELECT count(*) FROM insight_more").fetchone() == (0,)


@pytest.fixture(params=[1, 2, 3])
def old_store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of an earlier version with 5 sessions; versions 1 and 2 have the same tables."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD_STORE.read_text())
        if request.param == 3:
            for statement in schema.migration_statements(2, SQLiteConnection.dialect, 3):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {request.param}")
        database.execute("PRAGMA journal_mode = WAL")
    path.chmod(0o600)
    return path


def test_an_older_store_is_read_as_it_is_and_migrated_when_it_is_written_to(
    old_store: Path, make_session: MakeSession
) -> None:
    before = old_store.read_bytes()
    with SQLiteStorage(old_store) as old:
        sessions = old.load_sessions()
        expected = survey(sessions)
        assert old.verify().sound
        assert len(old.group_by_test()) == 6
        assert old.survey() == expected
        assert len(list(old.runs())) == 30
    assert old_store.read_bytes() == before
    with SQLiteStorage(old_store) as old:
        new = make_session(session_id="new", arguments=["-x"])
        old.save_session(new)
        assert version_of(old) == schema.current_version()
        assert [each for each in old.load_sessions() if each != new] == sessions
        assert old.get_session_by_id("new") == new
        assert old.verify().sound
        assert unprepared(old) == 0
        assert old.survey() == survey(old.iter_sessions())
        assert {run.cause for run in old.survey().notable} > {run.cause for run in expected.notable}


def unprepared(storage: SQLiteStorage) -> int:
    """How many sessions the analysis reads in full."""
    with closing(sqlite3.connect(storage.file_path)) as database:
        sql = "SELECT count(*) FROM insight_sessions WHERE suite IS NULL"
        (count,) = database.execute(sql).fetchone()
    return int(count)


def test_a_large_old_store_is_prepared_in_shares_the_newest_sessions_first(
    old_store: Path, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation.prepare, "__defaults__", (12,))  # results, of 33
    left = []
    for number in range(3):
        with SQLiteStorage(old_store) as storage:
            storage.save_session(make_session(session_id=f"new-{number}"))
            left.append(unprepared(storage))
            assert storage.survey() == survey(storage.iter_sessions())
            newest_first = storage.iter_sessions(newest_first=True)
            assert by_session(storage.runs()) == by_session(last_runs(newest_first))
    assert left == [3, 1, 0]


def test_a_repair_prepares_all_sessions_and_reports_progress(
    old_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation.prepare, "__defaults__", (1,))
    begun = []

    class Watching(Watcher):
        def begin(self, work: str, total: int | None) -> None:
            begun.append(work)

    with SQLiteStorage(old_store) as storage, watched(Watching()):
        assert storage.repair().sound
        assert unprepared(storage) == 0
        assert storage.repair().sound
    assert begun.count("preparing sessions for verdicts") == 2  # the first one is of one session


def version_of(storage: SQLiteStorage) -> int:
    with closing(sqlite3.connect(storage.file_path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_verify_finds_damage_and_repair_refuses_it(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    storage.save_sessions(make_session(number) for number in range(300))
    storage.close()
    data = bytearray(storage.file_path.read_bytes())
    pages = len(data) // 4_096
    for page in range(pages // 2, pages):  # the first ones have the schema
        data[page * 4_096 : page * 4_096 + 64] = b"\xff" * 64
    storage.file_path.write_bytes(data)
    assert not SQLiteStorage(storage.file_path).verify().sound
    with pytest.raises(StorageError, match=r"sessions\.db"):
        SQLiteStorage(storage.file_path).repair()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE insight_totals SET results = results + 1 WHERE outcome = 1",
        "DELETE FROM insight_totals WHERE outcome = 1",
        "INSERT INTO insight_totals VALUES (7, 1, 1, 1, 1.0, 1, 1)",
        "UPDATE insight_days SET last = last + 1 WHERE outcome = 1",
        "UPDATE insight_totals SET total = total + 1 WHERE outcome = 1",
    ],
)
def test_verify_finds_wrong_totals_and_repair_recounts_them(
    storage: SQLiteStorage, make_session: MakeSession, change: str
) -> None:
    storage.save_sessions(make_session(number) for number in range(3))
    right = storage.group_by_test(percentiles=False)
    with closing(sqlite3.connect(storage.file_path)) as file:
        file.execute(change)
        file.commit()
    assert "do not match the results" in storage.verify().damage[0]
    assert storage.repair().sessions == 3
    assert storage.verify().sound
    assert storage.group_by_test(percentiles=False) == storage.group_by_test(
        Selection((SutIs("*"),)), percentiles=False
    )
    assert storage.group_by_test(percentiles=False) == right


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM insight_runs WHERE session = (SELECT max(session) FROM insight_runs)",
        "UPDATE insight_runs SET attempts = 2",
        "UPDATE insight_sessions SET bad = 0",
        "UPDATE insight_suites SET tests = x'0000000000000000'",
        "DELETE FROM insight_suites",
        "UPDATE insight_reasons SET message = 'other'",
        "DELETE FROM insight_reasons",
    ],
)
def test_verify_finds_wrong_runs_and_repair_finds_them_again(
    storage: SQLiteStorage, make_session: MakeSession, change: str
) -> None:
    failed = make_result("test_y", "failed", message="KeyError: 'a'")
    storage.save_sessions(make_session(n, test_results=[make_result(), failed]) for n in range(3))
    right = storage.survey()
    with closing(sqlite3.connect(storage.file_path)) as file:
        file.execute(change)
        file.commit()
    assert "not match the results" in storage.verify().damage[0]
    assert storage.repair().sessions == 3
    assert storage.verify().sound
    assert storage.survey() == right


@pytest.mark.parametrize("column", ["attempts", "duration"])
def test_runs_that_are_not_as_we_write_them_are_found_from_the_results(
    storage: SQLiteStorage, make_session: MakeSession, column: str
) -> None:
    twice = [make_result(), make_result(), make_result("test_y", "failed", message="e")]
    storage.save_sessions(make_session(n, test_results=twice) for n in range(3))

    def found() -> tuple[object, ...]:
        timed = storage.durations(None, None, last=2)
        return (
            storage.survey(),
            storage.matrix(),
            [sorted(zip(each.nodeids, each.seconds, strict=True)) for each in timed],
        )

    right = found()
    with closing(sqlite3.connect(storage.file_path)) as file:
        file.execute(f"UPDATE insight_runs SET {column} = 'x'")
        file.commit()
    assert found() == right


def test_suites_and_reasons_are_deleted_with_the_last_session_that_has_them(
    storage: SQLiteStorage, make_session: MakeSession
) -> None:
    def left() -> list[int]:
        with closing(sqlite3.connect(storage.file_path)) as file:
            counts = [f"(SELECT count(*) FROM insight_{name})" for name in ("suites", "reasons")]
            return list(file.execute(f"SELECT {', '.join(counts)}").fetchone())

    one, other = (make_result(f"test_{name}", "failed", message=name) for name in "ab")
    storage.save_sessions(make_session(n, test_results=[one]) for n in range(2))
    storage.save_session(make_session(2, test_results=[one, other]))
    assert left() == [2, 2]
    storage.delete_sessions([make_session(0).session_id])
    assert left() == [2, 2]
    storage.delete_sessions([make_session(2).session_id])
    assert left() == [1, 1]
    storage.save_session(make_session(1, test_results=[make_result("test_a")]))
    assert left() == [1, 0]
    storage.clear_sessions()
    assert left() == [0, 0]


def test_two_names_with_the_same_key_are_refused(
    storage: SQLiteStorage, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "hash_key", len)
    results = make_session().test_results
    with pytest.raises(StorageError, match="same key"):
        storage.save_session(make_session(test_results=results))
    storage.save_session(make_session(test_results=results[:1]))
    with pytest.raises(StorageError, match="same key"):
        storage.save_session(make_session(10, test_results=results[1:]))
    with pytest.raises(StorageError, match="same key"):
        storage.save_session(make_session(1, test_results=results[:1]))  # api-0, api-1
    assert storage.load_sessions() == [make_session(test_results=results[:1])]


def test_query_plans_use_the_indexes(storage: SQLiteStorage, make_session: MakeSession) -> None:
    storage.save_sessions(make_session(number) for number in range(20))
    asked = query.on_storage(storage)
    tests = asked.filter_by_test()
    for question in (
        asked.in_last_days(7),
        asked.with_session_id_pattern("api-1"),
        tests.with_outcome("failed").apply(),
        asked.latest(1),
    ):
        assert not full_scans(question.explain())
    (by_name,) = full_scans(tests.with_nodeid_containing("test_x").apply().explain())
    assert by_name.strip() == "SCAN insight_tests"  # each nodeid once, not each result
    by_name_and_session = tests.with_nodeid_containing("test_x").apply().explain()
    assert any("(session=? AND test=?)" in line for line in by_name_and_session)
