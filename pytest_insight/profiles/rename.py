"""Rename a profile, and its JSON store if the path follows from the name.

A process that is killed at any moment leaves a profile that finds its sessions:

1. Create a symbolic link with the new name: `new.json -> old.json`.
2. Write the profiles with the new name instead of the old one.
3. Replace the link by the file, with `os.replace`.

Until step 2 the old name leads to the file; then the new one does, through the link or directly.
The link is symbolic, not hard, so that both names have the same lock file.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from pytest_insight import locations
from pytest_insight._util.files import os_error_text, sync_folder
from pytest_insight._util.locks import FileLock
from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.profiles.file import LOCK_SECONDS, ProfileFile, change_file, read_file
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.profiles.rules import check_name_is_free, check_profile


def rename_profile(profiles: Path, name: str, new_name: str) -> StorageProfile:
    """See `ProfileManager.rename_profile`; `profiles` is the file of the profiles."""
    file = read_file(profiles)
    profile = file.get(name)
    if name == locations.DEFAULT_PROFILE:
        raise ProfileError("the profile 'default' cannot be renamed", name)
    renamed = replace(profile, name=new_name)
    check_profile(renamed)
    check_name_is_free(new_name, file.with_default().keys() - {name})
    old, new = profile.path, renamed.path
    if old == new or old is None or new is None:
        return _replace_profile(profiles, profile, renamed)
    if profile.storage_type != "json":  # an SQLite database may have more files, so it stays
        return _replace_profile(profiles, profile, replace(renamed, file_path=str(old)))
    real = Path(os.path.realpath(old))
    with ExitStack() as stack:
        for path in sorted({real, new}):  # in the same order everywhere: no deadlock
            stack.enter_context(FileLock(path, LOCK_SECONDS).held())
        return _rename_with_store(profiles, profile, renamed, old, new)


def _replace_profile(profiles: Path, old: StorageProfile, new: StorageProfile) -> StorageProfile:
    """Replace a profile by another one of any name in the file of the profiles; return that."""

    def change(file: ProfileFile) -> None:
        if file.profiles.get(old.name) != old:
            raise ProfileError(
                f"another process has just changed the profile {old.name!r}; try again", old.name
            )
        check_name_is_free(new.name, file.with_default().keys() - {old.name})
        del file.profiles[old.name]
        file.profiles[new.name] = new
        if file.active == old.name:
            file.active = new.name

    change_file(profiles, change)
    return new


def _rename_with_store(
    profiles: Path, old: StorageProfile, new: StorageProfile, source: Path, target: Path
) -> StorageProfile:
    """Rename a profile and its store, whose locks are held."""
    _check_target_is_free(source, target, new.name)
    if not os.path.lexists(source):  # no session was saved yet
        return _replace_profile(profiles, old, new)
    undo = locations.undo_folder(str(source))  # found through the file that is about to move
    try:
        created = _create_link(source, target)
    except OSError:  # Windows lets only some users create links
        return _replace_profile(profiles, old, replace(new, file_path=str(source)))
    try:
        _replace_profile(profiles, old, new)
    except BaseException:
        if created and new.name not in read_file(profiles).profiles:
            target.unlink()
        raise
    try:
        source.replace(target)
        sync_folder(target.parent)
    except OSError as exc:
        raise StorageError(
            f"the profile was renamed to {new.name!r}, but its file cannot be renamed, so {target} "
            f"is a link to {source}: {os_error_text(exc)}",
            target,
        ) from exc
    with suppress(OSError):  # there is nothing to undo, or the new path has undo records already
        undo.rename(locations.undo_folder(str(target)))
    return new


def _create_link(source: Path, target: Path) -> bool:
    """Create the link; return False if a killed process has created it already."""
    if _leads_to(target, source):
        return False
    target.unlink(missing_ok=True)
    target.symlink_to(source.name)
    sync_folder(target.parent)
    return True


def _check_target_is_free(source: Path, target: Path, name: str) -> None:
    """Raise ProfileError if the new path exists, unless a killed process left a link there."""
    stale = (
        target.is_symlink()
        and target.readlink().name == str(target.readlink())
        and not target.exists()
    )
    if os.path.lexists(target) and not (stale or _leads_to(target, source)):
        raise ProfileError(
            f"the profile cannot be named {name!r}: {target} exists already; move it away, or "
            "choose another name",
            name,
        )


def _leads_to(link: Path, path: Path) -> bool:
    return link.is_symlink() and os.path.realpath(link) == os.path.realpath(path)
