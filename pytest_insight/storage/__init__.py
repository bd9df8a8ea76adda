"""Storages of test sessions, and the profiles that say where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "BaseStorage",
    "InMemoryStorage",
    "JSONStorage",
    "PostgreSQLStorage",
    "ProfileManager",
    "SQLiteStorage",
    "StorageProfile",
    "create_profile",
    "get_active_profile",
    "get_storage_instance",
    "list_profiles",
    "switch_profile",
]

if TYPE_CHECKING:
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.storage.functions import (
        create_profile,
        get_active_profile,
        get_storage_instance,
        list_profiles,
        switch_profile,
    )
    from pytest_insight.storage.json.storage import JSONStorage
    from pytest_insight.storage.memory import InMemoryStorage
    from pytest_insight.storage.sql.postgresql.storage import PostgreSQLStorage
    from pytest_insight.storage.sql.sqlite.storage import SQLiteStorage
else:  # hidden from type checkers, to which it would mean that any name exists
    from pytest_insight._util.lazy_names import on_first_use

    # A recorded run needs few of them.
    __getattr__ = on_first_use(
        __name__,
        {
            "BaseStorage": "storage.base",
            "InMemoryStorage": "storage.memory",
            "JSONStorage": "storage.json.storage",
            "PostgreSQLStorage": "storage.sql.postgresql.storage",
            "ProfileManager": "profiles.manager",
            "SQLiteStorage": "storage.sql.sqlite.storage",
            "StorageProfile": "profiles.profile",
            "create_profile": "storage.functions",
            "get_active_profile": "storage.functions",
            "get_storage_instance": "storage.functions",
            "list_profiles": "storage.functions",
            "switch_profile": "storage.functions",
        },
    )


def __dir__() -> list[str]:
    return __all__
