"""What one would write by hand over a database: a bulk load, and each question in SQL."""

from __future__ import annotations

import csv
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from pytest_insight.models import CodeState, TestSession
from pytest_insight.storage.sql.rows import hash_key, to_micros

Rows = list[tuple[Any, ...]]

DAYS = 7

_OF_SESSIONS = "insight_sessions s CROSS JOIN insight_results r WHERE r.session = s.id"
# Each over our tables, as good as we know: joins in the order in which keys are there.
_STATEMENTS = {
    "failures": "SELECT r.session, s.session_id, r.position, r.result FROM insight_sessions s"
    " CROSS JOIN insight_details r WHERE r.session = s.id AND s.started >= ? AND r.outcome = 1",
    "history": "SELECT s.session_id, s.started, r.outcome, r.duration FROM insight_sessions s"
    " CROSS JOIN insight_results r WHERE r.session = s.id AND r.test = ? ORDER BY s.started",
    "slowest": "SELECT t.nodeid, slow.sut, mean FROM (SELECT s.sut, r.test, avg(r.duration) AS mean"
    f" FROM {_OF_SESSIONS} GROUP BY s.sut, r.test ORDER BY mean DESC LIMIT 20) AS slow"
    " JOIN insight_tests t ON t.id = slow.test",
    "flaky": "SELECT t.nodeid, both_ways.sut FROM (SELECT s.sut, r.test"
    f" FROM {_OF_SESSIONS} AND r.outcome IN (0, 1) GROUP BY s.sut, r.test"
    " HAVING min(r.outcome) = 0 AND max(r.outcome) = 1) AS both_ways"
    " JOIN insight_tests t ON t.id = both_ways.test",
    "last": "SELECT t.nodeid, r.outcome, r.began, r.duration, x.result"
    " FROM insight_results r LEFT JOIN insight_tests t ON t.id = r.test"
    " LEFT JOIN insight_details x ON x.session = CASE WHEN r.flags >= 2 THEN r.session END"
    " AND x.outcome = r.outcome AND x.position = r.position WHERE r.session ="
    " (SELECT id FROM insight_sessions ORDER BY started DESC LIMIT 1) ORDER BY r.position",
}


def _parameters(name: str, nodeid: str) -> tuple[Any, ...]:
    if name == "failures":
        return (to_micros(datetime.now(UTC) - timedelta(days=DAYS)),)
    return (hash_key(nodeid),) if name == "history" else ()


@contextmanager
def asking(place: str) -> Iterator[Callable[[str, str], Rows]]:
    """Answers a question by its name, with a bare driver."""
    if "://" in place:
        import psycopg

        with psycopg.connect(place, autocommit=True) as server:
            yield lambda name, nodeid: server.execute(
                _STATEMENTS[name].replace("?", "%s"),
                _parameters(name, nodeid),
            ).fetchall()
        return
    with closing(sqlite3.connect(place)) as file:
        yield lambda name, nodeid: file.execute(
            _STATEMENTS[name], _parameters(name, nodeid)
        ).fetchall()


# A bulk load ------------------------------------------------------------------------------------
# It keeps every field of a session and of a result, as ours does, in the plainest tables for them:
# unchecked, with the texts apart, without anything summed up.

_TABLES = (
    "CREATE TABLE hand_sessions (id BIGINT PRIMARY KEY, name TEXT, sut TEXT, started BIGINT,"
    " stopped BIGINT, duration DOUBLE PRECISION, tags TEXT, testing_system TEXT, commit_id TEXT,"
    " branch TEXT, digest TEXT, exit_status INTEGER, crashed INTEGER, pinned INTEGER)",
    "CREATE TABLE hand_tests (id BIGINT PRIMARY KEY, nodeid TEXT)",
    "CREATE TABLE hand_results (session BIGINT, test BIGINT, position INTEGER, outcome TEXT,"
    " began BIGINT, duration DOUBLE PRECISION, warning INTEGER, worker TEXT,"
    " PRIMARY KEY (session, test, position))",
    "CREATE TABLE hand_texts (session BIGINT, position INTEGER, longrepr TEXT, stdout TEXT,"
    " stderr TEXT, log TEXT, properties TEXT, PRIMARY KEY (session, position))",
)


Load = Callable[[Sequence[TestSession]], None]


@contextmanager
def loading(place: str) -> Iterator[Load]:
    """Load sessions into plain tables: executemany in SQLite, COPY in PostgreSQL."""
    with _loading_postgresql(place) if "://" in place else _loading_sqlite(place) as load:
        yield load


@contextmanager
def _loading_postgresql(place: str) -> Iterator[Load]:
    import psycopg

    known: dict[str, int] = {}
    with psycopg.connect(place) as server:
        for table in _TABLES:
            server.execute(table)

        def copy(table: str, rows: Rows) -> None:
            with server.cursor().copy(f"COPY {table} FROM STDIN") as out:
                for row in rows:
                    out.write_row(row)

        def load(some: Sequence[TestSession]) -> None:
            _load(some, known, copy)
            server.commit()

        yield load
        for table in ("sessions", "tests", "results", "texts"):
            server.execute(f"DROP TABLE hand_{table}")


@contextmanager
def _loading_sqlite(place: str) -> Iterator[Load]:
    known: dict[str, int] = {}
    path = Path(f"{place}.hand")
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        for table in _TABLES:
            file.execute(table)

        def insert(table: str, rows: Rows) -> None:
            if rows:
                places = ", ".join("?" * len(rows[0]))
                file.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

        def load(some: Sequence[TestSession]) -> None:
            _load(some, known, insert)
            file.commit()

        yield load
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()


def _load(
    sessions: Sequence[TestSession], known: dict[str, int], load: Callable[[str, Rows], None]
) -> None:
    for session in sessions:
        key, start = hash_key(session.session_id), to_micros(session.session_start_time)
        new: Rows = []
        results: Rows = []
        texts: Rows = []
        for position, each in enumerate(session.test_results):
            test = known.get(each.nodeid)
            if test is None:
                test = known[each.nodeid] = hash_key(each.nodeid)
                new.append((test, each.nodeid))
            began = to_micros(each.start_time) - start
            warning, worker = int(each.has_warning), each.worker or None
            outcome = str(each.outcome)
            results.append((key, test, position, outcome, began, each.duration, warning, worker))
            said = (each.longreprtext, each.capstdout, each.capstderr, each.caplog)
            if any(said) or each.properties:
                texts.append((key, position, *said, _json(each.properties)))
        code = session.code_state or CodeState()
        stopped = to_micros(session.session_stop_time)
        facts = (_json(session.session_tags), _json(session.testing_system))
        ending = (session.exit_status, int(session.crashed), int(session.pinned))
        head = (key, session.session_id, session.sut_name, start, stopped)
        state = (code.commit, code.branch, code.digest)
        load("hand_sessions", [(*head, session.session_duration, *facts, *state, *ending)])
        load("hand_tests", new)
        load("hand_results", results)
        load("hand_texts", texts)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def schema_beside(url: str) -> str:
    """A new schema in the same database."""
    import psycopg

    name = f"small{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {name}")
    return f"{url}&options={quote(f'-csearch_path={name}', safe='')}"


# DuckDB -----------------------------------------------------------------------------------------

# What an answer of ours is made of: every field of a result, and of its session; of a test all that
# `TestSummary` says without percentiles.
_SUMMARY = (
    "SELECT nodeid, sut, count(*), count(*) FILTER (outcome = 'passed'),"
    " count(*) FILTER (outcome = 'failed'), count(*) FILTER (outcome = 'skipped'),"
    " avg(duration) AS mean, max(duration), min(started), max(started), arg_max(outcome, started)"
    " FROM results JOIN sessions USING (session_id) GROUP BY nodeid, sut"
)
_WITH_SESSION = "SELECT r.*, s.* FROM results r JOIN sessions s ON s.session_id = r.session_id"
_DUCKDB = {
    "failures": f"{_WITH_SESSION} WHERE s.began >= ? AND r.outcome = 'failed' ORDER BY s.began",
    "history": f"{_WITH_SESSION} WHERE r.nodeid = ? ORDER BY s.began",
    "slowest": f"{_SUMMARY} ORDER BY mean DESC LIMIT 20",
    "flaky": f"{_SUMMARY} HAVING count(*) FILTER (outcome = 'passed') > 0"
    " AND count(*) FILTER (outcome = 'failed') > 0",
    "last": f"{_WITH_SESSION} WHERE r.session_id = (SELECT arg_max(session_id, began)"
    " FROM sessions)",
}


def ask_duckdb(place: str, path: str, turns: int) -> dict[str, list[float]]:
    """Seconds of each question over DuckDB's own file with the same sessions."""
    import duckdb

    from pytest_insight.storage import SQLiteStorage
    from tests.benchmarks.harness import in_turns

    rows, heads = Path(f"{path}.csv"), Path(f"{path}.sessions.csv")
    nodeid = ""
    with (
        SQLiteStorage(place) as storage,
        rows.open("w", newline="") as file,
        heads.open("w", newline="") as beside,
    ):
        results, sessions = csv.writer(file), csv.writer(beside)
        names = ("session_id", "nodeid", "outcome", "started", "duration", "longrepr", "stdout")
        results.writerow((*names, "stderr", "log", "warning", "worker", "properties"))
        sessions.writerow(("session_id", "sut", "began", "header"))
        for session in storage.iter_sessions():
            header = _json(msgspec.structs.replace(session, test_results=()))
            began = to_micros(session.session_start_time)
            sessions.writerow((session.session_id, session.sut_name, began, header))
            for each in session.test_results:
                nodeid = each.nodeid
                head = (session.session_id, nodeid, str(each.outcome), to_micros(each.start_time))
                texts = (each.longreprtext, each.capstdout, each.capstderr, each.caplog)
                more = (int(each.has_warning), each.worker, _json(each.properties))
                results.writerow((*head, each.duration, *texts, *more))
    with closing(duckdb.connect(path)) as database:
        database.execute("SET enable_progress_bar = false")  # it would go to stdout
        for table, source in (("results", rows), ("sessions", heads)):
            database.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{source}')")
            source.unlink()
        since = to_micros(datetime.now(UTC) - timedelta(days=DAYS))
        parameters = {"failures": [since], "history": [nodeid]}
        return in_turns(
            {
                name: lambda sql=sql, name=name: database.execute(  # type: ignore[misc]  # defaults bind now
                    sql, parameters.get(name, [])
                ).fetchall()
                for name, sql in _DUCKDB.items()
            },
            turns,
        )
