"""The formats in which files with sessions are written, and how a file is written in one of them.

A format is chosen by its name, else by the file's suffix (`.gz` may follow). The formats that are
read are in `exchange.read_formats`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from pytest_insight._util.files import SHARED_FILE, os_error_text, replacing, write_protected
from pytest_insight._util.rights import resolve
from pytest_insight.errors import ExchangeError, InvalidArgumentError, UnknownChoiceError
from pytest_insight.exchange.paths import is_gzip, refuse_impossible, suffix_of
from pytest_insight.exchange.writers import csv as csv_writer
from pytest_insight.exchange.writers import ctrf, junit
from pytest_insight.exchange.writers import json as json_writer
from pytest_insight.frames import write_parquet
from pytest_insight.models import TestSession


class Format(msgspec.Struct, frozen=True):
    """A format that is written.

    Attributes:
        name: for users.
        suffix: of its files, with the dot.
        write: writes sessions to an open binary file and returns their number.
        title: its name for people.
        left_out: what it has no place for, for people; empty if it is nothing.
        is_text: whether a terminal can show it, and compressing it makes it smaller.
    """

    name: str
    suffix: str
    write: Callable[[Iterable[TestSession], BinaryIO], int]
    title: str
    left_out: str = ""
    is_text: bool = True


FORMATS = {
    each.name: each
    for each in (
        Format("json", ".json", json_writer.write, "JSON"),
        Format("csv", ".csv", csv_writer.write, "CSV"),
    )
}
"""The formats that an import reads back without any loss."""
DEFAULT_FORMAT = "json"
_OTHERS = (
    Format(
        "junit",
        ".xml",
        junit.write,
        "JUnit XML",
        "when each test started; tags, warnings and most facts of sessions",
    ),
    Format("ctrf", ".ctrf.json", ctrf.write, "CTRF"),
    Format(
        "parquet",
        ".parquet",
        write_parquet,
        "Parquet",
        "sessions without results; arguments, warnings and exit status of sessions",
        is_text=False,
    ),
)
EXPORT_FORMATS = {
    **FORMATS,
    "excel": Format("excel", ".csv", csv_writer.write_for_excel, "CSV for Excel"),
    **{each.name: each for each in _OTHERS},
}
"""All formats that are written."""
_BY_SUFFIX = {each.suffix: each for each in (*FORMATS.values(), *_OTHERS)}


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
    chosen = format_to_write(path, format_name)
    with open_to_write(path) as file:
        return chosen.write(sessions, file)


def format_to_write(path: Path, format_name: str | None) -> Format:
    """Return the format in which a file is written; see `write_file`.

    Raises:
        ExchangeError: files of the format are not compressed.
        InvalidArgumentError: Excel does not open such a file.
        UnknownChoiceError: as from `write_file`.
    """
    chosen = get_format(format_name, EXPORT_FORMATS) if format_name else _format_of_path(path)
    if chosen.name == "excel" and suffix_of(path) == ".json":
        raise InvalidArgumentError(f"Excel opens no .json file: name a .csv file, not {path}")
    if is_gzip(path) and not chosen.is_text:
        raise ExchangeError(
            f"cannot write {path}: {chosen.title} is compressed already; name a file without .gz",
            str(path),
        )
    return chosen


def _format_of_path(path: Path) -> Format:
    suffix = suffix_of(path)
    if not suffix:
        return FORMATS[DEFAULT_FORMAT]
    name = path.name.lower().removesuffix(".gz")
    fitting = [each for each in _BY_SUFFIX if name.endswith(each)]
    if not fitting:
        hint = "or name the format with --format (output_format=)"
        raise UnknownChoiceError("suffix", suffix, _BY_SUFFIX, hint)
    return _BY_SUFFIX[max(fitting, key=len)]


@contextmanager
def open_to_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file as `write_file` does; an OSError in the block is one of this file.

    Raises:
        ExchangeError: the file cannot be written.
    """
    try:
        refuse_impossible(path, "write")
        if path.exists() and not path.is_file():
            with path.open("wb") as device, _packed(device, path) as data:
                yield data
            return
        real = resolve(path.absolute())
        if not real.parent.exists():
            raise ExchangeError(
                f"cannot write {path}: there is no folder {real.parent}; create it first", str(path)
            )
        refused = write_protected(real)
        if refused is not None:
            raise ExchangeError(f"cannot write {path}: {refused} is write-protected", str(path))
        with replacing(real, SHARED_FILE) as file, _packed(file, path) as data:
            yield data
    except OSError as exc:
        raise ExchangeError(f"cannot write {path}: {os_error_text(exc)}", str(path)) from exc


@contextmanager
def _packed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Return the file, or what compresses into it if the path ends in `.gz`."""
    if not is_gzip(path):
        yield file
        return
    # mtime=0: the same sessions give the same bytes
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        yield packed  # type: ignore[misc]  # BinaryIO in all but name
