"""The formats in which files with sessions are written, and how a file is written in one of them.

A format is chosen by its name, else by the file's suffix (`.gz` may follow). The formats that are
read are in `exchange.read_formats`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from pytest_insight._util.files import SHARED_FILE, os_error_text, replacing, write_protected
from pytest_insight._util.rights import resolve
from pytest_insight.errors import ExchangeError, InvalidArgumentError, UnknownChoiceError
from pytest_insight.exchange.paths import is_gzip, refuse_impossible, suffix_of
from pytest_insight.exchange.writers import csv as csv_writer
from pytest_insight.exchange.writers import json as json_writer
from pytest_insight.models import TestSession


class Format(msgspec.Struct, frozen=True):
    """A format that is written.

    Attributes:
        name: for users.
        suffix: of its files, with the dot.
        write: writes sessions to an open binary file and returns their number.
    """

    name: str
    suffix: str
    write: Callable[[Iterable[TestSession], BinaryIO], int]


FORMATS = {
    each.name: each
    for each in (
        Format("json", ".json", json_writer.write),
        Format("csv", ".csv", csv_writer.write),
    )
}
DEFAULT_FORMAT = "json"
EXPORT_FORMATS = FORMATS | {"excel": Format("excel", ".csv", csv_writer.write_for_excel)}
"""The formats, and their variants."""


def get_format(name: str, known: Mapping[str, Format] = FORMATS) -> Format:
    """Return the format with this name.

    Raises:
        UnknownChoiceError: there is no such format.
    """
    try:
        return known[name]
    except KeyError:
        raise UnknownChoiceError("format", name, known) from None


# Writing ----------------------------------------------------------------------------------------


def write_file(sessions: Iterable[TestSession], path: Path, format_name: str | None) -> int:
    """Write sessions to a file, all or nothing; compressed if the path ends in `.gz`.

    An existing file is replaced when the new one is complete. Pipes and devices are written to
    directly.

    Args:
        sessions: the sessions.
        path: the file.
        format_name: the format; None for the format of the suffix, or JSON if it has none.

    Returns:
        The number of sessions.

    Raises:
        ExchangeError: the file cannot be written.
        UnknownChoiceError: there is no such format, or none that has the suffix.
    """
    chosen = get_format(format_name, EXPORT_FORMATS) if format_name else _format_to_write(path)
    if chosen.name == "excel" and suffix_of(path) == ".json":
        raise InvalidArgumentError(f"Excel opens no .json file: name a .csv file, not {path}")
    compressed = is_gzip(path)
    try:
        refuse_impossible(path, "write")
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                return _write(chosen, sessions, file, compressed)
        real = resolve(path.absolute())
        if not real.parent.exists():
            raise ExchangeError(
                f"cannot write {path}: there is no folder {real.parent}; create it first", str(path)
            )
        refused = write_protected(real)
        if refused is not None:
            raise ExchangeError(f"cannot write {path}: {refused} is write-protected", str(path))
        with replacing(real, SHARED_FILE) as file:
            return _write(chosen, sessions, file, compressed)
    except OSError as exc:
        raise ExchangeError(f"cannot write {path}: {os_error_text(exc)}", str(path)) from exc


def _format_to_write(path: Path) -> Format:
    suffix = suffix_of(path)
    if not suffix:
        return FORMATS[DEFAULT_FORMAT]
    known = {each.suffix: each for each in FORMATS.values()}
    if suffix not in known:
        hint = "or name the format with --format (output_format=)"
        raise UnknownChoiceError("suffix", suffix, known, hint)
    return known[suffix]


def _write(
    chosen: Format, sessions: Iterable[TestSession], file: BinaryIO, compressed: bool
) -> int:
    if not compressed:
        return chosen.write(sessions, file)
    # mtime=0: the same sessions give the same bytes
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        return chosen.write(sessions, packed)  # type: ignore[arg-type]  # BinaryIO in all but name
