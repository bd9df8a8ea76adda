"""Read and change the profiles and which of them is active."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from pytest_insight import locations
from pytest_insight.errors import ProfileError, UnknownChoiceError
from pytest_insight.profiles import rules
from pytest_insight.profiles.file import (
    ProfileFile,
    change_file,
    read_active_profile,
    read_file,
)
from pytest_insight.profiles.profile import StorageProfile


class ProfileChanges(TypedDict, total=False):
    """The settings that `ProfileManager.update_profile` changes; None resets one to its default."""

    storage_type: str | None
    file_path: str | os.PathLike[str] | None
    merge_strategy: str | None
    export_format: str | None
    export_days: float | None


class ProfileManager:
    """The profiles in a file. `default` always exists; it is in the file once it is changed.

    Every call reads the file, so several managers and processes agree. A change holds a lock and
    replaces the file as a whole; a file that is not valid is never replaced.

    Raises (every method):
        ProfileError: the file is not valid.
        NewerFormatError: a newer pytest-insight wrote the file.
        StorageError: the file cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Read and create nothing yet.

        Args:
            path: the file of the profiles; `profiles.json` in the home folder if it is None.
        """
        self._path = locations.absolute(path) if path else None

    @property
    def path(self) -> Path:
        """The file of the profiles; it need not exist."""
        return self._path or locations.profiles_path()

    def list_profiles(self) -> dict[str, StorageProfile]:
        """Return all profiles by name, sorted, including `default`."""
        return read_file(self.path).with_default()

    def get_profile(self, name: str, named_by: str = "") -> StorageProfile:
        """Return the profile of that name.

        Args:
            name: the profile.
            named_by: the variable or file that names it, for the error.

        Raises:
            UnknownProfileError: there is no such profile; the error suggests similar names.
        """
        return read_file(self.path).get(name, named_by)

    def get_active_profile(self) -> StorageProfile:
        """Return the profile of `PYTEST_INSIGHT_PROFILE`, else the last one switched to.

        Raises:
            UnknownProfileError: the variable or the file names a profile that does not exist.
        """
        return read_active_profile(self.path)

    def create_profile(
        self,
        name: str,
        storage_type: str = "json",
        file_path: str | os.PathLike[str] | None = None,
        *,
        merge_strategy: str | None = None,
        export_format: str | None = None,
        export_days: float | None = None,
        store_password: bool = False,
    ) -> StorageProfile:
        """Create a profile. Its store is not touched: it may exist already or be created later.

        Args:
            name: see `StorageProfile`.
            storage_type: see `StorageProfile`.
            file_path: a path, relative to the working directory, `~` is expanded; or a URL.
            merge_strategy: see `StorageProfile`.
            export_format: see `StorageProfile`.
            export_days: see `StorageProfile`.
            store_password: allow to store the password of the URL in the file.

        Raises:
            ProfileError: the name exists already or is not allowed, the settings contradict each
                other, or the URL has a password that may not be stored.
            UnknownChoiceError: there is no such storage type, strategy or format.
        """
        profile = StorageProfile(
            name,
            storage_type,
            rules.absolute_place(file_path),
            merge_strategy,
            export_format,
            export_days,
        )
        if not store_password:
            rules.check_no_password(profile)
        self.add_profile(profile)
        return profile

    def add_profile(self, profile: StorageProfile) -> None:
        """Create a profile from a `StorageProfile`; its URL may have a password.

        Raises:
            ProfileError: as `create_profile`.
            UnknownChoiceError: as `create_profile`.
        """
        rules.check_profile(profile)

        def add(file: ProfileFile) -> None:
            rules.check_name_is_free(profile.name, file.with_default())
            file.profiles[profile.name] = profile

        change_file(self.path, add)

    def switch_profile(self, name: str) -> StorageProfile:
        """Make a profile the active one, for this and all later processes; return it.

        `PYTEST_INSIGHT_PROFILE` takes precedence if it is set.

        Raises:
            UnknownProfileError: there is no such profile.
        """

        def switch(file: ProfileFile) -> None:
            file.active = file.get(name).name

        return change_file(self.path, switch).get(name)

    def update_profile(
        self, name: str, *, store_password: bool = False, **changes: Unpack[ProfileChanges]
    ) -> StorageProfile:
        """Change settings of a profile; return the changed profile. No sessions are moved.

        Args:
            name: the profile; `default` can be changed too.
            store_password: allow to store the password of a URL in `changes`.
            changes: as for `create_profile`; None resets a setting to its default.

        Raises:
            ProfileError: the settings contradict each other, or the URL has a password that may
                not be stored.
            UnknownProfileError: there is no such profile.
            UnknownChoiceError: there is no such setting, storage type, strategy or format.
        """
        for setting in changes:
            if setting not in ProfileChanges.__annotations__:
                raise UnknownChoiceError("profile setting", setting, ProfileChanges.__annotations__)
        given: dict[str, Any] = dict(changes)
        if "file_path" in given:
            given["file_path"] = rules.absolute_place(given["file_path"])
        if given.get("storage_type", "") is None:
            given["storage_type"] = StorageProfile.storage_type

        def update(file: ProfileFile) -> None:
            profile = replace(file.get(name), **given)
            rules.check_profile(profile)
            if "file_path" in given and not store_password:
                rules.check_no_password(profile)
            file.profiles[name] = profile

        return change_file(self.path, update).get(name)

    def rename_profile(self, name: str, new_name: str) -> StorageProfile:
        """Rename a profile; return the renamed profile. An active profile stays active.

        A JSON store whose path follows from the name is renamed too. If the process is killed, one
        of the two names still leads to the sessions.

        Raises:
            ProfileError: the new name is not allowed, or a profile or a store has it already; the
                profile is `default`, which cannot be renamed.
            UnknownProfileError: there is no such profile.
            StoreLockedError: another process holds the lock of the store for too long.
        """
        from pytest_insight.profiles.rename import rename_profile  # not needed to record

        return rename_profile(self.path, name, new_name)

    def delete_profile(self, name: str) -> StorageProfile:
        """Delete a profile; return it. Its store is not touched.

        `default` becomes active if the deleted profile was.

        Raises:
            ProfileError: the profile is `default`.
            UnknownProfileError: there is no such profile.
        """
        if name == locations.DEFAULT_PROFILE:
            raise ProfileError("the profile 'default' cannot be deleted", name)
        deleted: list[StorageProfile] = []

        def delete(file: ProfileFile) -> None:
            deleted.append(file.get(name))
            del file.profiles[name]
            if file.active == name:
                file.active = locations.DEFAULT_PROFILE

        change_file(self.path, delete)
        return deleted[0]
