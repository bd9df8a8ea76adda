"""Writing whole files so that a crash leaves the old one or the new one, never a mixture."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
SHARED_FILE = 0o666
"""Before the umask: what `open()` uses."""

COPY_BYTES = 1 << 20


@contextmanager
def replacing(path: Path, mode: int = PRIVATE_FILE) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends without an exception.

    The new content is on the disk before it takes the place (fsync), and the folder after it. An
    existing file's permissions are kept; a new file gets `mode`, less the umask. On an exception
    `path` is as it was and no temporary file is left. A symbolic link is replaced: resolve first.

    Raises:
        OSError: as from any write.
    """
    from pytest_insight._util.progress import no_return  # who only adds to a file does without

    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:  # Ctrl-C may come as soon as the file is there
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        with os.fdopen(descriptor, "wb") as file:
            _set_mode(path, file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        no_return()
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write_whole(path: Path, chunks: Iterable[bytes], mode: int = PRIVATE_FILE) -> None:
    """Replace a file by the chunks joined; see `replacing`."""
    with replacing(path, mode) as file:
        for chunk in chunks:
            file.write(chunk)


def read_into(file: BinaryIO, buffer: bytearray, most: int) -> int:
    """Fill a buffer from the file's position with at most so many bytes; returns how many."""
    view = memoryview(buffer)[: max(most, 0)]
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])  # type: ignore[attr-defined]  # FileIO has it
        if not count:
            break
        filled += count
    return filled


def read_range(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes between two offsets; fewer where the file is shorter."""
    buffer = bytearray(end - start)
    file.seek(start)
    return bytes(buffer[: read_into(file, buffer, end - start)])


def lock_path(path: Path) -> Path:
    """The lock file of a file that several processes write."""
    return path.with_name(path.name + ".lock")


def remove_abandoned(path: Path) -> None:
    """Delete what `replacing` left beside `path` when its process was killed.

    Only for whoever holds the lock of `path`: nobody else can be writing it anew then.
    """
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the platform can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Create a folder (and those above it) that only its owner can enter; leave existing ones."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with suppress(FileExistsError):  # another process was quicker
            new.mkdir(PRIVATE_FOLDER)
            new.chmod(PRIVATE_FOLDER)  # whatever the umask


def not_writable(path: Path) -> Path | None:
    """What keeps us from writing a file anew: the file, or the folder it is or would be in."""
    # os.path: for it, what stands in a folder that we may not enter is not there.
    if os.path.isfile(path) and not _may(path, os.W_OK):  # noqa: PTH113
        return path
    folder = path.parent
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110
        folder = folder.parent
    return None if _may(folder, os.W_OK) else folder


def may_read(path: Path) -> bool:
    """Whether its permissions let us read a file; it is not opened for that."""
    return _may(path, os.R_OK)


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


def os_error_text(exc: OSError) -> str:
    """What the system said, without the path and the number: "No space left on device"."""
    return exc.strerror or str(exc) or type(exc).__name__


def _set_mode(existing: Path, descriptor: int, mode: int) -> None:
    if os.name != "posix":
        return
    try:
        os.fchmod(descriptor, existing.stat().st_mode & 0o777)
    except FileNotFoundError:
        if mode == PRIVATE_FILE:  # private whatever the umask; a shared file obeys it
            os.fchmod(descriptor, mode)


_BINARY = getattr(os, "O_BINARY", 0)
