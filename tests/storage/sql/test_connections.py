"""Connections to databases: each thread has one, which is closed when the thread ends."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pytest_insight.storage.sql.postgresql.storage import PostgreSQLStorage
from pytest_insight.storage.sql.sqlite.storage import SQLiteStorage
from pytest_insight.storage.sql.storage import SQLStorage
from tests.conftest import MakeSession
from tests.postgresql import Server

THREADS = 40


def use_in_threads(storage: SQLStorage) -> None:
    """Use a storage in a pool of threads, all at the same time."""
    together = threading.Barrier(THREADS)

    def ask(_: int) -> int:
        found = storage.count()
        together.wait()  # so that no thread is used twice
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(ask, range(THREADS))) == [1] * THREADS


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors")
def test_sqlite_connections_of_ended_threads_are_closed(
    tmp_path: Path, make_session: MakeSession
) -> None:
    def count_connections() -> int:
        # SQLite keeps the descriptors of the file itself, which share locks, for new connections.
        paths = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
        return paths.count(f"{os.path.realpath(storage.file_path)}-wal")

    with SQLiteStorage(tmp_path / "sessions.db") as storage:
        storage.save_session(make_session())
        use_in_threads(storage)
        assert count_connections() == 1
        assert storage.count() == 1
    assert count_connections() == 0


def test_postgresql_connections_of_ended_threads_are_closed(
    postgresql_server: Server, make_session: MakeSession
) -> None:
    url = postgresql_server.database()

    def count_connections() -> int:
        rows = observer.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        return len(rows)

    # A connection for each count would itself be seen by the next one for a moment.
    with psycopg.connect(url, autocommit=True) as observer, PostgreSQLStorage(url) as storage:
        storage.save_session(make_session())
        use_in_threads(storage)
        deadline = time.monotonic() + 20  # the server notices a little later
        while count_connections() > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert count_connections() == 1
        assert storage.count() == 1
