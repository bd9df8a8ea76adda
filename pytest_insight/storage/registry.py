"""Storage types by name: the built-in ones first, then what other distributions offer.

Another distribution offers a storage type with an entry point in the group `pytest_insight.storage`
whose name is the type and whose value is the class. Entry points are only looked at when a name is
not a built-in one (reading them costs 35-40 ms), and only the one asked for is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_insight.errors import StorageError, UnknownChoiceError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from pytest_insight.storage.base import BaseStorage

ENTRY_POINT_GROUP = "pytest_insight.storage"

_BUILT_IN = {
    "json": ("pytest_insight.storage.json.storage", "JSONStorage"),
    "memory": ("pytest_insight.storage.memory", "InMemoryStorage"),
    "postgresql": ("pytest_insight.storage.sql.postgresql.storage", "PostgreSQLStorage"),
    "sqlite": ("pytest_insight.storage.sql.sqlite.storage", "SQLiteStorage"),
}


def storage_types() -> list[str]:
    """The names of all storage types there are here."""
    return sorted({*_BUILT_IN, *_offered()})


def check_storage_type(name: str) -> None:
    """Raise UnknownChoiceError where there is no such type; loads none."""
    if name not in _BUILT_IN and name not in _offered():
        raise UnknownChoiceError("storage type", name, storage_types())


def storage_class(name: str) -> type[BaseStorage]:
    """The class of a storage type.

    Raises:
        UnknownChoiceError: there is no such type.
        StorageError: another distribution's cannot be loaded.
    """
    from pytest_insight.storage.base import BaseStorage

    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        found: type[BaseStorage] = getattr(import_module(module), attribute)
        return found
    check_storage_type(name)
    entry_point = _offered()[name]
    try:
        loaded = entry_point.load()
    except Exception as exc:  # another project's import may fail in any way
        raise StorageError(
            f"the storage type {name!r} ({entry_point.value}) cannot be loaded: {exc}", name
        ) from exc
    if not (isinstance(loaded, type) and issubclass(loaded, BaseStorage)):
        raise StorageError(f"the storage type {name!r} ({entry_point.value}) is no storage", name)
    return loaded


def _offered() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
