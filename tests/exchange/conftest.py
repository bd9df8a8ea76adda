"""The storages that tests of imports and exports use."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.json.storage import JSONStorage
from pytest_insight.storage.memory import InMemoryStorage


@pytest.fixture(params=["memory", "json"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BaseStorage:
    if request.param == "memory":
        return InMemoryStorage()
    return JSONStorage(tmp_path / "store" / "sessions.json")
