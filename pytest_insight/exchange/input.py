"""A file to import: plain or compressed, read as a whole or as a stream, as often as needed."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import stat
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.files import BINARY, CHUNK_BYTES, os_error_text
from pytest_insight._util.override import override
from pytest_insight.errors import ExchangeError, InsightError
from pytest_insight.exchange.byte_order import to_utf8
from pytest_insight.exchange.paths import refuse_impossible
from pytest_insight.limits import MAX_GZIP_RATIO, MAX_TEXT_SHOWN, MAX_UNPACKED_MIB
from pytest_insight.locations import variable

UNPACKED_VARIABLE = "PYTEST_INSIGHT_MAX_UNPACKED"
"""Environment variable: the size in MiB to which a compressed file may unpack."""

HEAD_BYTES = 65_536
"""The bytes at the beginning of a file by which its format is recognised."""

_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # Windows has neither

_COMPRESSIONS: dict[bytes, tuple[str, Callable[[BinaryIO], BinaryIO]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),  # type: ignore[dict-item,return-value]  # BinaryIO in all but name
    b"BZh": ("bzip2", bz2.BZ2File),  # type: ignore[dict-item]
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),  # type: ignore[dict-item]
}
"""Magic numbers (RFC 1952, section 2.3.1; sourceware.org/bzip2; tukaani.org/xz)."""

_UNPACKERS = {"gzip": "gunzip", "bzip2": "bunzip2", "xz": "unxz"}

_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)
"""What the decompressors raise for damaged data."""


class Input:
    """A file, or the bytes of a pipe.

    Attributes:
        source: the file's name, for messages and for its suffix.
        path: the file; None for bytes.
    """

    def __init__(self, source: str, data: bytes | None = None, path: Path | None = None) -> None:
        """Describe an input; `from_path` and `from_stream` check it.

        Args:
            source: the file's name.
            data: its bytes; None to read them from the path.
            path: the file or folder.
        """
        self.source = source
        self.path = path
        self._data = data

    @classmethod
    def from_path(cls, path: Path) -> Input:
        """Return the input for a file, or a pipe that has a writer; nothing waits for a writer.

        Raises:
            ExchangeError: it is missing, unreadable, too large, a folder or a device.
        """
        source = str(path)
        try:
            refuse_impossible(path, "read")
            descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | BINARY)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if stat.S_ISREG(found.st_mode):
                    _refuse_large(found.st_size, source)  # a sparse file takes no space on a disk
                    return cls(source, path=path)
                if not stat.S_ISFIFO(found.st_mode):
                    raise ExchangeError(f"cannot read {path}: it is a device, not a file", source)
                os.set_blocking(descriptor, True)
                data = _read_limited(file, source)
        except OSError as exc:
            raise ExchangeError(f"cannot read {path}: {os_error_text(exc)}", source) from exc
        if not data:
            raise ExchangeError(f"cannot read {path}: it is a pipe without a writer", source)
        return cls(source, data)

    @classmethod
    def from_stream(cls, file: BinaryIO, source: str) -> Input:
        """Return the input for the rest of an open file, which may be an endless pipe.

        Raises:
            ExchangeError: it is too large.
            OSError: it cannot be read.
        """
        return cls(source, _read_limited(file, source))

    @cached_property
    def head(self) -> bytes:
        """The first bytes, unpacked, as UTF-8 if they have a byte order mark."""
        with self.open() as file:
            data = file.read(HEAD_BYTES)
        try:
            return to_utf8(data, self.source)
        except ExchangeError:  # a character was cut, or the mark is wrong
            return data[2:].decode("utf-16", "ignore").encode()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file as stored (compressed or not), in hexadecimal digits.

        Of a folder, that of its regular files, sorted by name.
        """
        if self.path is not None and self.path.is_dir():
            return _folder_digest(self.path)
        with self._open_raw() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # has readinto

    @property
    def modified(self) -> datetime | None:
        """When the file was last changed, in UTC; None for a pipe."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC) if self.path else None

    def open(self) -> BinaryIO:
        """Open the file for reading, unpacked. Every call starts at the beginning.

        Reading from it raises ExchangeError if the file is damaged or unpacks to too much.
        """
        raw = self._open_raw()
        packed = self._compression
        if packed is None:
            return raw
        name, unpack = packed
        limited = _Limited(unpack(raw), raw, name, self.source)
        return io.BufferedReader(limited, CHUNK_BYTES)

    def read(self) -> bytes:
        """Return the whole content, unpacked, as UTF-8 without a byte order mark.

        Raises:
            ExchangeError: the file is damaged, unpacks to too much, or is not what its byte order
                mark says.
        """
        if self._compression and self._may_be_a_bomb():
            with self.open() as file:  # measured first: a bomb must not fill the memory
                while file.read(CHUNK_BYTES):
                    pass
        with self.open() as file:
            return to_utf8(file.read(), self.source)

    def _may_be_a_bomb(self) -> bool:
        name = self._compression[0] if self._compression else ""
        return name != "gzip" or self._size() * MAX_GZIP_RATIO > _max_unpacked() << 20

    def _size(self) -> int:
        with self._open_raw() as file:
            return file.seek(0, os.SEEK_END)

    @cached_property
    def _compression(self) -> tuple[str, Callable[[BinaryIO], BinaryIO]] | None:
        with self._open_raw() as file:
            start = file.read(max(map(len, _COMPRESSIONS)))
        return next((how for magic, how in _COMPRESSIONS.items() if start.startswith(magic)), None)

    def _open_raw(self) -> BinaryIO:
        if self._data is not None or self.path is None:
            return io.BytesIO(self._data or b"")
        try:
            return self.path.open("rb")
        except OSError as exc:
            raise ExchangeError(
                f"cannot read {self.source}: {os_error_text(exc)}", self.source
            ) from exc


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
    return digest.hexdigest()


class _Limited(io.RawIOBase):
    """A decompressor that refuses damaged data, and more than the limit."""

    def __init__(self, file: BinaryIO, raw: BinaryIO, name: str, source: str) -> None:
        self._file, self._raw, self._name, self._source = file, raw, name, source
        self._limit = _max_unpacked()
        self._left = self._limit << 20

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._file.read(len(buffer))
        except _DAMAGE as exc:
            raise ExchangeError(
                f"{self._source} is cut short or damaged {self._name}: {exc}", self._source
            ) from exc
        self._left -= len(data)
        if self._left < 0:
            raise ExchangeError(
                f"{self._source} unpacks to more than {self._limit} MiB; if you trust it, allow "
                f"more with {UNPACKED_VARIABLE}=<MiB>, or unpack it with "
                f"{_UNPACKERS[self._name]} and import the result",
                self._source,
            )
        buffer[: len(data)] = data
        return len(data)

    @override
    def close(self) -> None:
        self._file.close()
        self._raw.close()
        super().close()


def _read_limited(file: BinaryIO, source: str) -> bytes:
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
