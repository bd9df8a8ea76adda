"""Profiles: named storages, and which of them is active. Kept in `profiles.json`.

    {"version": 1, "active": "default", "profiles": {"demo": {"storage_type": "json", ...}}}

The profile `default` is always there; it is only written down once it is changed.

A recorded run imports this: annotations that are no strings, and a pattern that is compiled when it
is needed, make that three times as fast.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_insight import locations
from pytest_insight.errors import (
    NewerFormatError,
    ProfileError,
    StorageError,
    UnknownProfileError,
)
from pytest_insight.files import make_private_folder, os_error_text, remove_abandoned, write_whole
from pytest_insight.storage.registry import check_storage_type

if TYPE_CHECKING:
    from pytest_insight.exchange.settings import ExchangeSettings

VERSION = 1
LOCK_SECONDS = 10.0

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


class StorageProfile(NamedTuple):
    """A named storage.

    Attributes:
        name: letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
        storage_type: "json", "memory", or what another distribution offers.
        file_path: the file of a file-based storage, absolute; None for the one the name gives.
        merge_strategy: what imports into this profile do with IDs it has, None for the default.
        export_format: the format of its exports, None for the default.
        export_days: how many days its exports go back, None for all.
    """

    name: str
    storage_type: str = "json"
    file_path: str | None = None
    merge_strategy: str | None = None
    export_format: str | None = None
    export_days: float | None = None

    @property
    def path(self) -> Path | None:
        """The file: the one given, else for a json profile the one its name gives, else None."""
        if self.file_path:
            return locations.absolute(self.file_path)
        return locations.store_path(self.name) if self.storage_type == "json" else None

    @property
    def exchange(self) -> "ExchangeSettings":
        """Its settings for exports and imports."""
        from pytest_insight.exchange.settings import ExchangeSettings  # not to record

        return ExchangeSettings(self.merge_strategy, self.export_format, self.export_days)


class _File:
    """The whole file: the active profile and the profiles that are written down, by name."""

    def __init__(self, active: str, profiles: dict[str, StorageProfile]) -> None:
        self.active = active
        self.profiles = profiles


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
        return _profiles(self._read())

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
        return self.get_profile(self._read().active, str(self.path))

    def create_profile(
        self,
        name: str,
        storage_type: str = "json",
        file_path: str | os.PathLike[str] | None = None,
        *,
        merge_strategy: str | None = None,
        export_format: str | None = None,
        export_days: float | None = None,
    ) -> StorageProfile:
        """Write down a new profile. Its store is not touched: it may exist, or come later.

        Args:
            name: see `StorageProfile`.
            storage_type: see `StorageProfile`.
            file_path: relative ones count from the working directory; `~` is expanded.
            merge_strategy: see `StorageProfile`.
            export_format: see `StorageProfile`.
            export_days: see `StorageProfile`.

        Raises:
            ProfileError: the name is taken or not allowed, or the settings contradict each other.
            UnknownChoiceError: no such storage type, strategy or format.
        """
        profile = StorageProfile(
            name,
            storage_type,
            str(locations.absolute(file_path)) if file_path else None,
            merge_strategy,
            export_format,
            export_days,
        )
        _check(profile)

        def add(file: _File) -> None:
            taken = {known.casefold(): known for known in _profiles(file)}
            if name.casefold() in taken:
                same = taken[name.casefold()]
                differs = "" if same == name else f" (as {same!r}; case does not tell them apart)"
                raise ProfileError(
                    f"the profile {name!r} exists already{differs}: choose another name, or "
                    f"delete it with: insight profile delete {same}",
                    name,
                )
            file.profiles[name] = profile

        self._change(add)
        return profile

    def switch_profile(self, name: str) -> StorageProfile:
        """Make a profile the active one, for this and every later process; returns it.

        `PYTEST_INSIGHT_PROFILE`, where it is set, still comes first.

        Raises:
            UnknownProfileError: there is none of that name.
        """

        def switch(file: _File) -> None:
            profiles = _profiles(file)
            if name not in profiles:
                raise UnknownProfileError(name, profiles)
            file.active = name

        return _profiles(self._change(switch))[name]

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

        def delete(file: _File) -> None:
            profiles = _profiles(file)
            if name not in profiles:
                raise UnknownProfileError(name, profiles)
            deleted.append(profiles[name])
            del file.profiles[name]
            if file.active == name:
                file.active = locations.DEFAULT_PROFILE

        self._change(delete)
        return deleted[0]

    def _read(self) -> _File:
        path = self.path
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return _File(locations.DEFAULT_PROFILE, {})
        except OSError as exc:
            raise StorageError(
                f"cannot read the profiles in {path}: {os_error_text(exc)}", path
            ) from exc
        import json  # most people have no such file

        try:
            return _parsed(json.loads(data), path)
        except (ValueError, RecursionError) as exc:
            raise ProfileError(
                f"the profiles in {path} cannot be read: {exc}; mend the file, or move it away to "
                "begin anew (the stores themselves are not touched)"
            ) from exc

    def _change(self, change: "Callable[[_File], None]") -> _File:
        import json

        from pytest_insight.storage.locking import Lock  # readers do without

        path = Path(os.path.realpath(self.path))
        with Lock(path, LOCK_SECONDS).held():
            file = self._read()
            change(file)
            text = json.dumps(_written(file), indent=2, ensure_ascii=False).encode() + b"\n"
            try:
                make_private_folder(path.parent)
                remove_abandoned(path)
                write_whole(path, [text])
            except OSError as exc:
                raise StorageError(
                    f"cannot write the profiles to {path}: {os_error_text(exc)}", path
                ) from exc
        return file


def _profiles(file: _File) -> dict[str, StorageProfile]:
    default = locations.DEFAULT_PROFILE
    profiles = {default: StorageProfile(default), **file.profiles}
    return {name: profiles[name] for name in sorted(profiles)}


_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "storage_type": str,
    "file_path": str,
    "merge_strategy": str,
    "export_format": str,
    "export_days": (int, float),
}
"""What the file says of a profile, each if it is not the default."""


def _written(file: _File) -> dict[str, Any]:
    defaults = StorageProfile._field_defaults
    profiles = {
        name: {
            field: value
            for field in _SETTINGS
            if (value := getattr(profile, field)) != defaults[field]
        }
        for name, profile in file.profiles.items()
    }
    return {"version": VERSION, "active": file.active, "profiles": profiles}


def _parsed(found: Any, path: Path) -> _File:
    """The content of the file.

    Raises:
        NewerFormatError: a later pytest-insight wrote it.
        ValueError: it is no file of profiles.
    """
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int:
        raise ValueError("it is not a file of profiles: it has no version")
    if version > VERSION:
        raise NewerFormatError(path, version, VERSION)
    _expect(found, "the file", {"version": int, "active": str, "profiles": dict})
    profiles = {}
    for name, settings in found.get("profiles", {}).items():
        _expect(settings, f"profile {name!r}", _SETTINGS)
        profiles[name] = StorageProfile(name, **settings)
    return _File(found.get("active", locations.DEFAULT_PROFILE), profiles)


def _expect(found: Any, where: str, types: dict[str, type | tuple[type, ...]]) -> None:
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no object")
    for field, value in found.items():
        if field not in types:
            raise ValueError(f"{where} has an unknown field {field!r}")
        optional = field in StorageProfile._field_defaults and field != "storage_type"
        fits = isinstance(value, types[field]) and not isinstance(value, bool)
        if not (fits or (optional and value is None)):
            raise ValueError(f"{where} has {value!r} as {field!r}")


def _check_path(profile: StorageProfile) -> None:
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


def _check(profile: StorageProfile) -> None:
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
            f"the profile {name!r} needs a path of its own: {locations.home() / name}.json is "
            "used by pytest-insight itself",
            name,
        )
    _check_path(profile)
    if profile.merge_strategy is not None:
        from pytest_insight.exchange.merge import get_strategy

        get_strategy(profile.merge_strategy)
    if profile.export_format is not None:
        from pytest_insight.exchange.formats import get_format

        get_format(profile.export_format)
    if profile.export_days is not None:
        from pytest_insight import arguments

        arguments.number("export_days", profile.export_days)
