"""What a profile is, and the file of the profiles, `profiles.json`: read and changed as a whole.

    {"version": 1, "active": "default", "profiles": {"demo": {"storage_type": "json", ...}}}

A recorded run imports this: annotations that are no strings make that three times as fast, and
most people have no such file, so JSON is imported for those who do.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_insight import locations
from pytest_insight._util.files import (
    make_private_folder,
    os_error_text,
    remove_abandoned,
    write_whole,
)
from pytest_insight.errors import NewerFormatError, ProfileError, StorageError

if TYPE_CHECKING:
    from pytest_insight.exchange.settings import ExchangeSettings

VERSION = 1
"""Versions: 1, the first one."""
LOCK_SECONDS = 10.0

_SUFFIXES = {"json": ".json", "sqlite": ".db"}
"""Storage types that have a file where the profile names none."""


class StorageProfile(NamedTuple):
    """A named storage.

    Attributes:
        name: letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
        storage_type: "json", "sqlite", "postgresql", "memory", or what another distribution offers.
        file_path: the file of a file-based storage, absolute; None for the one the name gives. For
            "postgresql" the URL of the database.
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
        """The file: the one given, else for a storage of one the one its name gives, else None."""
        if self.file_path:
            return None if self.url else locations.absolute(self.file_path)
        suffix = _SUFFIXES.get(self.storage_type)
        return None if suffix is None else locations.store_path(self.name, suffix)

    @property
    def url(self) -> str | None:
        """The URL of its database, with the password where one was stored; None for others."""
        return self.file_path if self.file_path and locations.is_url(self.file_path) else None

    @property
    def place(self) -> str:
        """Where its sessions are, for people: a path, a URL without its password, or the type."""
        if self.url:
            from pytest_insight.profiles.urls import masked  # most profiles have none

            return masked(self.url)
        return str(self.path) if self.path else self.storage_type

    @property
    def exchange(self) -> "ExchangeSettings":
        """Its settings for exports and imports."""
        from pytest_insight.exchange.settings import ExchangeSettings  # not to record

        return ExchangeSettings(self.merge_strategy, self.export_format, self.export_days)


class ProfileFile:
    """The whole file.

    Attributes:
        active: the name of the active profile.
        profiles: those that are written down, by name.
    """

    def __init__(self, active: str, profiles: dict[str, StorageProfile]) -> None:
        self.active = active
        self.profiles = profiles


def read_file(path: Path) -> ProfileFile:
    """What the file holds; where there is none, what one without profiles would.

    Raises:
        ProfileError: it is broken.
        NewerFormatError: a later pytest-insight wrote it.
        StorageError: it cannot be read.
    """
    try:
        data = path.read_bytes()
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
            f"the profiles in {path} cannot be read: {exc}; mend the file, or move it away to "
            "begin anew (the stores themselves are not touched)"
        ) from exc


def change_file(path: Path, change: Callable[[ProfileFile], None]) -> ProfileFile:
    """Read, change and replace the file under its lock; returns what it holds now.

    Raises:
        ProfileError, NewerFormatError: as from `read_file`; then it is left as it is.
        StorageError: it cannot be read or written.
    """
    import json

    from pytest_insight._util.locks import FileLock  # readers do not need it

    path = Path(os.path.realpath(path))
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


_TYPES: dict[str, type | tuple[type, ...]] = {
    "storage_type": str,
    "file_path": str,
    "merge_strategy": str,
    "export_format": str,
    "export_days": (int, float),
}
"""What is written down of a profile, each if it is not the default."""


def settings_of(profile: StorageProfile) -> dict[str, Any]:
    """What is written down of a profile, beside its name."""
    defaults = StorageProfile._field_defaults
    fields = profile._asdict()
    return {field: fields[field] for field in _TYPES if fields[field] != defaults[field]}


def profile_of(name: object, settings: object) -> StorageProfile:
    """A profile from what is written down of it.

    Raises:
        ValueError: that is no profile.
    """
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no name of a profile")
    return StorageProfile(name, **_expected(settings, f"profile {name!r}", _TYPES))


def _parsed(found: object, path: Path) -> ProfileFile:
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
    file = _expected(found, "the file", {"version": int, "active": str, "profiles": dict})
    profiles = file.get("profiles", {})
    return ProfileFile(
        file.get("active", locations.DEFAULT_PROFILE),
        {name: profile_of(name, settings) for name, settings in profiles.items()},
    )


def _expected(
    found: object, where: str, types: dict[str, type | tuple[type, ...]]
) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no object")
    for field, value in found.items():
        if field not in types:
            raise ValueError(f"{where} has an unknown field {field!r}")
        optional = field in _TYPES and field != "storage_type"
        fits = isinstance(value, types[field]) and not isinstance(value, bool)
        if not (fits or (optional and value is None)):
            raise ValueError(f"{where} has {value!r} as {field!r}")
    return found
