"""The class of each storage type, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_insight.errors import StorageError
from pytest_insight.profiles.storage_types import (
    BUILT_IN,
    check_storage_type,
    storage_entry_points,
)

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def storage_class(name: str) -> type[BaseStorage]:
    """Return the class of a storage type; a built-in type cannot be replaced.

    Raises:
        UnknownChoiceError: there is no such type.
        StorageError: the class of another distribution cannot be loaded.
    """
    from pytest_insight.storage.base import BaseStorage

    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: type[BaseStorage] = getattr(import_module(module), attribute)
        return found
    check_storage_type(name)
    entry_point = storage_entry_points()[name]
    try:
        loaded = entry_point.load()
    except Exception as exc:  # importing another distribution can fail in any way
        raise StorageError(
            f"the storage type {name!r} ({entry_point.value}) cannot be loaded: {exc}", name
        ) from exc
    if not (isinstance(loaded, type) and issubclass(loaded, BaseStorage)):
        raise StorageError(
            f"the storage type {name!r} ({entry_point.value}) is not a subclass of BaseStorage",
            name,
        )
    return loaded
