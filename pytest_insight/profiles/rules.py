"""What a valid profile is."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable

from pytest_insight import locations
from pytest_insight.errors import InvalidProfileError, ProfileError
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.profiles.storage_types import check_storage_type

_FIRST_LETTERS = frozenset(string.ascii_letters + string.digits + "_")
_LETTERS = _FIRST_LETTERS | {".", "-"}
MAX_NAME = 100
"""Characters of the name of a new profile, which names its store."""
MAX_FILE_NAME = 200
"""Bytes of a store's file name: file systems allow 255, and names beside it are longer."""


def check_profile(profile: StorageProfile) -> None:
    """Raise an error if a profile is not valid.

    Raises:
        InvalidProfileError: the name is not allowed, or the settings contradict each other.
        UnknownChoiceError: there is no such storage type, merge strategy or format.
        InvalidArgumentError: `export_days` is not a number of days.
    """
    _check_name(profile.name)
    check_storage_type(profile.storage_type)
    if profile.name.casefold() in locations.RESERVED_PROFILE_NAMES and not profile.file_path:
        raise InvalidProfileError(
            f"the profile {profile.name!r} needs a path, because pytest-insight keeps other data "
            f"in {locations.store_path(profile.name)}: add --path FILE",
            profile.name,
        )
    check_place(profile)
    if profile.merge_strategy is not None:
        from pytest_insight.exchange.merge import get_strategy

        get_strategy(profile.merge_strategy)
    if profile.export_format is not None:
        from pytest_insight.exchange.write_formats import get_format

        get_format(profile.export_format)
    if profile.export_days is not None:
        from pytest_insight.filters import arguments

        arguments.number("export_days", profile.export_days)


def check_place(profile: StorageProfile) -> None:
    """Raise InvalidProfileError if the place does not fit the type; the name may be empty."""
    if profile.url:
        from pytest_insight.profiles.urls import check_url  # not needed to record into a file

        check_url(profile.url)
    kind = profile.storage_type
    who = f"the profile {profile.name!r} of type {kind}" if profile.name else f"a {kind} storage"
    if kind == "memory" and profile.file_path:
        problem = f"keeps no file, so it cannot use {profile.place}: leave out one of them"
    elif kind == "postgresql" and profile.url is None:
        problem = (  # without the place, which may hold a password
            f"needs the URL of its database{', not a file' if profile.file_path else ''}: give "
            f"--url or {locations.DB_PATH_VARIABLE} as postgresql://USER@HOST/DATABASE"
        )
    elif kind in {"json", "sqlite"} and profile.url:
        problem = (
            f"keeps a file, so it cannot use the URL {profile.place}: a URL needs the type "
            "postgresql"
        )
    elif why := _unusable_path(profile):
        problem = f"cannot have its store at {str(profile.path)!r}: {why}"
    else:
        return
    raise InvalidProfileError(f"{who} {problem}", profile.name or None)


def check_name_is_free(name: str, profiles: Iterable[str]) -> None:
    """Raise ProfileError if a profile has that name already, in upper or lower case."""
    for known in profiles:
        if name.casefold() == known.casefold():
            differs = "" if name == known else f" as {known!r} (case makes no difference)"
            # The default profile cannot be deleted.
            deletable = known != locations.DEFAULT_PROFILE
            delete = f", or run: insight profile delete {known}" if deletable else ""
            raise ProfileError(
                f"the profile {name!r} exists already{differs}: choose another name{delete}", name
            )


def check_no_password(profile: StorageProfile) -> None:
    """Raise InvalidProfileError if the URL of a profile has a password."""
    from pytest_insight.profiles.urls import passwords  # not needed to record into a file

    if profile.url and passwords(profile.url):
        raise InvalidProfileError(
            f"the profile {profile.name!r} would store the password of its URL in a file: remove "
            "it from the URL and set PGPASSWORD or use ~/.pgpass, or pass --store-password",
            profile.name,
        )


def absolute_place(place: str | os.PathLike[str] | None) -> str | None:
    """Return a path made absolute, or a URL unchanged.

    Raises:
        ProfileError: it is empty, or a URL of an unknown kind.
    """
    if place is None:
        return None
    return str(place) if locations.is_url(place) else str(locations.absolute(place))


def _check_name(name: str) -> None:
    if not (
        isinstance(name, str) and name and name[0] in _FIRST_LETTERS and _LETTERS.issuperset(name)
    ):
        raise InvalidProfileError(
            f"{name!r} cannot be the name of a profile: use letters, digits, '.', '_' and '-', "
            "and begin with a letter, a digit or '_'",
            name,
        )
    if len(name) > MAX_NAME:
        raise InvalidProfileError(
            f"the name of a profile may have {MAX_NAME} characters, not {len(name):,}", name
        )


def _unusable_path(profile: StorageProfile) -> str:
    """Return why a store cannot be at the path of a profile; empty if it can."""
    path = profile.path
    if path is None or not profile.name:
        return ""
    if not str(path).isprintable():
        return "it contains unprintable characters"
    if len(os.fsencode(path.name)) > MAX_FILE_NAME:
        return f"a store's file name may have {MAX_FILE_NAME} bytes"
    if os.path.isdir(path):  # noqa: PTH112 - False if the whole path is too long
        return "it is a folder; name a file in it"
    if path == locations.profiles_path():
        return "the profiles are kept in that file"
    return ""
