"""The formats of files with sessions, and how a file is read and written in one of them.

A format is chosen by its name, else by a file's suffix (`.gz` may follow), else by the content.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from pytest_insight._util.files import (
    CHUNK_BYTES,
    SHARED_FILE,
    os_error_text,
    replacing,
    write_protected,
)
from pytest_insight._util.rights import resolve
from pytest_insight.errors import (
    ExchangeError,
    InsightError,
    InvalidArgumentError,
    UnknownChoiceError,
)
from pytest_insight.exchange.readers import csv as csv_reader
from pytest_insight.exchange.readers import json as json_reader
from pytest_insight.exchange.readers.recognition import recognize
from pytest_insight.exchange.readers.text import to_utf8
from pytest_insight.exchange.report import FileContent
from pytest_insight.exchange.writers import csv as csv_writer
from pytest_insight.exchange.writers import json as json_writer
from pytest_insight.limits import MAX_GZIP_RATIO, MAX_TEXT_SHOWN, MAX_UNPACKED_MIB
from pytest_insight.locations import missing_current_folder, url_scheme, variable
from pytest_insight.models import TestSession
from pytest_insight.passwords import is_connection_string

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
UNPACKED_VARIABLE = "PYTEST_INSIGHT_MAX_UNPACKED"
"""Environment variable: the size in MiB to which a compressed file may unpack."""

_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # Windows has neither
_BINARY = getattr(os, "O_BINARY", 0)  # only Windows has it


class Format(msgspec.Struct, frozen=True):
    """A file format.

    Attributes:
        name: for users.
        suffix: of its files, with the dot.
        write: writes sessions to an open binary file and returns their number.
        read: reads a file's bytes; takes the file's name, too, for messages.
        looks_like: whether a file's bytes look like this format; the first match wins.
    """

    name: str
    suffix: str
    write: Callable[[Iterable[TestSession], BinaryIO], int]
    read: Callable[[bytes, str], FileContent]
    looks_like: Callable[[bytes], bool]


FORMATS = {
    each.name: each
    for each in (
        Format("json", ".json", json_writer.write, json_reader.read, json_reader.looks_like_json),
        Format("csv", ".csv", csv_writer.write, csv_reader.read, csv_reader.looks_like_csv),
    )
}
DEFAULT_FORMAT = "json"
EXPORT_FORMATS = FORMATS | {
    "excel": Format(
        "excel", ".csv", csv_writer.write_for_excel, csv_reader.read, csv_reader.looks_like_csv
    )
}
"""The formats, and the variants in which files are written but which read as another format."""


def get_format(name: str, known: Mapping[str, Format] = FORMATS) -> Format:
    """Return the format with this name.

    Raises:
        UnknownChoiceError: there is no such format.
    """
    try:
        return known[name]
    except KeyError:
        raise UnknownChoiceError("format", name, known) from None


def format_of_path(path: str | os.PathLike[str]) -> Format | None:
    """Return the format with the path's suffix, before any `.gz`; None if no format has it."""
    suffix = suffix_of(path)
    return next((each for each in FORMATS.values() if each.suffix == suffix), None)


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a path in lower case, with the dot, before any `.gz`; "" for none."""
    path = Path(path)
    return (path.with_suffix("") if _is_gzip(path) else path).suffix.lower()


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


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
    compressed = _is_gzip(path)
    try:
        _refuse_impossible(path, "write")
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


# Reading ----------------------------------------------------------------------------------------


def read_file(path: Path, format_name: str | None = None) -> FileContent:
    """Read a file; see `read_bytes`.

    Raises:
        ExchangeError: also if the file is missing, unreadable or a folder.
    """
    try:
        _refuse_impossible(path, "read")
        data = _read(path)
    except OSError as exc:
        raise ExchangeError(f"cannot read {path}: {os_error_text(exc)}", str(path)) from exc
    return read_bytes(data, str(path), format_name)


def read_bytes(data: bytes, source: str, format_name: str | None = None) -> FileContent:
    """Read a file's bytes, compressed by gzip or not.

    Args:
        data: the bytes.
        source: the file's name, for messages and for its suffix.
        format_name: the format; None for the format of the suffix, else of the content.

    Raises:
        ExchangeError: empty, not in this format, or in none that we know.
        NewerFormatError: written by a later version of pytest-insight.
        UnknownChoiceError: there is no such format.
    """
    chosen = get_format(format_name) if format_name else format_of_path(source)
    if data.startswith(GZIP_MAGIC):
        data = _unpack(data, source)
    data = to_utf8(data, source)
    if not data or data.isspace():
        raise ExchangeError(f"{source} is empty: there is nothing to import", source)
    if not format_name and (other := recognize(data)):
        raise ExchangeError(
            f"{source} is {other}, which cannot be imported yet; import what insight export wrote",
            source,
        )
    chosen = chosen or next((each for each in FORMATS.values() if each.looks_like(data)), None)
    if chosen is None:
        raise ExchangeError(
            f"unknown format of {source}: name it with --format {' or '.join(FORMATS)} "
            "(input_format=)",
            source,
        )
    return chosen.read(data, source)


def _read(path: Path) -> bytes:
    """Read a file, or a pipe that has a writer; does not wait for a pipe's first writer."""
    descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _BINARY)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        mode = found.st_mode
        if stat.S_ISREG(mode):
            _refuse_large(found.st_size, str(path))  # a sparse file takes no space on a disk
            return file.read()
        if not stat.S_ISFIFO(mode):
            raise ExchangeError(f"cannot read {path}: it is a device, not a file", str(path))
        os.set_blocking(descriptor, True)
        data = read_limited(file, str(path))
        if not data:
            raise ExchangeError(f"cannot read {path}: it is a pipe without a writer", str(path))
        return data


def read_limited(file: BinaryIO, source: str) -> bytes:
    """Return the rest of an open file, which may be an endless pipe.

    Raises:
        ExchangeError: it is more than `MAX_UNPACKED_MIB`.
        OSError: it cannot be read.
    """
    chunks = []
    size = 0
    while chunk := file.read(CHUNK_BYTES):
        size += len(chunk)
        _refuse_large(size, source)
        chunks.append(chunk)
    return b"".join(chunks)


def _refuse_large(size: int, source: str) -> None:
    limit = _max_unpacked()
    if size > limit << 20:
        raise ExchangeError(
            f"{source} is larger than {limit} MiB; if you trust it, allow more with "
            f"{UNPACKED_VARIABLE}=<MiB>",
            source,
        )


def _refuse_impossible(path: Path, action: str) -> None:
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
    if path.is_dir():
        raise ExchangeError(f"cannot {action} {path}: it is a folder; name a file in it", str(path))


def _unpack(data: bytes, source: str) -> bytes:
    limit = _max_unpacked()
    try:
        # Measured first: a gzip bomb must not fill the memory.
        if len(data) * MAX_GZIP_RATIO > limit << 20 and _unpacks_to_more(data, limit << 20):
            raise ExchangeError(
                f"{source} unpacks to more than {limit} MiB; if you trust it, allow more with "
                f"{UNPACKED_VARIABLE}=<MiB>, or unpack it with gunzip and import the result",
                source,
            )
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as exc:
        raise ExchangeError(f"{source} is cut short or damaged gzip: {exc}", source) from exc


def _unpacks_to_more(data: bytes, limit: int) -> bool:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while limit >= 0 and (chunk := file.read(CHUNK_BYTES)):
            limit -= len(chunk)
    return limit < 0


def _max_unpacked() -> int:
    """Return the limit in MiB."""
    given = variable(UNPACKED_VARIABLE)
    if given is None:
        return MAX_UNPACKED_MIB
    if not (given.isascii() and given.isdigit() and 0 < len(given) <= 9):
        raise InsightError(
            f"{UNPACKED_VARIABLE} must be a number of MiB, not {given[:MAX_TEXT_SHOWN]!r}"
        )
    return int(given)
