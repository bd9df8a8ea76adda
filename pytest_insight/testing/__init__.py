"""The contract that every storage backend keeps, as tests for people who write a backend.

Derive a test class, provide the fixture `storage`, and pytest runs the contract's tests on it:

    import pytest
    from pytest_insight.testing import StorageContract

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self, tmp_path):
            with MyStorage(tmp_path / "db") as storage:
                yield storage

        def reopened(self, storage):
            return MyStorage(storage.file_path)

It needs only pytest and this package.
"""

from __future__ import annotations

import pkgutil

import pytest

# Without this, a failing assertion of the contract would not show its values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
)

from pytest_insight.testing.contract import StorageContract  # noqa: E402 - registered first

__all__ = ["StorageContract"]


def __dir__() -> list[str]:
    return __all__
