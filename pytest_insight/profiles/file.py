"""The file of the profiles, `profiles.json`, which is read and replaced as a whole.

    {"version": 1, "active": "default", "profiles": {"demo": {"storage_type": "json", ...}}}

A field of a profile is written if it differs from its default. Recorded runs import this module;
most people have no such file, so `json` is imported when there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from pytest_insight import locations
from pytest_insight._util.files import (
    make_private_folder,
    os_error_text,
    read_whole,
    remove_abandoned,
    write_protected,
    write_whole,
)
from pytest_insight._util.rights import resolve
from pytest_insight.errors import (
    NewerFormatError,
    ProfileError,
    StorageError,
    UnknownProfileError,
)
from pytest_insight.profiles.profile import StorageProfile

VERSION = 1
LOCK_SECONDS = 10.0
"""How long a change waits for another process to release the lock."""

_OPTIONAL_TEXT = (str, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "storage_type": (str,),
    "file_path": _OPTIONAL_TEXT,
    "merge_strategy": _OPTIONAL_TEXT,
    "export_format": _OPTIONAL_TEXT,
    "export_days": (int, float, type(None)),
}
"""The fields of a profile in the file, beside its name."""


class ProfileFile:
    """The contents of the file.

    Attributes:
        active: the name of the active profile.
        profiles: the profiles in the file, by name.
    """

    def __init__(self, active: str, profiles: dict[str, StorageProfile]) -> None:
        self.active = active
        self.profiles = profiles

    def with_default(self) -> dict[str, StorageProfile]:
        """Return all profiles sorted by name, including `default` if the file does not list it."""
        default = locations.DEFAULT_PROFILE
        profiles = {default: StorageProfile(default), **self.profiles}
        return {name: profiles[name] for name in sorted(profiles)}

    def get(self, name: str, named_by: str = "") -> StorageProfile:
        """Return the profile of that name; an error mentions `named_by`.

        Raises:
            UnknownProfileError: there is no such profile.
        """
        profiles = self.with_default()
        if name not in profiles:
            raise UnknownProfileError(name, profiles, named_by)
        return profiles[name]


def read_file(path: Path) -> ProfileFile:
    """Return the contents of the file; without profiles if it does not exist.

    Raises:
        ProfileError: the contents are not valid.
        NewerFormatError: a newer pytest-insight wrote the file.
        StorageError: the file cannot be read.
    """
    try:
        data = read_whole(path)
    except FileNotFoundError:
        return ProfileFile(locations.DEFAULT_PROFILE, {})
    except OSError as exc:
        raise StorageError(
            f"cannot read the profiles in {path}: {os_error_text(exc)}", path
        ) from exc
    import json

    try:
        found = json.loads(data.decode())
        json.dumps(found, ensure_ascii=False).encode()  # fails on a lone surrogate
        return _parsed(found, path)
    except (ValueError, RecursionError) as exc:
        raise ProfileError(
            f"the profiles in {path} cannot be read: {exc}; correct it, or move it away to "
            "start without profiles (the stores are not touched)"
        ) from exc


def read_active_profile(path: Path) -> StorageProfile:
    """Return the profile of `PYTEST_INSIGHT_PROFILE`, else the active one of the file.

    Raises:
        UnknownProfileError: the variable or the file names a profile that does not exist.
        ProfileError, NewerFormatError, StorageError: as `read_file`.
    """
    file = read_file(path)
    named = locations.variable(locations.PROFILE_VARIABLE)
    if named:
        return file.get(named, locations.PROFILE_VARIABLE)
    return file.get(file.active, str(path))


def change_file(path: Path, change: Callable[[ProfileFile], None]) -> ProfileFile:
    """Read, change and replace the file under its lock; return its new contents.

    Raises:
        ProfileError, NewerFormatError: as `read_file`; the file is left unchanged.
        StorageError: the file cannot be read or written.
    """
    import json

    from pytest_insight._util.locks import FileLock  # not needed to read

    path = _writable(path)
    with FileLock(path, LOCK_SECONDS).held():
        file = read_file(path)
        change(file)
        profiles = {name: settings_of(profile) for name, profile in file.profiles.items()}
        content = {"version": VERSION, "active": file.active, "profiles": profiles}
        text = json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
        try:
            make_private_folder(path.parent)
            remove_abandoned(path)
            write_whole(path, [text])
        except OSError as exc:
            raise StorageError(
                f"cannot write the profiles to {path}: {os_error_text(exc)}", path
            ) from exc
    return file


def _writable(path: Path) -> Path:
    """Return the path with links resolved; raise StorageError if we may not write the file."""
    try:
        real = resolve(path)
        refused = write_protected(real)
        problem = f"{refused} is write-protected" if refused else ""
    except OSError as exc:
        problem = os_error_text(exc)
    if problem:
        raise StorageError(f"cannot write the profiles to {path}: {problem}", path)
    return real


def settings_of(profile: StorageProfile) -> dict[str, Any]:
    """Return the fields of a profile that differ from their defaults, without its name."""
    found = {each.name: (getattr(profile, each.name), each.default) for each in fields(profile)}
    return {name: found[name][0] for name in _TYPES if found[name][0] != found[name][1]}


def profile_of(name: object, settings: object) -> StorageProfile:
    """Return the profile with the fields that `settings_of` returned.

    Raises:
        ValueError: the name or the fields are not valid.
    """
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is not the name of a profile")
    return StorageProfile(name, **_checked(settings, f"profile {name!r}", _TYPES))


def _parsed(found: object, path: Path) -> ProfileFile:
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int:
        raise ValueError("it has no version, so it is not a file of profiles")
    if version > VERSION:
        raise NewerFormatError(path, version, VERSION)
    types: dict[str, tuple[type, ...]] = {"version": (int,), "active": (str,), "profiles": (dict,)}
    content = _checked(found, "the file", types)
    return ProfileFile(
        content.get("active", locations.DEFAULT_PROFILE),
        {name: profile_of(name, each) for name, each in content.get("profiles", {}).items()},
    )


def _checked(found: object, where: str, types: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return an object whose fields are valid, else raise ValueError."""
    if not isinstance(found, dict):
        raise ValueError(f"{where} is not an object")
    for name, value in found.items():
        if name not in types:
            raise ValueError(f"{where} has an unknown field {name!r}")
        if not isinstance(value, types[name]) or isinstance(value, bool):
            raise ValueError(f"{where} has {value!r} as {name!r}")
    return found
