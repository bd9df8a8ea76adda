"""The functions of `pytest_insight.storage` for storages and profiles."""

from __future__ import annotations

import os

from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.choice import choose, open_storage

_manager = ProfileManager()
create_profile = _manager.create_profile
switch_profile = _manager.switch_profile
list_profiles = _manager.list_profiles
get_active_profile = _manager.get_active_profile


def get_storage_instance(
    storage_type: str | None = None,
    file_path: str | os.PathLike[str] | None = None,
    profile_name: str | None = None,
) -> BaseStorage:
    """Return the storage that arguments, environment variables or profiles describe.

    The first of these that applies: `profile_name`; `storage_type` and `file_path`;
    `PYTEST_INSIGHT_PROFILE`; `PYTEST_INSIGHT_STORAGE_TYPE` and `PYTEST_INSIGHT_DB_PATH`;
    `insight_profile` in the pytest configuration of the project in the current folder; the active
    profile. Nothing is created before the storage is used. In one process a memory profile has one
    storage object, so it keeps its data; `storage_type="memory"` returns a new one each time.

    Args:
        storage_type: "json", "sqlite", "postgresql", "memory", or a type of another distribution.
        file_path: the file, or the URL of a database.
        profile_name: a profile, whose settings override the other arguments.

    Raises:
        UnknownChoiceError: there is no such storage type.
        UnknownProfileError: there is no such profile; none is created.
        ProfileError: the path or URL is not one for the storage type.
    """
    return open_storage(*choose(profile_name, storage_type, file_path))
