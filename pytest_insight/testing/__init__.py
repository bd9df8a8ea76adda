"""The storage contract: rules that every storage backend keeps, as tests for people who write one.

Derive a test class, define the fixture `storage`, and pytest runs every rule on your backend:

    import pytest
    from pytest_insight.testing import StorageContract

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self, tmp_path):
            with MyStorage(tmp_path / "db") as storage:
                yield storage

        def reopened(self, storage):
            return MyStorage(storage.file_path)

Needs only pytest and this package.
"""

from __future__ import annotations

import pkgutil

import pytest

# So that a rule that fails shows the compared values, not only "AssertionError".
pytest.register_assert_rewrite(
    *(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}."))
)

from pytest_insight.testing.contract import StorageContract  # noqa: E402 - after registering

__all__ = ["StorageContract"]


def __dir__() -> list[str]:
    return __all__
