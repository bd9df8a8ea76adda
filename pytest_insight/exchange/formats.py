"""The registry of exchange formats, and reading and writing a file in one of them.

A format is found by its name, by a file's suffix (`.gz` may follow), or by a look at the content.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from pytest_insight._util.files import COPY_BYTES, SHARED_FILE, os_error_text, replacing
from pytest_insight.errors import ExchangeError, InsightError, UnknownChoiceError
from pytest_insight.exchange import csv_format, json_format
from pytest_insight.exchange.problems import Parsed
from pytest_insight.exchange.quotes import as_utf8
from pytest_insight.locations import variable
from pytest_insight.models import TestSession

GZIP_MAGIC = b"\x1f\x8b"
UNPACKED_VARIABLE = "PYTEST_INSIGHT_MAX_UNPACKED"
"""An environment variable: the MiB that a compressed file may unpack to."""
MAX_UNPACKED = 1024
"""MiB, without it; some millions of results."""
_MOST_PACKED = 1032
"""To how many bytes one can unpack: what limits DEFLATE."""


class Format(msgspec.Struct, frozen=True):
    """One way to write sessions to a file and to read them back.

    Attributes:
        name: what users call it.
        suffix: of its files, with the dot.
        write: sessions to an open binary file; returns how many.
        read: a file's bytes, and its name for messages, to what it holds.
        sniff: whether bytes look like it; the first format that says so is taken.
    """

    name: str
    suffix: str
    write: Callable[[Iterable[TestSession], BinaryIO], int]
    read: Callable[[bytes, str], Parsed]
    sniff: Callable[[bytes], bool]


FORMATS: dict[str, Format] = {
    "json": Format(
        "json",
        ".json",
        json_format.write,
        json_format.read,
        lambda data: data[:64].lstrip().startswith((b"{", b"[")),
    ),
    "csv": Format(
        "csv",
        ".csv",
        csv_format.write,
        csv_format.read,
        lambda data: b"session_id" in data.partition(b"\n")[0],
    ),
}
DEFAULT_FORMAT = "json"


def get_format(name: str) -> Format:
    """The format of a name.

    Raises:
        UnknownChoiceError: there is none.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownChoiceError("format", name, FORMATS) from None


def format_of_path(path: str | os.PathLike[str]) -> Format | None:
    """The format that a path's suffix names, a `.gz` after it aside; None where it names none."""
    path = Path(path)
    suffix = (path.with_suffix("") if _is_gzip(path) else path).suffix.lower()
    return next((f for f in FORMATS.values() if f.suffix == suffix), None)


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def write_file(sessions: Iterable[TestSession], path: Path, format_name: str | None) -> int:
    """Write sessions to a file, all or nothing; compressed where the path ends in `.gz`.

    Without a format name the suffix decides, and JSON where it names none. An existing file is
    replaced once the new one is complete; what is not a regular file (a pipe, a device) is written
    to as it comes. Returns how many sessions were written.

    Raises:
        ExchangeError: the file cannot be written.
        UnknownChoiceError: no such format.
    """
    chosen = get_format(format_name) if format_name else format_of_path(path)
    chosen = chosen or FORMATS[DEFAULT_FORMAT]
    packed = _is_gzip(path)
    try:
        _refuse_impossible(path, "write")
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                return _write(chosen, sessions, file, packed)
        real = Path(os.path.realpath(path))
        if not real.parent.exists():
            raise ExchangeError(
                f"cannot write {path}: there is no folder {real.parent}; create it first", str(path)
            )
        with replacing(real, SHARED_FILE) as file:
            return _write(chosen, sessions, file, packed)
    except OSError as exc:
        raise ExchangeError(f"cannot write {path}: {os_error_text(exc)}", str(path)) from exc


def _write(chosen: Format, sessions: Iterable[TestSession], file: BinaryIO, packed: bool) -> int:
    if not packed:
        return chosen.write(sessions, file)
    # mtime=0: the same sessions give the same bytes
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as compressed:
        return chosen.write(sessions, compressed)  # type: ignore[arg-type]  # BinaryIO in all but name


def read_bytes(data: bytes, source: str, format_name: str | None = None) -> Parsed:
    """What a file's content holds, compressed by gzip or not.

    Args:
        data: the content.
        source: the file's name, for messages and for its suffix.
        format_name: the format; without, the suffix of `source` decides, then the content.

    Raises:
        ExchangeError: empty, not of the format, or of no format we know.
        NewerFormatError: written by a later pytest-insight.
        UnknownChoiceError: no such format.
    """
    chosen = get_format(format_name) if format_name else format_of_path(source)
    if data.startswith(GZIP_MAGIC):
        data = _unpacked(data, source)
    data = as_utf8(data, source)
    if not data or data.isspace():
        raise ExchangeError(f"{source} is empty: there is nothing to import", source)
    chosen = chosen or next((f for f in FORMATS.values() if f.sniff(data)), None)
    if chosen is None:
        raise ExchangeError(
            f"{source} is of no known format; it can be read as {' or '.join(FORMATS)} "
            "where you say so with --format (input_format=)",
            source,
        )
    return chosen.read(data, source)


def read_file(path: Path, format_name: str | None = None) -> Parsed:
    """What a file holds; see `read_bytes`.

    Raises:
        ExchangeError: also where the file is missing, unreadable or a folder.
    """
    try:
        _refuse_impossible(path, "read")
        data = _content(path)
    except OSError as exc:
        raise ExchangeError(f"cannot read {path}: {os_error_text(exc)}", str(path)) from exc
    return read_bytes(data, str(path), format_name)


def _content(path: Path) -> bytes:
    """What a file holds, or a pipe that something writes to; neither waits for a first writer."""
    descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _BINARY)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return file.read()
        if not stat.S_ISFIFO(mode):
            raise ExchangeError(f"cannot read {path}: it is a device, not a file", str(path))
        os.set_blocking(descriptor, True)
        data = file.read()
        if not data:
            raise ExchangeError(
                f"cannot read {path}: it is a pipe that nothing is written to", str(path)
            )
        return data


def _unpacked(data: bytes, source: str) -> bytes:
    limit = _max_unpacked()
    try:
        # It is measured first, so that a trick to fill the memory does not get to.
        if len(data) * _MOST_PACKED > limit << 20 and _unpacks_to_more(data, limit << 20):
            raise ExchangeError(
                f"{source} unpacks to more than {limit} MiB, which may be a trick to fill the "
                f"memory; if you trust it, set {UNPACKED_VARIABLE} to the MiB that it may take, "
                "or unpack it with gunzip and import the result",
                source,
            )
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as exc:
        raise ExchangeError(f"{source} is cut short or damaged gzip: {exc}", source) from exc


def _unpacks_to_more(data: bytes, most: int) -> bool:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while most >= 0 and (chunk := file.read(COPY_BYTES)):
            most -= len(chunk)
    return most < 0


def _max_unpacked() -> int:
    """In MiB."""
    given = variable(UNPACKED_VARIABLE)
    if given is None:
        return MAX_UNPACKED
    if not (given.isascii() and given.isdigit() and 0 < len(given) <= 9):
        raise InsightError(f"{UNPACKED_VARIABLE} must be a number of MiB, not {given[:80]!r}")
    return int(given)


def _refuse_impossible(path: Path, deed: str) -> None:
    if "\0" in str(path):
        raise ExchangeError(f"cannot {deed} {str(path)!r}: no path has a NUL in it", str(path))
    if path.is_dir():
        raise ExchangeError(f"cannot {deed} {path}: it is a folder; name a file in it", str(path))


_NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)
