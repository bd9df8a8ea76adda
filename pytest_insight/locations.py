"""Where things live: functions of the environment at the time of the call. Nothing is created.

| what | place |
| --- | --- |
| home | `$PYTEST_INSIGHT_HOME`, else `~/.pytest_insight` |
| profiles | `<home>/profiles.json` |
| store of the profile `default` | `<home>/sessions.json` |
| store of another json profile | `<home>/<name>.json` |
| what `insight sessions undo` needs | `<home>/undo/<key of the store>` |
| store of a sqlite profile | `<home>/<name>.db` |
| journals of running sessions | `<home>/journal` with that variable, else the state folder |
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_insight.errors import InsightError, ProfileError

HOME_VARIABLE = "PYTEST_INSIGHT_HOME"
PROFILE_VARIABLE = "PYTEST_INSIGHT_PROFILE"
STORAGE_TYPE_VARIABLE = "PYTEST_INSIGHT_STORAGE_TYPE"
DB_PATH_VARIABLE = "PYTEST_INSIGHT_DB_PATH"
UNDO_VARIABLE = "PYTEST_INSIGHT_UNDO"

_DATABASES = ("postgresql://", "postgres://")

DEFAULT_PROFILE = "default"
RESERVED_PROFILE_NAMES = frozenset({"profiles", "sessions"})
"""Names whose file in the home folder would be `profiles.json` or the default profile's store."""


def variable(name: str) -> str | None:
    """The value of an environment variable; None where it is not set or empty."""
    return os.environ.get(name) or None


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path as it should be kept: `~` expanded, absolute, symbolic links left as they are.

    Raises:
        ProfileError: it is no path, but an address of something.
        InsightError: nobody knows the home folder that it begins with.
    """
    _refuse_address(os.fspath(path))
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as exc:
        raise InsightError(
            f"cannot tell whose home folder is meant by {path}: {exc}; "
            f"set {HOME_VARIABLE} to a folder, or HOME"
        ) from exc
    return Path(os.path.abspath(expanded))  # noqa: PTH100 - Path.resolve() would follow links


def home() -> Path:
    """The folder of profiles and stores."""
    moved = variable(HOME_VARIABLE)
    return absolute(moved) if moved else absolute("~/.pytest_insight")


def profiles_path() -> Path:
    """The file that holds the profiles and which of them is active."""
    return home() / "profiles.json"


def store_path(profile_name: str = DEFAULT_PROFILE, suffix: str = ".json") -> Path:
    """The store of a profile that names no file of its own: `.json`, or `.db` for SQLite."""
    stem = "sessions" if profile_name == DEFAULT_PROFILE else profile_name
    return home() / f"{stem}{suffix}"


def is_url(place: str | os.PathLike[str]) -> bool:
    """Whether it is the address of a database, and not a path."""
    return isinstance(place, str) and place.startswith(_DATABASES)


def _refuse_address(place: str) -> None:
    """Raise ProfileError where it is the address of something: it may hold a password.

    As a path it would be printed with it, and a store made in a folder named after it.
    """
    scheme, mark, rest = place.partition(":/")
    # After a slash it is a folder of a path, after one letter a drive.
    if not mark or "/" in scheme or "\\" in scheme or len(scheme) == 1:
        return
    # A Path has made one slash of the two.
    if not rest.startswith("/") and "postgres" not in scheme.lower():
        return
    named_by = f"{DB_PATH_VARIABLE} is" if place == variable(DB_PATH_VARIABLE) else "the place is"
    # Nothing of the rest is shown: where others keep the password in theirs is not known here.
    raise ProfileError(
        f"{named_by} an address, {scheme}://***, that is neither a path nor the URL of a database "
        "that can be used: for a PostgreSQL database give a URL of the form "
        "postgresql://USER@HOST/DATABASE (on the command line with --url), for a file a path "
        "without '://'"
    )


def one_place(where: str) -> str:
    """A path without its links, so that two paths of one file are equal; a URL as it is."""
    return os.path.realpath(where) if os.path.isabs(where) else where  # noqa: PTH117


def undo_folder(store: str) -> Path:
    """Where is kept what undoing needs for the store at that location, a path or a URL."""
    import hashlib  # only for what changes a store

    key = hashlib.blake2b(os.fsencode(one_place(store)), digest_size=8)
    return home() / "undo" / key.hexdigest()


def journal_folder() -> Path:
    """Where the recorder keeps what a running session has finished so far."""
    if variable(HOME_VARIABLE):
        return home() / "journal"
    from platformdirs import user_state_path

    try:
        return user_state_path("pytest-insight") / "journal"
    except RuntimeError as exc:
        raise InsightError(
            f"there is no place for journals: {exc}; set {HOME_VARIABLE} to a folder, or HOME"
        ) from exc
