"""Paths of files to import and export: their suffixes, and those that no file can have."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_insight.errors import ExchangeError
from pytest_insight.locations import missing_current_folder, url_scheme
from pytest_insight.passwords import is_connection_string


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a path in lower case, with the dot, before any `.gz`; "" for none."""
    path = Path(path)
    return (path.with_suffix("") if is_gzip(path) else path).suffix.lower()


def is_gzip(path: Path) -> bool:
    """Return whether the name says that the file is compressed by gzip."""
    return path.suffix.lower() == ".gz"


def refuse_impossible(path: Path, action: str) -> None:
    """Raise if a path cannot be that of a file, without repeating a password that it may hold.

    Args:
        path: the path.
        action: "read" or "write".

    Raises:
        ExchangeError: it is a connection string, a URL or a folder, or has no meaning here.
    """
    if is_connection_string(str(path)):  # it may hold a password
        raise ExchangeError(
            f"cannot {action} a connection string, NAME=VALUE: give the path of a file", "***"
        )
    scheme = url_scheme(str(path))
    if scheme is not None:  # likewise
        url = f"{scheme}://***"
        raise ExchangeError(f"cannot {action} the URL {url}: give the path of a file", url)
    if not path.is_absolute() and (gone := missing_current_folder(path)):
        raise ExchangeError(gone, str(path))
    if "\0" in str(path):
        raise ExchangeError(f"cannot {action} {str(path)!r}: a path cannot contain NUL", str(path))
    if is_folder(path):
        raise ExchangeError(f"cannot {action} {path}: it is a folder; name a file in it", str(path))


def is_inside(folder: Path, path: str) -> bool:
    """Return whether a relative path, perhaps from hostile input, is a file in a folder."""
    parts = path.replace("\\", "/").split("/")
    return not {"", ".", ".."}.intersection(parts) and ":" not in path and is_file(folder / path)


def is_file(path: Path) -> bool:
    """Return whether a path is a file; False for names that are too long, for which Path raises."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False for names that are too long."""
    return os.path.isdir(path)  # noqa: PTH112
