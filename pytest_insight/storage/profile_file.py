"""The file of the profiles, `profiles.json`: read as a whole, changed as a whole.

{"version": 1, "active": "default", "profiles": {"demo": {"storage_type": "json", ...}}}
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from pytest_insight import locations
from pytest_insight.document import UNDECODABLE
from pytest_insight.errors import NewerFormatError, ProfileError, StorageError
from pytest_insight.files import make_private_folder, os_error_text, remove_abandoned, write_whole

VERSION = 1
LOCK_SECONDS = 10.0


class Settings(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One profile in the file: a `StorageProfile` without its name."""

    storage_type: str = "json"
    file_path: str | None = None
    merge_strategy: str | None = None
    export_format: str | None = None
    export_days: float | None = None


class ProfileFile(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file. Versions: 1, the first one."""

    version: int = VERSION
    active: str = locations.DEFAULT_PROFILE
    profiles: dict[str, Settings] = {}


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
        return ProfileFile()
    except OSError as exc:
        raise StorageError(
            f"cannot read the profiles in {path}: {os_error_text(exc)}", path
        ) from exc
    try:
        found: Any = msgspec.json.decode(data)
        version = found.get("version") if isinstance(found, dict) else None
        if isinstance(version, int) and version > VERSION:
            raise NewerFormatError(path, version, VERSION)
        if version is None:
            raise msgspec.ValidationError("it is not a file of profiles: it has no version")
        return msgspec.convert(found, ProfileFile)
    except UNDECODABLE as exc:
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
    from pytest_insight.storage.locking import Lock  # readers do without

    path = Path(os.path.realpath(path))
    with Lock(path, LOCK_SECONDS).held():
        file = read_file(path)
        change(file)
        text = msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"
        try:
            make_private_folder(path.parent)
            remove_abandoned(path)
            write_whole(path, [text])
        except OSError as exc:
            raise StorageError(
                f"cannot write the profiles to {path}: {os_error_text(exc)}", path
            ) from exc
    return file
