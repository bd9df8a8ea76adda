"""For people who write a storage backend: the rules that every backend keeps, as tests.

Derive a test class, provide the fixture `storage`, and pytest runs every rule on your backend:

    import pytest
    from pytest_insight.testing import StorageContract

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self, tmp_path):
            with MyStorage(tmp_path / "db") as storage:
                yield storage

        def reopened(self, storage):
            return MyStorage(storage.file_path)

It needs nothing but pytest and this package.
"""

from __future__ import annotations

import pytest

_PARTS = (
    *("rules", "saving", "finding", "selecting", "deleting"),
    *("upkeep", "exchanging", "merging", "life"),
)
# Without it a rule that is broken would only say "AssertionError".
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from pytest_insight.testing.contract import StorageContract  # noqa: E402 - registered first

__all__ = ["StorageContract"]
