"""The PostgreSQL storage on a real server: search paths, server settings, locks, passwords."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psycopg
import pytest

from pytest_insight.errors import StorageError
from pytest_insight.storage import BaseStorage
from pytest_insight.storage.sql.postgresql.storage import PostgreSQLStorage
from pytest_insight.testing import StorageContract
from pytest_insight.testing.rules import make_result
from tests.conftest import MakeSession
from tests.postgresql import Server


@pytest.fixture
def storage(postgresql_server: Server) -> Iterator[PostgreSQLStorage]:
    with PostgreSQLStorage(postgresql_server.schema()) as storage:
        yield storage


class TestPostgreSQLStorage(StorageContract):
    @pytest.fixture
    def storage(self, storage: PostgreSQLStorage) -> BaseStorage:
        return storage

    def reopened(self, storage: BaseStorage) -> BaseStorage:
        assert isinstance(storage, PostgreSQLStorage)
        return PostgreSQLStorage(storage.url)


def with_settings(url: str, **settings: str) -> str:
    """Return the URL with server settings for its connections."""
    more = quote("".join(f" -c{name}={value}" for name, value in settings.items()), safe="")
    return f"{url}{more}"


def test_the_lock_covers_writers_with_other_search_paths(
    postgresql_server: Server, storage: PostgreSQLStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session(0))
    own = postgresql_server.schema().rpartition("%3D")[2]
    name = storage.url.rpartition("%3D")[2]
    other = PostgreSQLStorage(
        storage.url.replace(f"search_path%3D{name}", f"search_path%3D{own}%2C{name}"),
        lock_seconds=0.3,
    )
    with other:
        assert other.session_ids() == ["api-0"]
        with storage.exclusive(), pytest.raises(StorageError, match="lock timeout"):
            other.save_session(make_session(1))
        other.save_session(make_session(1))
    assert storage.session_ids() == ["api-0", "api-1"]


def test_server_defaults_are_overridden(
    storage: PostgreSQLStorage, make_session: MakeSession
) -> None:
    third = make_result(duration=1 / 3)
    url = with_settings(
        storage.url, default_transaction_isolation="serializable", extra_float_digits="0"
    )
    with PostgreSQLStorage(url) as other:
        other.save_session(make_session(0, test_results=(third,)))
        assert other.load_sessions() == [make_session(0, test_results=(third,))]
        with ThreadPoolExecutor(4) as writers:
            list(writers.map(other.save_session, map(make_session, range(20))))
    assert storage.count() == 20
    assert storage.verify().sound


def test_a_lock_lost_with_its_connection_does_not_count_as_held(
    postgresql_server: Server, storage: PostgreSQLStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session(0))

    def kill_lock_owner() -> None:
        with psycopg.connect(postgresql_server.url(), autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
            )

    with storage.exclusive():
        kill_lock_owner()
        with pytest.raises(StorageError):
            storage.session_ids()
        with pytest.raises(StorageError, match="and with it the writer lock"):
            storage.save_session(make_session(1))
    storage.save_session(make_session(2))
    assert storage.session_ids() == ["api-0", "api-2"]


def test_an_error_in_a_transaction_that_only_reads_is_one_of_reading(
    storage: PostgreSQLStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session(0))
    connection = storage._connection()
    assert connection is not None
    with pytest.raises(StorageError, match="cannot read the store"), connection.read_transaction():
        connection.execute("SELECT nothing")
    with pytest.raises(StorageError, match="cannot write the store"):
        connection.execute("SELECT nothing")


def test_the_url_and_the_location_hide_the_password() -> None:
    storage = PostgreSQLStorage("postgresql://me:secret@localhost/db?sslmode=disable")
    assert storage.url == "postgresql://me@localhost/db?sslmode=disable"
    assert storage.location == "postgresql://localhost/db"
