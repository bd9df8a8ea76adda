"""What is special about the PostgreSQL store, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_insight.storage import BaseStorage
from pytest_insight.storage.sql.postgresql import PostgreSQLStorage
from pytest_insight.testing import StorageContract
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
