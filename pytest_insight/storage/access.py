"""From a name, arguments and the environment to a storage: the precedence, stated once."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from pytest_insight import locations
from pytest_insight.errors import ProfileError
from pytest_insight.profiles.file import StorageProfile
from pytest_insight.profiles.manager import ProfileManager, kept_place
from pytest_insight.storage.registry import storage_class
from pytest_insight.storage.sql.sqlite.detection import is_database

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

Reason = Literal["argument", "environment", "active", "default"]


class Choice:
    """Which storage, and what made it so.

    Attributes:
        profile: the profile; one without a name where arguments or variables describe a storage.
        reason: an argument or option; an environment variable; switched to; the last resort.
    """

    def __init__(self, profile: StorageProfile, reason: Reason) -> None:
        self.profile = profile
        self.reason = reason


def choose(
    profile_name: str | None = None,
    storage_type: str | None = None,
    file_path: str | os.PathLike[str] | None = None,
) -> Choice:
    """Which storage is meant: the first of these that applies.

    1. `profile_name`: that profile, whatever else is given.
    2. `storage_type`, `file_path`.
    3. `PYTEST_INSIGHT_PROFILE`: that profile.
    4. `PYTEST_INSIGHT_STORAGE_TYPE`, `PYTEST_INSIGHT_DB_PATH`.
    5. The active profile.
    6. The profile `default`.

    In 2 and 4 one of the two fills what the other leaves open: a path alone is a sqlite store where
    an SQLite database is there, else a json one; a URL alone is a postgresql one; a type alone has
    its path from `PYTEST_INSIGHT_DB_PATH`, else the default profile's.

    Raises:
        UnknownProfileError: 1, 3 or 5 name a profile that does not exist. No other one is taken.
        ProfileError: a path for a storage that keeps no file (2), a URL for one that has no
            database, or none for one that has.
    """
    manager = ProfileManager()
    if profile_name is not None:
        return Choice(manager.get_profile(profile_name), "argument")
    variable = locations.variable
    db_path = variable(locations.DB_PATH_VARIABLE)
    if storage_type is not None or file_path is not None:
        kind = storage_type or _kind_of(file_path)
        path = file_path or (db_path if kind != "memory" else None)
        return Choice(_unnamed(kind, path), "argument")
    if variable(locations.PROFILE_VARIABLE):
        return Choice(manager.get_active_profile(), "environment")
    kind_variable = variable(locations.STORAGE_TYPE_VARIABLE)
    if kind_variable or db_path:
        kind = kind_variable or _kind_of(db_path)
        return Choice(_unnamed(kind, db_path if kind != "memory" else None), "environment")
    profile = manager.get_active_profile()
    return Choice(profile, "default" if profile.name == locations.DEFAULT_PROFILE else "active")


def get_storage_instance(
    storage_type: str | None = None,
    file_path: str | os.PathLike[str] | None = None,
    profile_name: str | None = None,
) -> BaseStorage:
    """The storage that `choose` finds. Nothing is created before it is used.

    Nor is anything read, but the first bytes of a file whose type nobody says.

    A memory profile's storage is the same object each time in one process, so it keeps its data;
    `storage_type="memory"` without a profile gives a new one each time.

    Raises:
        UnknownChoiceError: there is no such storage type.
        UnknownProfileError: as `choose`.
        ProfileError: as `choose`.
    """
    return open_choice(choose(profile_name, storage_type, file_path))


def create_profile(
    name: str,
    storage_type: str = "json",
    file_path: str | os.PathLike[str] | None = None,
    *,
    merge_strategy: str | None = None,
    export_format: str | None = None,
    export_days: float | None = None,
    store_password: bool = False,
) -> StorageProfile:
    """Equivalent to `ProfileManager().create_profile(...)`."""
    return ProfileManager().create_profile(
        name,
        storage_type,
        file_path,
        merge_strategy=merge_strategy,
        export_format=export_format,
        export_days=export_days,
        store_password=store_password,
    )


def switch_profile(name: str) -> StorageProfile:
    """Equivalent to `ProfileManager().switch_profile(name)`."""
    return ProfileManager().switch_profile(name)


def list_profiles() -> dict[str, StorageProfile]:
    """Equivalent to `ProfileManager().list_profiles()`."""
    return ProfileManager().list_profiles()


def get_active_profile() -> StorageProfile:
    """Equivalent to `ProfileManager().get_active_profile()`."""
    return ProfileManager().get_active_profile()


def open_choice(choice: Choice) -> BaseStorage:
    """The storage of a choice; see `get_storage_instance`."""
    profile = choice.profile
    kind = storage_class(profile.storage_type)
    if profile.storage_type != "memory" or (not profile.name and choice.reason == "argument"):
        storage = kind.from_profile(profile)
    else:
        key = (locations.profiles_path(), profile.name)
        with _memories_lock:
            if key not in _memories:
                _memories[key] = kind.from_profile(profile)
            storage = _memories[key]
        storage.exchange = profile.exchange  # may have changed since
    storage.profile_name = profile.name
    return storage


_memories: dict[tuple[Path, str], BaseStorage] = {}
"""The storages of memory profiles, which live as long as the process."""
_memories_lock = Lock()


def _unnamed(storage_type: str, file_path: str | os.PathLike[str] | None) -> StorageProfile:
    if storage_type == "memory" and file_path is not None:
        from pytest_insight.profiles.urls import masked  # only for what is refused

        place = masked(os.fspath(file_path))
        raise ProfileError(
            f"a memory storage keeps no file, so it cannot use {place}: leave one of them out"
        )
    profile = StorageProfile("", storage_type, kept_place(file_path))
    if profile.url and storage_type in {"json", "sqlite"}:
        raise ProfileError(
            f"a {storage_type} storage is a file, so it cannot use {profile.place}: "
            "a URL is for the type postgresql"
        )
    if storage_type == "postgresql" and not profile.url:
        raise ProfileError(
            "a postgresql storage needs the URL of its database, as in "
            f"{locations.DB_PATH_VARIABLE}=postgresql://HOST/DATABASE"
        )
    if profile.file_path is None and storage_type in {"json", "sqlite"}:
        suffix = ".db" if storage_type == "sqlite" else ".json"
        return StorageProfile("", storage_type, str(locations.store_path(suffix=suffix)))
    return profile


def _kind_of(place: str | os.PathLike[str] | None) -> str:
    if place is None:
        return "json"
    if locations.is_url(place):
        return "postgresql"
    return "sqlite" if is_database(locations.absolute(place)) else "json"
