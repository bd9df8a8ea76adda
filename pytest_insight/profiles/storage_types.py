"""The names of the storage types: built-in ones, and entry points of other distributions.

Entry points are read only if a name is not built in: reading them takes 35-40 ms.
`storage.registry` loads the classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_insight.errors import UnknownChoiceError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "pytest_insight.storage"
"""The name of an entry point is a storage type, its value the class."""

BUILT_IN = {
    "json": "pytest_insight.storage.json.storage:JSONStorage",
    "memory": "pytest_insight.storage.memory:InMemoryStorage",
    "postgresql": "pytest_insight.storage.sql.postgresql.storage:PostgreSQLStorage",
    "sqlite": "pytest_insight.storage.sql.sqlite.storage:SQLiteStorage",
}
"""The class of each type, as an entry point names it."""


def storage_types() -> list[str]:
    """Return the names of all storage types, sorted."""
    return sorted({*BUILT_IN, *storage_entry_points()})


def check_storage_type(name: str) -> None:
    """Raise UnknownChoiceError if there is no storage type of that name; load none."""
    if name not in BUILT_IN and name not in storage_entry_points():
        raise UnknownChoiceError("storage type", name, storage_types())


def storage_entry_points() -> dict[str, EntryPoint]:
    """Return the entry points of other distributions by their storage type."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
