"""The views for people: `runs`, `results` and `tests`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from pytest_insight.models import CodeState, TestResult
from pytest_insight.storage import BaseStorage, PostgreSQLStorage, SQLiteStorage
from pytest_insight.storage.sql import views
from pytest_insight.storage.sql.dialect import Dialect
from tests.conftest import MakeSession
from tests.postgresql import Server

Ask = Callable[..., list[dict[str, Any]]]

START = datetime(2026, 11, 9, 12, 0, 0, 250, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[BaseStorage, Ask]]:
    """A storage, and a function that asks its database as another program would."""
    if request.param == "sqlite":
        path = tmp_path / "sessions.db"

        def ask_sqlite(sql: str) -> list[dict[str, Any]]:
            with closing(sqlite3.connect(path)) as database:
                database.row_factory = sqlite3.Row
                found = [dict(row) for row in database.execute(sql)]
                database.commit()
            return found

        with SQLiteStorage(path) as file:
            yield file, ask_sqlite
        return
    url = request.getfixturevalue("postgresql_server").schema()

    def ask_postgresql(sql: str) -> list[dict[str, Any]]:
        with psycopg.connect(url, row_factory=dict_row) as database:
            cursor = database.execute(sql)
            return cursor.fetchall() if cursor.description else []

    with PostgreSQLStorage(url) as storage:
        yield storage, ask_postgresql


def as_time(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def as_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


RESULTS = (
    TestResult("tests/test_a.py::test_pays[a::b]", "passed", START, 0.5),
    TestResult(
        "tests/test_a.py::test_ships",
        "error",
        START + timedelta(seconds=1),
        0.25,
        phase="setup",
        message="no <b>ship</b>; 'x' %s",
        crash="tests/test_a.py:7",
        longreprtext="E   no ship",
        has_warning=True,
        worker="gw1",
    ),
    TestResult("README.md", "flaky", START + timedelta(seconds=2), 1.0),
)


def test_a_row_of_runs_tells_a_session(
    store: tuple[BaseStorage, Ask], make_session: MakeSession
) -> None:
    storage, ask = store
    session = make_session(
        session_start_time=START,
        session_stop_time=START + timedelta(seconds=3),
        session_duration=3.0,
        session_tags={"ci": "nightly"},
        testing_system={"host": "h"},
        code_state=CodeState("ABCDEF", "feature/x"),
        exit_status=1,
        test_results=RESULTS,
    )
    storage.save_session(session)
    (row,) = ask("SELECT * FROM runs")
    assert as_time(row.pop("started")) == START
    for field, expected in {
        "tags": {"ci": "nightly"},
        "testing_system": {"host": "h"},
        "arguments": list(session.arguments),
    }.items():
        assert as_json(row.pop(field)) == expected
    assert row == {
        "session": session.session_id,
        "sut": session.sut_name,
        "duration": 3.0,
        "branch": "feature/x",
        "commit_hash": "abcdef",
        "status": "failed",
        "results": 3,
        **dict.fromkeys(("failed", "skipped", "xfailed", "xpassed", "rerun"), 0),
        "passed": 1,
        "error": 1,
        "exit_status": 1,
        "pinned": False,
    }


def test_a_run_that_pytest_calls_failed_has_not_passed(
    store: tuple[BaseStorage, Ask], make_session: MakeSession
) -> None:
    storage, ask = store
    for number, status in enumerate([0, 1, 2, 5, None]):
        storage.save_session(make_session(number, test_results=RESULTS[:1], exit_status=status))
    found = [row["status"] for row in ask("SELECT status FROM runs ORDER BY started")]
    assert found == ["passed", "failed", "failed", "passed", "passed"]


def test_a_row_of_results_tells_a_result_and_its_session(
    store: tuple[BaseStorage, Ask], make_session: MakeSession
) -> None:
    storage, ask = store
    storage.save_session(
        make_session(session_start_time=START, session_tags={"a": "b"}, test_results=RESULTS)
    )
    rows = ask("SELECT * FROM results ORDER BY started")
    assert [as_time(row["started"]) for row in rows] == [r.start_time for r in RESULTS]
    assert {as_time(row["run_started"]) for row in rows} == {START}
    assert [row["outcome"] for row in rows] == ["passed", "error", "flaky"]
    assert [row["phase"] for row in rows] == ["call", "setup", "call"]
    assert [row["file"] for row in rows] == ["tests/test_a.py", "tests/test_a.py", "README.md"]
    assert [row["duration"] for row in rows] == [0.5, 0.25, 1.0]
    assert [bool(row["has_warning"]) for row in rows] == [False, True, False]
    assert as_json(rows[0]["tags"]) == {"a": "b"}
    for field in ("nodeid", "message", "crash", "longreprtext", "worker"):
        assert [row[field] for row in rows] == [getattr(result, field) for result in RESULTS]


@pytest.mark.parametrize("suts", [["api"], ["api", "web"]], ids=["one SUT", "two SUTs"])
def test_a_row_of_tests_tells_what_the_summary_of_the_test_does(
    store: tuple[BaseStorage, Ask], make_session: MakeSession, suts: list[str]
) -> None:
    storage, ask = store
    for number in range(4):
        storage.save_session(make_session(number, sut_name=suts[number % len(suts)]))
    storage.save_session(make_session(9, sut_name="api", test_results=RESULTS))
    rows = ask("SELECT * FROM tests ORDER BY nodeid, sut")
    summaries = storage.group_by_test(percentiles=False)
    assert len(rows) == len(summaries)
    for row, summary in zip(rows, summaries, strict=True):
        assert (row["nodeid"], row["sut"]) == (summary.nodeid, summary.sut_name)
        assert row["results"] == summary.results
        assert row["passed"] == summary.outcomes.get("passed", 0)
        assert row["error"] == summary.outcomes.get("error", 0)
        assert row["mean_duration"] == pytest.approx(summary.mean)
        assert row["longest_duration"] == summary.maximum
        assert as_time(row["first_started"]) == summary.first_seen
        assert as_time(row["last_started"]) == summary.last_seen
        assert row["last_outcome"] == summary.last_outcome


@pytest.mark.parametrize("year", [1, 1969, 1970, 9999])
def test_times_of_every_year_are_told_to_the_microsecond(
    tmp_path: Path, make_session: MakeSession, year: int
) -> None:
    start = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    result = TestResult("a.py::a", "passed", start)
    with SQLiteStorage(tmp_path / "sessions.db") as storage:
        storage.save_session(
            make_session(session_start_time=start, session_stop_time=start, test_results=(result,))
        )
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as database:
        assert database.execute("SELECT started FROM runs").fetchall() == [(start.isoformat(),)]


def test_objects_of_others_with_the_name_of_a_view_stay(
    store: tuple[BaseStorage, Ask], make_session: MakeSession
) -> None:
    storage, ask = store
    storage.save_session(make_session())
    ask("DROP VIEW tests")
    ask("DROP VIEW runs")
    ask("CREATE TABLE tests (mine TEXT)")
    ask("INSERT INTO tests VALUES ('kept')")
    ask("CREATE VIEW runs AS SELECT 'kept' AS mine")
    storage.close()
    storage.save_session(make_session(1))
    assert ask("SELECT * FROM tests") == ask("SELECT * FROM runs") == [{"mine": "kept"}]
    assert len(storage.session_ids()) == 2
    ask("DROP VIEW runs")
    ask("DROP TABLE tests")


def test_views_of_an_earlier_edition_are_replaced_and_those_of_a_later_one_stay(
    store: tuple[BaseStorage, Ask], make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, ask = store
    storage.save_session(make_session())
    original = views.view_query

    def with_a_column(name: str, dialect: Dialect) -> str:
        source = " FROM insight_sessions s"
        return original(name, dialect).replace(source, f", 7 AS more{source}", 1)

    with monkeypatch.context() as later:
        later.setattr(views, "EDITION", views.EDITION + 1)
        later.setattr(views, "DESCRIPTIONS", {"results": "later"})
        later.setattr(views, "view_query", with_a_column)
        storage.close()
        storage.save_session(make_session(1))
        assert ask("SELECT more FROM results LIMIT 1") == [{"more": 7}]
    storage.close()
    storage.save_session(make_session(2))
    assert ask("SELECT more FROM results LIMIT 1") == [{"more": 7}]


def test_reading_creates_no_views(
    store: tuple[BaseStorage, Ask], make_session: MakeSession
) -> None:
    storage, ask = store
    storage.save_session(make_session())
    ask("DROP VIEW runs")
    storage.close()
    assert storage.count() == 1
    assert storage.verify().sound
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedTable)):
        ask("SELECT * FROM runs")


def test_a_role_that_may_not_create_views_saves_without_them(
    postgresql_server: Server, make_session: MakeSession
) -> None:
    url = postgresql_server.database()
    with PostgreSQLStorage(url) as storage:
        storage.save_session(make_session())
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP VIEW runs")
        owner.execute("CREATE ROLE recorder LOGIN")
        owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        owner.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO recorder"
        )
    with PostgreSQLStorage(url.replace("tests@", "recorder@")) as storage:
        storage.save_session(make_session(1))
        assert storage.count() == 2


def test_plans_of_usual_questions_use_the_indexes(
    tmp_path: Path, make_session: MakeSession
) -> None:
    with SQLiteStorage(tmp_path / "sessions.db") as storage:
        storage.save_sessions(make_session(number) for number in range(20))
    for question, index in {
        "SELECT * FROM runs ORDER BY started DESC LIMIT 20": "insight_sessions_by_time",
        "SELECT * FROM runs WHERE started >= '2026-11-01'": "insight_sessions_by_time (",
        "SELECT * FROM results WHERE run_started >= '2026'": "insight_sessions_by_time (",
        "SELECT * FROM results WHERE nodeid = 'a'": "(session=? AND test=?)",
    }.items():
        with closing(sqlite3.connect(tmp_path / "sessions.db")) as database:
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {question}")]
        assert any(index in line for line in plan), plan
        assert not any("TEMP B-TREE" in line or "SCAN r" in line for line in plan), plan
