"""The storage of sessions in an SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from stat import S_IWGRP
from typing import ClassVar, Self

from pytest_insight import locations
from pytest_insight._util.files import (
    PRIVATE_FILE,
    make_private_folder,
    os_error_text,
    write_protected,
)
from pytest_insight._util.override import override
from pytest_insight._util.rights import adopt_owner
from pytest_insight._util.user_warnings import warn_user
from pytest_insight.errors import StorageError, StoreDamageWarning
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.sql.sqlite.connection import SQLiteConnection
from pytest_insight.storage.sql.sqlite.read_only import open_read_only
from pytest_insight.storage.sql.sqlite.tables import READ_OBJECTS
from pytest_insight.storage.sql.storage import SQLStorage
from pytest_insight.storage.sqlite_files import is_database
from pytest_insight.storage.store_file import LOCK_SECONDS, StoreFile, register_owner, store_exists


class SQLiteStorage(SQLStorage):
    """Stores sessions in an SQLite file.

    One writer and any number of readers can use it at once: it has a write-ahead log (`-wal` and
    `-shm` beside the file while it is open). Writers queue at a lock file (`<file>.lock`, which is
    not deleted). A symbolic link is followed.

    Attributes:
        file_path: the absolute path of the file.
    """

    storage_type: ClassVar[str] = "sqlite"

    def __init__(
        self, file_path: str | os.PathLike[str] | None = None, *, lock_seconds: float = LOCK_SECONDS
    ) -> None:
        """Initialise a storage; nothing is created or opened until it is used.

        Args:
            file_path: the file; None for that of the default profile.
            lock_seconds: how long to wait for another writer.
        """
        super().__init__()
        self.file_path: Path = (
            locations.store_path(suffix=".db")
            if file_path is None
            else locations.absolute(file_path)
        )
        self._file = StoreFile(self.file_path, lock_seconds)

    @classmethod
    @override
    def from_profile(cls, profile: StorageProfile) -> Self:
        storage = cls(profile.path)
        storage.exchange = profile.exchange
        return storage

    @property
    @override
    def location(self) -> str:
        return str(self.file_path)

    @override
    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._file.exclusive():
            yield

    @override
    def check_writable(self) -> None:
        """Raise StorageError if the permissions of the file or its folder do not allow writing."""
        self._file.check_writable()

    @override
    def with_lock_timeout(self, seconds: float) -> Self:
        other = type(self)(self.file_path, lock_seconds=seconds)
        other.exchange = self.exchange
        return other

    def has_connection_to(self, real_path: str) -> bool:
        """Return whether this process has an open connection to the file; see `detection`."""
        is_connected = any(process == os.getpid() for process, _ in list(self._connections))
        return is_connected and str(self._file.real_path) == real_path

    @override
    def _connect(self, *, create: bool) -> SQLiteConnection | None:
        register_owner(self)
        exists = store_exists(self.file_path)
        if exists and self._is_lost():
            self._keep_copy()
            if not create:
                return None
            self._remove_lost()
        if create and (not exists or not self._file.real_path.stat().st_size):
            self._create()
        elif not exists:
            return None
        if write_protected(self._file.real_path) is None:
            connection = SQLiteConnection(self._file, "mode=rw")
            try:
                self._share_log(connection)
            except BaseException:
                connection.close()
                raise
            return connection
        return open_read_only(self._file)

    def _share_log(self, connection: SQLiteConnection) -> None:
        """Give the log and its index the group of the file, if its members may write.

        SQLite gives them the file's mode, and only as root its owner and group.
        """
        file = self._file.real_path.stat()
        if os.name != "posix" or not file.st_mode & S_IWGRP or file.st_gid == os.getegid():
            return
        connection.fetch(READ_OBJECTS)  # creates them
        for suffix in ("-wal", "-shm"):
            path = self._file.real_path.with_name(self._file.real_path.name + suffix)
            with suppress(OSError):  # they are another user's, or we are not in the group
                if path.lstat().st_gid != file.st_gid:
                    os.chown(path, -1, file.st_gid, follow_symlinks=False)

    def _is_lost(self) -> bool:
        """Return whether nothing of a store in our own folder is left: it is no database at all."""
        path = self._file.real_path
        return (
            locations.is_store_at_home(path, ".db")
            and path.stat().st_size > 0
            and not is_database(path)
        )

    def _keep_copy(self) -> None:
        from pytest_insight.storage.backup import keep_backup  # only for damaged files

        try:
            kept = keep_backup(self._file.real_path)
        except OSError as exc:
            raise StorageError(
                f"nothing in the store {self.file_path} can be read, and it cannot be copied "
                f"({os_error_text(exc)}); move it away to begin a new one",
                self.file_path,
            ) from exc
        warn_user(
            StoreDamageWarning(
                f"nothing in the store {self.file_path} can be read: it is not an SQLite database. "
                f"Saving goes on; the damaged file was kept as {kept}."
            )
        )

    def _remove_lost(self) -> None:
        path = self._file.real_path
        with self._file.write_lock():
            if self._is_lost():  # else another process has begun a new one
                for suffix in ("-wal", "-shm", ""):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                self._create()

    def _create(self) -> None:
        """Create an empty database that only its owner can read; its log inherits the rights.

        If root creates it, it belongs to the owner of the folder.
        """
        path = self._file.real_path
        self._file.check_writable()
        with self._file.write_lock():
            make_private_folder(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
            try:
                adopt_owner(descriptor, path.parent)
            finally:
                os.close(descriptor)
            with closing(SQLiteConnection(self._file, "mode=rw")) as connection:
                connection.fetch("PRAGMA journal_mode = WAL")
