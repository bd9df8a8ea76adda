"""What is special about the SQLite store: its file, its neighbours, its plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_insight.storage import BaseStorage
from pytest_insight.storage.sql.sqlite import SQLiteStorage
from pytest_insight.testing import StorageContract


class TestSQLiteStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return SQLiteStorage(tmp_path / "store" / "sessions.db")

    def reopened(self, storage: BaseStorage) -> BaseStorage:
        assert isinstance(storage, SQLiteStorage)
        return SQLiteStorage(storage.path)
