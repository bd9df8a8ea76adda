"""Storages keep test sessions; profiles name them. All public names are in `__all__`.

Each is imported on first use (PEP 562), so that a recorded run imports only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_insight.profiles.manager import ProfileManager as ProfileManager
    from pytest_insight.profiles.profile import StorageProfile as StorageProfile
    from pytest_insight.storage.access import create_profile as create_profile
    from pytest_insight.storage.access import get_active_profile as get_active_profile
    from pytest_insight.storage.access import get_storage_instance as get_storage_instance
    from pytest_insight.storage.access import list_profiles as list_profiles
    from pytest_insight.storage.access import switch_profile as switch_profile
    from pytest_insight.storage.base import BaseStorage as BaseStorage
    from pytest_insight.storage.json.storage import JSONStorage as JSONStorage
    from pytest_insight.storage.memory import InMemoryStorage as InMemoryStorage
    from pytest_insight.storage.sql.postgresql.storage import PostgreSQLStorage as PostgreSQLStorage
    from pytest_insight.storage.sql.sqlite.storage import SQLiteStorage as SQLiteStorage

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

_HOMES = {  # the modules of the names
    "create_profile": "storage.access",
    "get_active_profile": "storage.access",
    "get_storage_instance": "storage.access",
    "list_profiles": "storage.access",
    "switch_profile": "storage.access",
    "BaseStorage": "storage.base",
    "JSONStorage": "storage.json.storage",
    "InMemoryStorage": "storage.memory",
    "PostgreSQLStorage": "storage.sql.postgresql.storage",
    "ProfileManager": "profiles.manager",
    "SQLiteStorage": "storage.sql.sqlite.storage",
    "StorageProfile": "profiles.profile",
}


if not TYPE_CHECKING:  # type checkers would accept every name

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            from importlib import import_module

            return getattr(import_module(f"pytest_insight.{_HOMES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
