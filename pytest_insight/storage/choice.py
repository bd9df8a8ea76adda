"""Which storage arguments, environment variables and profiles mean: the order of precedence.

Imported by recorded runs: keep its imports few.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from pytest_insight import locations
from pytest_insight.profiles.file import read_active_profile, read_file
from pytest_insight.profiles.profile import StorageProfile

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

Reason = Literal["argument", "environment", "project", "active", "default"]
"""What decided: an argument or option, a variable, the pytest configuration of the project in the
current folder, the last switch, or nothing of these."""


def choose(
    profile_name: str | None = None,
    storage_type: str | None = None,
    file_path: str | os.PathLike[str] | None = None,
    *,
    ask_project: bool = True,
) -> tuple[StorageProfile, Reason]:
    """Return the profile of the storage that is meant, and what decided.

    The first of these that applies:

    1. `profile_name`: that profile, whatever else is given.
    2. `storage_type`, `file_path`.
    3. `PYTEST_INSIGHT_PROFILE`: that profile.
    4. `PYTEST_INSIGHT_STORAGE_TYPE`, `PYTEST_INSIGHT_DB_PATH`.
    5. `insight_profile` in the pytest configuration of the project in the current folder, unless
       `ask_project` is false (a recorded run has its own configuration).
    6. The active profile.
    7. The profile `default`.

    2 and 4 give a profile without a name. A path alone means "sqlite" if an SQLite database is
    there, else "json"; a URL alone means "postgresql"; a type alone has its path from
    `PYTEST_INSIGHT_DB_PATH`, else from the default profile.

    Raises:
        UnknownProfileError: 1, 3, 5 or 6 name a profile that does not exist.
        ProfileError: the path or URL is not one for the storage type.
        InsightError: the project's configuration cannot be read.
    """
    profiles = locations.profiles_path()
    if profile_name is not None:
        return read_file(profiles).get(profile_name), "argument"
    variable = locations.variable
    db_path = variable(locations.DB_PATH_VARIABLE)
    if storage_type is not None or file_path is not None:
        kind = storage_type or _type_of(file_path)
        place = db_path if file_path is None and kind != "memory" else file_path
        return _unnamed(kind, place), "argument"
    if variable(locations.PROFILE_VARIABLE):
        return read_active_profile(profiles), "environment"
    kind_variable = variable(locations.STORAGE_TYPE_VARIABLE)
    if kind_variable or db_path:
        kind = kind_variable or _type_of(db_path)
        return _unnamed(kind, db_path if kind != "memory" else None), "environment"
    of_project = _profile_of_project(profiles) if ask_project else None
    if of_project is not None:
        return of_project, "project"
    profile = read_active_profile(profiles)
    return profile, "default" if profile.name == locations.DEFAULT_PROFILE else "active"


def _profile_of_project(profiles: Path) -> StorageProfile | None:
    from pytest_insight.profiles.project import find_project  # not needed to record

    project = find_project()
    if project is None or project.profile is None:
        return None
    return read_file(profiles).get(project.profile, f"insight_profile in {project.title}")


def open_storage(profile: StorageProfile, reason: Reason = "argument") -> BaseStorage:
    """Return the storage of a profile that `choose` returned. Nothing is created before it is used.

    In one process a memory profile has one storage object, so it keeps its data. Arguments that
    describe a memory storage give a new one each time.

    Raises:
        UnknownChoiceError: there is no such storage type.
        StorageError: the class of another distribution cannot be loaded.
    """
    from pytest_insight.storage.registry import storage_class  # not needed to record into a file

    kind = storage_class(profile.storage_type)
    if profile.storage_type != "memory" or (not profile.name and reason == "argument"):
        storage = kind.from_profile(profile)
    else:
        key = (locations.profiles_path(), profile.name)
        with _memories_lock:
            if key not in _memories:
                _memories[key] = kind.from_profile(profile)
            storage = _memories[key]
        storage.exchange = profile.exchange  # may have changed
    storage.profile_name = profile.name
    return storage


_memories: dict[tuple[Path, str], BaseStorage] = {}
"""The storages of memory profiles, which live as long as the process."""
_memories_lock = Lock()


def _unnamed(storage_type: str, file_path: str | os.PathLike[str] | None) -> StorageProfile:
    from pytest_insight.profiles.rules import absolute_place, check_place  # most runs use profiles

    profile = StorageProfile("", storage_type, absolute_place(file_path))
    check_place(profile)
    return profile


def _type_of(place: str | os.PathLike[str] | None) -> str:
    if place is None:
        return "json"
    if locations.is_url(place):
        return "postgresql"
    from pytest_insight.storage.sqlite_files import is_database  # only for paths

    return "sqlite" if is_database(locations.absolute(place)) else "json"
