"""Profiles: named storages, and which of them is active. Kept in a file (`profile_file.py`).

The profile `default` is always there; it is only written down once it is changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_insight import locations
from pytest_insight.errors import ProfileError, UnknownProfileError
from pytest_insight.profiles.file import (
    ProfileFile,
    StorageProfile,
    change_file,
    read_file,
)
from pytest_insight.storage.registry import check_storage_type

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


class ProfileManager:
    """Reads and changes the profiles.

    Every call reads the file anew, so several managers and processes agree; a change is made under
    a lock and replaces the file as a whole.

    Raises (every method):
        ProfileError: the file is broken; it is never replaced by a new one.
        NewerFormatError: a later pytest-insight wrote it.
        StorageError: it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Nothing is read or created yet.

        Args:
            path: the file of the profiles; without, `profiles.json` in the home folder.
        """
        self._path = locations.absolute(path) if path else None

    @property
    def path(self) -> Path:
        """The file of the profiles, whether it is there or not."""
        return self._path or locations.profiles_path()

    def list_profiles(self) -> dict[str, StorageProfile]:
        """All profiles by name, `default` among them, in the order of their names."""
        return profiles_in(read_file(self.path))

    def get_profile(self, name: str, named_by: str = "") -> StorageProfile:
        """The profile of that name.

        Args:
            name: the profile.
            named_by: what named it, for the message ("PYTEST_INSIGHT_PROFILE").

        Raises:
            UnknownProfileError: there is none; it names those that are alike.
        """
        profiles = self.list_profiles()
        if name not in profiles:
            raise UnknownProfileError(name, profiles, named_by)
        return profiles[name]

    def get_active_profile(self) -> StorageProfile:
        """The profile of `PYTEST_INSIGHT_PROFILE`, else the one last switched to, else `default`.

        Raises:
            UnknownProfileError: the variable or the file names one that does not exist.
        """
        named = locations.variable(locations.PROFILE_VARIABLE)
        if named:
            return self.get_profile(named, locations.PROFILE_VARIABLE)
        return self.get_profile(read_file(self.path).active, str(self.path))

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
        """Write down a new profile. Its store is not touched: it may exist, or come later.

        Args:
            name: see `StorageProfile`.
            storage_type: see `StorageProfile`.
            file_path: relative ones count from the working directory; `~` is expanded. Or a URL.
            merge_strategy: see `StorageProfile`.
            export_format: see `StorageProfile`.
            export_days: see `StorageProfile`.
            store_password: a password in the URL may be written down, readable for its owner.

        Raises:
            ProfileError: the name is taken or not allowed, the settings contradict each other, or
                the URL has a password that may not be stored.
            UnknownChoiceError: no such storage type, strategy or format.
        """
        profile = StorageProfile(
            name,
            storage_type,
            kept_place(file_path),
            merge_strategy,
            export_format,
            export_days,
        )
        if not store_password:
            refuse_password(profile)
        self.add_profile(profile)
        return profile

    def add_profile(self, profile: StorageProfile) -> None:
        """Write down a new profile that is described already; see `create_profile`."""
        check_profile(profile)

        def add(file: ProfileFile) -> None:
            check_free(profile.name, profiles_in(file))
            file.profiles[profile.name] = profile

        self.change(add)

    def switch_profile(self, name: str) -> StorageProfile:
        """Make a profile the active one, for this and every later process; returns it.

        `PYTEST_INSIGHT_PROFILE`, where it is set, still comes first.

        Raises:
            UnknownProfileError: there is none of that name.
        """

        def switch(file: ProfileFile) -> None:
            profiles = profiles_in(file)
            if name not in profiles:
                raise UnknownProfileError(name, profiles)
            file.active = name

        return profiles_in(self.change(switch))[name]

    def update_profile(
        self, name: str, *, store_password: bool = False, **changes: str | float | None
    ) -> StorageProfile:
        """Change settings of a profile; returns what it is now. No data is moved.

        Args:
            name: the profile; `default` too.
            store_password: a password in a URL that is given may be written down.
            changes: `storage_type`, `file_path`, `merge_strategy`, `export_format`, `export_days`,
                as for `create_profile`; None takes a setting back to its default.

        Raises:
            ProfileError: the settings contradict each other, or the URL has a password that may
                not be stored.
            UnknownProfileError: there is none of that name.
            UnknownChoiceError: no such storage type, strategy or format.
        """
        from pytest_insight.profiles.rename import update

        return update(self, name, changes, store_password=store_password)

    def rename_profile(self, name: str, new_name: str) -> StorageProfile:
        """Give a profile another name; returns what it is now.

        A json store that is where the profile's name says moves with it. Wherever this is
        interrupted, one of the two names leads to the sessions. The active profile stays so.

        Raises:
            ProfileError: the new name is taken or not allowed, or a store is there already; it is
                `default`, which keeps its name.
            UnknownProfileError: there is none of that name.
            StoreLockedError: another process writes the store all the time.
        """
        from pytest_insight.profiles.rename import rename

        return rename(self, name, new_name)

    def delete_profile(self, name: str) -> StorageProfile:
        """Forget a profile; returns what it was. Its data stays where it is.

        Where it was the active one, `default` becomes active.

        Raises:
            ProfileError: it is `default`, which is always there.
            UnknownProfileError: there is none of that name.
        """
        if name == locations.DEFAULT_PROFILE:
            raise ProfileError("the profile 'default' is always there and cannot be deleted", name)
        deleted: list[StorageProfile] = []

        def delete(file: ProfileFile) -> None:
            profiles = profiles_in(file)
            if name not in profiles:
                raise UnknownProfileError(name, profiles)
            deleted.append(profiles[name])
            del file.profiles[name]
            if file.active == name:
                file.active = locations.DEFAULT_PROFILE

        self.change(delete)
        return deleted[0]

    def change(self, change: Callable[[ProfileFile], None]) -> ProfileFile:
        """Change the file under its lock; where `change` raises, nothing is."""
        return change_file(self.path, change)


def kept_place(place: str | os.PathLike[str] | None) -> str | None:
    """A path made absolute, a URL as it is."""
    if not place:
        return None
    return str(place) if locations.is_url(place) else str(locations.absolute(place))


def profiles_in(file: ProfileFile) -> dict[str, StorageProfile]:
    """The profiles of the file by name, `default` among them."""
    default = locations.DEFAULT_PROFILE
    profiles = {default: StorageProfile(default), **file.profiles}
    return {name: profiles[name] for name in sorted(profiles)}


def check_free(name: str, profiles: Iterable[str]) -> None:
    """Raise ProfileError where one of the profiles has that name."""
    taken = {known.casefold(): known for known in profiles}
    if name.casefold() in taken:
        same = taken[name.casefold()]
        differs = "" if same == name else f" (as {same!r}; case does not tell them apart)"
        delete = f", or delete it with: insight profile delete {same}"
        if same == locations.DEFAULT_PROFILE:
            delete = ""  # it cannot be deleted
        raise ProfileError(
            f"the profile {name!r} exists already{differs}: choose another name{delete}",
            name,
        )


def _check_place(profile: StorageProfile) -> None:
    if profile.storage_type == "postgresql" and profile.url is None:
        instead = ", not a file" if profile.file_path else ""  # which may hold a password
        raise ProfileError(
            f"the profile {profile.name!r} is of type postgresql and needs the URL of its "
            f"database{instead}: --url postgresql://HOST/DATABASE",
            profile.name,
        )
    if profile.url and profile.storage_type in {"json", "sqlite"}:
        raise ProfileError(
            f"the profile {profile.name!r} cannot be of type {profile.storage_type} with the URL "
            f"{profile.place}: a URL is for the type postgresql",
            profile.name,
        )
    path = profile.path
    if path is None:
        return
    if not str(path).isprintable():
        why = "it holds characters that cannot be kept in a file of profiles"
    elif path.is_dir():
        why = "it is a folder; name a file in it"
    elif path == locations.profiles_path():
        why = "the profiles themselves are kept there"
    else:
        return
    raise ProfileError(
        f"the profile {profile.name!r} cannot have its store at {str(path)!r}: {why}", profile.name
    )


def refuse_password(profile: StorageProfile) -> None:
    """Raise ProfileError where the profile's URL has a password."""
    from pytest_insight.profiles.urls import passwords  # only for who writes a profile down

    if profile.url and passwords(profile.url):
        raise ProfileError(
            f"the profile {profile.name!r} would keep the password of its URL in a file: leave it "
            "out of the URL and put it into PGPASSWORD or ~/.pgpass, or say --store-password",
            profile.name,
        )


def check_profile(profile: StorageProfile) -> None:
    """Raise ProfileError or UnknownChoiceError where there can be no such profile."""
    name = profile.name
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise ProfileError(
            f"{name!r} cannot be the name of a profile: use letters, digits, '.', '_' and '-', "
            "and begin with a letter, a digit or '_'",
            name,
        )
    check_storage_type(profile.storage_type)
    if profile.storage_type == "memory" and profile.file_path:
        raise ProfileError(
            f"the profile {name!r} cannot have a file: a memory profile keeps none; "
            "leave the path out, or make it a json profile",
            name,
        )
    if name.casefold() in locations.RESERVED_PROFILE_NAMES and not profile.file_path:
        raise ProfileError(
            f"the profile {name!r} needs a path of its own: {locations.home() / name} and what is "
            "called so with a suffix is used by pytest-insight itself",
            name,
        )
    _check_place(profile)
    if profile.merge_strategy is not None:
        from pytest_insight.exchange.merge import get_strategy

        get_strategy(profile.merge_strategy)
    if profile.export_format is not None:
        from pytest_insight.exchange.formats import get_format

        get_format(profile.export_format)
    if profile.export_days is not None:
        from pytest_insight.filters import arguments

        arguments.number("export_days", profile.export_days)
