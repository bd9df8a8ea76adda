"""Replace files atomically, read ranges of them, and create private folders."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pytest_insight._util.rights import adopt_owner, is_root, rights_of, set_rights
from pytest_insight.limits import MAX_READ_BYTES

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
SHARED_FILE = 0o666
"""Before the umask, as `open()` uses it."""

CHUNK_BYTES = 1 << 20
"""How much of a file is read at once."""


class Descriptor:
    """A file descriptor that is kept open while other code runs in this process.

    That code may close it, for instance with `os.closerange`; its number may then be that of
    another file. So each use asks `is_open` first, or compares the position with a mark: a random
    one between 1 and 2 GiB, which no small file reaches. That takes a fifth of the
    instructions, and recorded runs do it three times for each test.

    Attributes:
        number: the descriptor.
        file: device and inode of its file.
        mark: the position of a marked descriptor between two uses.
    """

    __slots__ = ("file", "mark", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.file = file_key(os.fstat(number))
        self.mark = (1 << 30) + int.from_bytes(os.urandom(4), "big") % (1 << 30)

    def set_mark(self) -> None:
        """Set the position to the mark; for files that are only appended to, or not written."""
        os.lseek(self.number, self.mark, os.SEEK_SET)

    def has_mark(self) -> bool:
        """Return whether the number still is that of our marked descriptor."""
        try:
            return os.lseek(self.number, 0, os.SEEK_CUR) == self.mark
        except OSError:
            return False

    def is_open(self) -> bool:
        """Return whether the number still is that of our file."""
        try:
            return file_key(os.fstat(self.number)) == self.file
        except OSError:
            return False

    def close(self) -> None:
        """Close the descriptor, unless that was done or the number is another file's."""
        if self.is_open():
            os.close(self.number)


def file_key(found: os.stat_result) -> tuple[int, int]:
    """Return device and inode: two paths or descriptors with the same key are one file."""
    return found.st_dev, found.st_ino


@contextmanager
def replacing(
    path: Path, mode: int = PRIVATE_FILE, *, beside: Path | None = None
) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` if the block ends without an exception.

    The content is synced to disk before it replaces the file, and the folder after that. Owner,
    group, permissions and access control list of an existing file are kept. A new file gets `mode`,
    less the umask; if it is private and we are root, it gets the owner of `beside`, or of its
    folder. On an exception `path` is unchanged and the temporary file is deleted. A symbolic link
    would be replaced itself: resolve it first.

    Raises:
        PermissionError: the owner or the group of the file cannot be kept.
        OSError: as from any write.
    """
    rights = rights_of(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:  # Ctrl-C may come as soon as the file exists
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
        descriptor = os.open(temporary, flags, mode if rights is None else PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            if rights is not None:
                set_rights(descriptor, rights)
            elif mode == PRIVATE_FILE and os.name == "posix":
                os.fchmod(descriptor, mode)  # whatever the umask
                adopt_owner(descriptor, beside or path.parent)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write_whole(path: Path, chunks: Iterable[bytes], mode: int = PRIVATE_FILE) -> None:
    """Replace a file atomically with the chunks joined; see `replacing`."""
    with replacing(path, mode) as file:
        for chunk in chunks:
            file.write(chunk)


def read_into(file: BinaryIO, buffer: bytearray, most: int) -> int:
    """Fill a buffer with at most `most` bytes from the file's position; return how many were read.

    Fewer are read only at the end of the file.
    """
    view = memoryview(buffer)[: max(most, 0)]
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])  # type: ignore[attr-defined]  # FileIO has it
        if not count:
            break
        filled += count
    return filled


def read_range(file: BinaryIO, start: int, end: int) -> bytes:
    """Return the bytes between two offsets; fewer if the file ends before.

    Raises:
        OSError: they are more than `MAX_READ_BYTES`; the file cannot be read.
    """
    check_size(end - start)
    file.seek(start)
    pieces = []
    while start < end and (piece := file.read(end - start)):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)  # mostly one, which is not copied


def read_whole(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: it is more than `MAX_READ_BYTES`; the file cannot be read.
    """
    with path.open("rb") as file:
        check_size(os.fstat(file.fileno()).st_size)
        return file.read()


def check_size(size: int) -> None:
    """Raise OSError if this is too much to be read into memory at once."""
    if size > MAX_READ_BYTES:
        raise OSError(
            errno.EFBIG,
            f"{size / (1 << 30):,.1f} GiB would have to be read at once; the limit is "
            f"{MAX_READ_BYTES >> 30} GiB",
        )


def lock_path(path: Path) -> Path:
    """Return the path of the lock file of a file."""
    return path.with_name(path.name + ".lock")


def remove_abandoned(path: Path) -> None:
    """Delete temporary files that killed processes left while they replaced `path`.

    Call it with the lock of `path` held, so that no other process is replacing it now.
    """
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk, if the platform and the file system can.

    Call it when the change is done already: some file systems refuse to sync a folder (EINVAL), and
    one that may be written but not read cannot be opened.
    """
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents with mode 0700; leave existing ones as they are.

    If we are root, a new folder gets the owner of the folder that it is in.
    """
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            new.mkdir(PRIVATE_FOLDER)
            new.chmod(PRIVATE_FOLDER)  # whatever the umask
            adopt_owner(new, new.parent)


def why_not_private(folder: Path, *, or_its_owners: bool = False) -> str:
    """Return why other users could put files into a folder, empty if they cannot.

    Windows has other permissions, which are not looked at.

    Args:
        folder: the folder.
        or_its_owners: whether its owner may be another user.

    Raises:
        OSError: it does not exist, or may not be looked at.
    """
    found = folder.stat()
    if os.name != "posix":
        return ""
    if found.st_uid != os.geteuid() and not or_its_owners:
        return f"it belongs to another user (ID {found.st_uid})"
    return "other users can write to it" if found.st_mode & 0o022 else ""


def is_usable_folder(folder: Path) -> bool:
    """Return whether a private folder can be created there, or is there and can be written to."""
    nearest = _nearest_that_exists(folder)
    if not os.path.isdir(nearest) or not _may(nearest, os.W_OK | os.X_OK):  # noqa: PTH112
        return False
    return nearest != folder or not why_not_private(folder, or_its_owners=is_root())


def write_protected(path: Path) -> Path | None:
    """Return what prevents us from replacing a file: the file itself or a folder; None if nothing.

    Of a file that does not exist, the nearest folder that exists counts.
    """
    # os.path: its functions return False if a folder above may not be entered.
    if os.path.isfile(path) and not _may(path, os.W_OK):  # noqa: PTH113
        return path
    folder = _nearest_that_exists(path.parent)
    return None if _may(folder, os.W_OK) else folder


def may_read(path: Path) -> bool:
    """Return whether the permissions of a file let us read it; it is not opened."""
    return _may(path, os.R_OK)


def _nearest_that_exists(folder: Path) -> Path:
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110
        folder = folder.parent
    return folder


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


def os_error_text(exc: OSError) -> str:
    """Return the system's message without path and number: "No space left on device"."""
    return exc.strerror or str(exc) or type(exc).__name__


BINARY = getattr(os, "O_BINARY", 0)  # only Windows has it
NO_LINKS = BINARY | getattr(os, "O_NOFOLLOW", 0)
"""Flags for `os.open`: bytes as they are, and an error if the path is a symbolic link."""
_CANNOT_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS)
