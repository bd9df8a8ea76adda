"""Where files are: functions of the environment at the time of the call. Nothing is created.

| what | place |
| --- | --- |
| home folder | `$PYTEST_INSIGHT_HOME`, else `~/.pytest_insight` |
| profiles | `<home>/profiles.json` |
| store of the profile `default` | `<home>/sessions.json` |
| store of another JSON profile | `<home>/<name>.json` |
| store of another SQLite profile | `<home>/<name>.db` |
| undo records | `<home>/undo/<key of the store>` |
| journals of running sessions | `<home>/journal` if the variable is set, else the state folder |

The home of a user who has none is `/`. If nothing can be written to the home or state folder (a
container without a usable home), undo records and journals are beside the store, in `<store>.undo`
and `<store>.journal`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pytest_insight._util.files import is_usable_folder
from pytest_insight.errors import InsightError, InvalidProfileError
from pytest_insight.passwords import is_connection_string

HOME_VARIABLE = "PYTEST_INSIGHT_HOME"
PROFILE_VARIABLE = "PYTEST_INSIGHT_PROFILE"
STORAGE_TYPE_VARIABLE = "PYTEST_INSIGHT_STORAGE_TYPE"
DB_PATH_VARIABLE = "PYTEST_INSIGHT_DB_PATH"
UNDO_VARIABLE = "PYTEST_INSIGHT_UNDO"

PROFILES_FILE = "profiles.json"
DEFAULT_PROFILE = "default"
RESERVED_PROFILE_NAMES = frozenset({"profiles", "sessions"})
"""Names whose file in the home folder would be `profiles.json` or the default profile's store."""


def variable(name: str) -> str | None:
    """Return the value of an environment variable; None if it is not set or empty."""
    return os.environ.get(name) or None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path with `~` expanded; symbolic links are not resolved.

    Raises:
        InvalidProfileError: it is empty, or a URL, not a path.
        InsightError: the home folder that it begins with is unknown.
    """
    given: str | bytes = os.fspath(path)
    if isinstance(given, bytes) or "\0" in given:
        raise InvalidProfileError(
            f"the path must be a text without the unprintable NUL, not {given!r}"
        )
    if not os.fspath(path):
        raise InvalidProfileError("the path is empty; name a file, or leave it out for the default")
    check_no_connection_string(os.fspath(path))
    scheme = url_scheme(os.fspath(path))
    if scheme is not None:
        named = os.fspath(path) == variable(DB_PATH_VARIABLE)
        sqlite = ""
        if scheme.lower().startswith("sqlite"):
            sqlite = (
                f"for an SQLite file set {STORAGE_TYPE_VARIABLE}=sqlite and the path of the file, "
                if named
                else "for an SQLite file create the profile with --type sqlite and --path FILE, "
            )
        raise InvalidProfileError(
            f"{DB_PATH_VARIABLE if named else 'the path'} is a URL, {scheme}://***, that cannot be "
            f"used: {sqlite}write a PostgreSQL database as postgresql://USER@HOST/DATABASE (on the "
            f"command line with --url), and a file whose path begins with {scheme!r} as "
            f"./{scheme}:/..."
        )
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as exc:
        raise InsightError(
            f"cannot expand the home folder in {path}: {exc}; "
            f"set {HOME_VARIABLE} or HOME to a folder"
        ) from exc
    try:
        return Path(os.path.abspath(expanded))  # noqa: PTH100 - Path.resolve() would follow links
    except OSError as exc:
        raise InsightError(missing_current_folder(path)) from exc


def missing_current_folder(path: str | os.PathLike[str]) -> str:
    """Return why a relative path cannot be found without the current folder; empty if it exists."""
    try:
        Path.cwd()
    except OSError:
        return (
            f"cannot find {path}: the current folder was deleted; use an absolute path, or change "
            "to another folder"
        )
    return ""


def check_no_connection_string(path: str) -> None:
    """Raise InvalidProfileError, without the path, if it is a connection string of libpq."""
    if is_connection_string(path):
        named = path == variable(DB_PATH_VARIABLE)
        raise InvalidProfileError(
            f"{DB_PATH_VARIABLE if named else 'the path'} is a connection string, NAME=VALUE, that "
            "cannot be used: write a PostgreSQL database as postgresql://USER@HOST/DATABASE (on "
            "the command line with --url), and a file of that name as ./NAME=VALUE"
        )


def home() -> Path:
    """Return the folder of profiles and stores."""
    return absolute(variable(HOME_VARIABLE) or _in_home(".pytest_insight"))


def profiles_path() -> Path:
    """Return the file of the profiles."""
    return home() / PROFILES_FILE


def store_path(profile_name: str = DEFAULT_PROFILE, suffix: str = ".json") -> Path:
    """Return the store of a profile without a `file_path`; the suffix of SQLite is `.db`."""
    stem = "sessions" if profile_name == DEFAULT_PROFILE else profile_name
    return home() / f"{stem}{suffix}"


def display_path(path: str | os.PathLike[str]) -> str:
    """Return a path for people: `~` stands for the home folder of the user."""
    text = os.fspath(path)
    home_folder = _home_of_user()
    if home_folder and (text + "/").startswith(home_folder + "/"):
        return "~" + text[len(home_folder) :]
    return text


def with_display_paths(message: str) -> str:
    """Return a message for people, with each path in it as `display_path` shows it.

    Paths in quotes stay as they are: a shell expands `~` outside of quotes only.
    """
    home_folder = _home_of_user()
    if not home_folder or home_folder not in message:
        return message
    return re.sub(rf"(?<![\w/.~'\"-]){re.escape(home_folder)}(?![\w.-])", "~", message)


def _home_of_user() -> str:
    """Return the home folder; "" if it is unknown or `/`."""
    found = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - Path.home() may raise
    return found if os.path.isabs(found) else ""  # noqa: PTH117


def is_store_at_home(path: Path, suffix: str = ".json") -> bool:
    """Return whether a file is the store of a profile in the home folder, links resolved.

    No other program keeps files there; elsewhere a path may name another program's file.
    """
    try:
        folder = os.path.realpath(home())
    except InsightError:  # there is no home folder
        return False
    real = Path(os.path.realpath(path))
    return str(real.parent) == folder and real.suffix == suffix and real.name != PROFILES_FILE


def is_url(place: str | os.PathLike[str]) -> bool:
    """Return whether it is the URL of a database, not a path."""
    return isinstance(place, str) and place.startswith(("postgresql://", "postgres://"))


def url_scheme(path: str) -> str | None:
    """Return the scheme if a path is a URL, which must not be printed; None if it is not one."""
    scheme, mark, _ = path.partition(":/")  # pathlib has reduced the two slashes of a URL to one
    # After a slash a colon is part of a folder's name; after one letter it marks a drive.
    return scheme if mark and not {"/", "\\"} & set(scheme) and len(scheme) > 1 else None


def canonical_place(where: str) -> str:
    """Return a path with symbolic links resolved, so that paths can be compared; a URL as it is."""
    return os.path.realpath(where) if os.path.isabs(where) else where  # noqa: PTH117


def undo_folder(store: str) -> Path:
    """Return the folder of the undo records of a store, given its path or URL."""
    import hashlib  # not needed to read

    key = hashlib.blake2b(os.fsencode(canonical_place(store)), digest_size=8)
    usual = home() / "undo" / key.hexdigest()
    beside = None if is_url(store) else _beside(Path(store), ".undo")
    return _first_usable(usual, beside)


def journal_folder(store: Path | None = None) -> Path:
    """Return the folder for the journals of runs that are recorded into a store.

    Args:
        store: its file; None for a database or memory.
    """
    return _first_usable(*journal_folders(store))


def journal_folders(store: Path | None = None) -> list[Path]:
    """Return the folders that may have journals of a store, and of others."""
    if variable(HOME_VARIABLE):
        usual = home() / "journal"
    else:
        from platformdirs import user_state_path

        try:
            state = user_state_path("pytest-insight")
        except RuntimeError:  # there is no home
            state = home()
        usual = (state if state.is_absolute() else home()) / "journal"  # earlier versions return ~
    return [usual] if store is None else [usual, _beside(store, ".journal")]


def _beside(store: Path, suffix: str) -> Path:
    real = Path(os.path.realpath(store))
    return real.with_name(real.name + suffix)


def _first_usable(usual: Path, beside: Path | None = None) -> Path:
    """Return the folder beside the store if only that can be written, and is ours."""
    if beside is not None and not is_usable_folder(usual) and is_usable_folder(beside):
        return beside
    return usual


def _in_home(name: str) -> Path:
    """Return a path in the home folder of the user; in `/` if the user has no home folder.

    That is what container engines set `HOME` to for a user who is not in the password database.
    """
    try:
        return Path.home() / name
    except RuntimeError:
        return Path(os.sep, name)
