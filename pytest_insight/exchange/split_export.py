"""Export sessions to several files, for programs that read no large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.user_warnings import warn_user
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.exchange.paths import is_gzip
from pytest_insight.exchange.write_formats import format_to_write, open_to_write
from pytest_insight.exchange.writers import junit
from pytest_insight.models import TestSession


def write_parts(
    sessions: Iterable[TestSession],
    path: Path,
    format_name: str | None,
    check: Callable[[Path], None],
) -> tuple[int, list[Path]]:
    """Write sessions as JUnit XML to the files `NAME-1.xml`, `NAME-2.xml` and so on.

    None is larger than GitLab reads (`junit.FILE_BYTES`), unpacked. They replace existing files
    when all are complete. A UserWarning names the next file if it exists: it is of another export.

    Args:
        sessions: the sessions.
        path: the file to name the parts by: `NAME.xml`.
        format_name: the format; None for that of the suffix.
        check: raises if a file must not be overwritten.

    Returns:
        The number of sessions, and the files.

    Raises:
        ExchangeError: a file cannot be written.
        InvalidArgumentError: the format is not JUnit XML.
        UnknownChoiceError: as from `formats.write_file`.
    """
    if format_to_write(path, format_name).name != "junit":
        raise InvalidArgumentError(
            f"only JUnit XML is split, not {path}: name a file .xml, or leave out --split "
            "(split=True)"
        )
    parts: list[Path] = []
    with ExitStack() as files:

        def next_file() -> BinaryIO:
            part = _part(path, len(parts) + 1)
            check(part)
            parts.append(part)
            return files.enter_context(open_to_write(part))

        count = junit.write_split(sessions, next_file)
    other = _part(path, len(parts) + 1)
    if other.exists():
        warn_user(UserWarning(f"{other} is not a part of this export: delete it"))
    return count, parts


def _part(path: Path, number: int) -> Path:
    plain = path.with_suffix("") if is_gzip(path) else path
    ends = plain.suffix + (path.suffix if plain is not path else "")
    return path.with_name(f"{plain.stem}-{number}{ends}")
