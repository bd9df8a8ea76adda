"""Changing a profile that there is: its settings, and its name with the file that follows it.

A file is moved so that whoever is killed in between leaves a profile that finds its sessions:

1. a link with the new name leads to the file: `new.json -> old.json`;
2. the profiles are written, with the new name in the place of the old one;
3. the file takes the link's place, in one step.

Before 2 the old name leads to the file; after it the new one does, by way of the link or directly.
A link, and not a second name of the file (a hard link): through a symbolic one both names share
one lock.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from pytest_insight import locations
from pytest_insight._util.files import os_error_text, sync_folder
from pytest_insight._util.locks import FileLock
from pytest_insight.errors import ProfileError, StorageError, UnknownProfileError
from pytest_insight.profiles.file import LOCK_SECONDS, ProfileFile, StorageProfile
from pytest_insight.profiles.manager import (
    ProfileManager,
    check_free,
    check_profile,
    kept_place,
    profiles_in,
    refuse_password,
)


def update(
    manager: ProfileManager,
    name: str,
    changes: Mapping[str, str | float | None],
    *,
    store_password: bool,
) -> StorageProfile:
    """See `ProfileManager.update_profile`."""
    changed: list[StorageProfile] = []
    given: dict[str, Any] = dict(changes)
    if given.get("file_path"):
        given["file_path"] = kept_place(str(given["file_path"]))
    if "storage_type" in given and given["storage_type"] is None:
        given["storage_type"] = StorageProfile._field_defaults["storage_type"]

    def change(file: ProfileFile) -> None:
        profiles = profiles_in(file)
        if name not in profiles:
            raise UnknownProfileError(name, profiles)
        profile = profiles[name]._replace(**given)
        check_profile(profile)
        if "file_path" in given and not store_password:
            refuse_password(profile)
        file.profiles[name] = profile
        changed.append(profile)

    manager.change(change)
    return changed[0]


def rename(manager: ProfileManager, name: str, new_name: str) -> StorageProfile:
    """See `ProfileManager.rename_profile`."""
    profile = manager.get_profile(name)
    if name == locations.DEFAULT_PROFILE:
        raise ProfileError("the profile 'default' is always there and keeps its name", name)
    renamed = profile._replace(name=new_name)
    check_profile(renamed)
    check_free(new_name, manager.list_profiles().keys() - {name})
    old, new = profile.path, renamed.path
    if old == new or old is None or new is None:
        return _rename(manager, profile, renamed)
    if profile.storage_type != "json":  # whose files we do not know, so they stay
        return _rename(manager, profile, renamed._replace(file_path=str(old)))
    real = Path(os.path.realpath(old))
    with ExitStack() as stack:
        for each in sorted({real, new}):  # in one order, so that two who rename do not wait
            stack.enter_context(FileLock(each, LOCK_SECONDS).held())
        return _move(manager, profile, renamed, old, new)


def _rename(manager: ProfileManager, old: StorageProfile, new: StorageProfile) -> StorageProfile:
    """Put the one in the place of the other in the file of profiles."""

    def change(file: ProfileFile) -> None:
        profiles = profiles_in(file)
        if profiles.get(old.name) != old:
            raise ProfileError(
                f"the profile {old.name!r} was changed by another process meanwhile: try again",
                old.name,
            )
        check_free(new.name, profiles.keys() - {old.name})
        del file.profiles[old.name]
        file.profiles[new.name] = new
        if file.active == old.name:
            file.active = new.name

    manager.change(change)
    return new


def _move(
    manager: ProfileManager, old: StorageProfile, new: StorageProfile, source: Path, target: Path
) -> StorageProfile:
    """Rename a profile and its file, whose lock is held."""
    _refuse_other(source, target, new.name)
    if not os.path.lexists(source):  # no session yet
        return _rename(manager, old, new)
    undo = locations.undo_folder(str(source))
    try:
        linked = _link(source, target)
    except OSError:  # Windows gives links only to some
        return _rename(manager, old, new._replace(file_path=str(source)))
    try:
        _rename(manager, old, new)
    except BaseException:
        if linked and new.name not in manager.list_profiles():
            target.unlink()
        raise
    try:
        source.replace(target)
        sync_folder(target.parent)
    except OSError as exc:
        raise StorageError(
            f"the profile is {new.name!r} now, but its file could not be moved, so {target} is a "
            f"link to {source}: {os_error_text(exc)}",
            target,
        ) from exc
    with suppress(OSError):  # there is nothing to take back, or what was there before stays
        undo.rename(locations.undo_folder(str(target)))
    return new


def _link(source: Path, target: Path) -> bool:
    """Make the link; False where it is there, of a renaming that was killed."""
    if _leads_to(target, source):
        return False
    target.unlink(missing_ok=True)
    target.symlink_to(source.name)
    sync_folder(target.parent)
    return True


def _refuse_other(source: Path, target: Path, name: str) -> None:
    """Raise where something stands at the new place that a killed renaming has not left."""
    left = target.is_symlink() and target.readlink().name == str(target.readlink())
    nowhere = left and not target.exists()
    if os.path.lexists(target) and not (nowhere or _leads_to(target, source)):
        raise ProfileError(
            f"the profile cannot be named {name!r}: {target} is there already; move it away, or "
            "choose another name",
            name,
        )


def _leads_to(target: Path, source: Path) -> bool:
    """Whether the one is a link to the other."""
    return target.is_symlink() and os.path.realpath(target) == os.path.realpath(source)
