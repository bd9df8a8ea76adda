"""The default backend: one JSON file, appended to in constant time, rewritten atomically."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

from msgspec.structs import replace

from pytest_insight import exchange, locations
from pytest_insight._util.files import CHUNK_BYTES, remove_abandoned, write_whole
from pytest_insight._util.override import override
from pytest_insight._util.progress import counted
from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import encode_checked, encode_session
from pytest_insight.document.layout import document_chunks
from pytest_insight.models import TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.json.append import JSONStoreFile
from pytest_insight.storage.json.index import (
    Index,
)
from pytest_insight.storage.json.reader import JSONReader
from pytest_insight.storage.json.scan import (
    IrregularError,
    copy_all,
    is_in_our_layout,
    is_unfinished,
    open_for_reading,
    open_store,
)
from pytest_insight.storage.json.verification import verify_file
from pytest_insight.storage.sqlite_files import is_database, wrong_type_error
from pytest_insight.storage.store_file import LOCK_SECONDS
from pytest_insight.storage.verification import Verification


class JSONStorage(JSONReader, BaseStorage):
    """Sessions in a JSON file that is always one valid document (see `document/layout.py`).

    Saving appends, whatever the file's size; deleting and importing write a new file that replaces
    the old one. Writers hold an exclusive lock (`<file>.lock`, which is never deleted); readers
    hold none and see the sessions that were complete when they began. A symbolic link is followed.
    An object may be used by several threads, several objects and processes may use one file.

    A file in another shape (a bare list, indented JSON) is read, and converted to our layout by the
    next write. Damage never stops a read: what can be read is returned, the damaged file is copied
    to `<file>.<time>.bak`, and a `StoreDamageWarning` says what is lost and where the copy is.

    The index of the file is kept in memory until the file changes, so several calls scan it once.
    """

    storage_type: ClassVar[str] = "json"

    def __init__(
        self, file_path: str | os.PathLike[str] | None = None, *, lock_seconds: float = LOCK_SECONDS
    ) -> None:
        """Create and read nothing yet.

        Args:
            file_path: the file; None for the default profile's.
            lock_seconds: how long to wait for another writer.
        """
        self.file_path: Path = (
            locations.store_path() if file_path is None else locations.absolute(file_path)
        )
        self._file = JSONStoreFile(self.file_path, lock_seconds)

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
        """Hold the lock.

        Raises:
            StoreLockedError: another process has held it for too long.
            StorageError: the lock file cannot be made.
        """
        with self._file.exclusive():
            yield

    @override
    def check_writable(self) -> None:
        self._file.check_writable()

    @override
    def with_lock_timeout(self, seconds: float) -> Self:
        other = type(self)(self.file_path, lock_seconds=seconds)
        other.exchange = self.exchange
        return other

    def _keep_copy(self, index: Index) -> Path:
        from pytest_insight.storage.json.damage import keep_copy  # only for damaged files

        return keep_copy(self._file.real_path, index)

    # Upkeep -------------------------------------------------------------------------------------

    @override
    def verify(self) -> Verification:
        with self._file.writers_excluded(), open_for_reading(self.file_path) as store:
            return verify_file(*store, self.file_path)[0] if store else Verification(0, 0)

    @override
    def repair(self) -> Verification:
        with self._file.write_lock(), open_store(self._file.real_path) as store:
            if store is None:
                return Verification(0, 0)
            self.check_writable()
            file, size = store
            found, index = verify_file(file, size, self.file_path)
            if found.tidy and is_in_our_layout(file, size):
                return found
            if found.damage or found.ignored or found.unfinished:
                found = replace(found, backup=str(self._keep_copy(index)))
            write_whole(self._file.real_path, document_chunks(copy_all(file, index.entries)))
            return found

    @override
    def restore_backup(self, backup: str) -> None:
        self.check_writable()
        with self._file.write_lock(), Path(backup).open("rb") as kept:
            if is_database(self._file.real_path):
                raise wrong_type_error(self.file_path)
            write_whole(self._file.real_path, iter(lambda: kept.read(CHUNK_BYTES), b""))

    # Writing ------------------------------------------------------------------------------------

    @override
    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        encoded: dict[str, bytes] = {}
        for session in sessions:
            data = encode_checked(session)
            encoded[storable_text(session.session_id)] = data
        if not encoded:
            return
        with self._file.write_lock():
            if not self._file.add(list(encoded.values())):
                self._rewrite(set(encoded), encoded.values())

    @override
    def delete_sessions(self, ids: Collection[str]) -> int:
        """Write a new file without these sessions; the others are copied as bytes."""
        with self._file.write_lock():
            return self._rewrite(set(ids))

    @override
    def apply(self, plan: exchange.MergePlan) -> None:
        """Append if the plan only adds sessions that are in memory; else write a new file."""
        writes = counted(plan.iter_writes(), "writing", len(plan.write_ids))
        encoded: Iterable[bytes] = map(encode_session, writes)
        with self._file.write_lock():
            if plan.only_adds and plan.source is None:
                encoded = list(encoded)
                if not encoded or self._file.add(encoded):
                    return
            self._rewrite({*plan.write_ids, *plan.removes}, encoded)

    def _rewrite(self, without: set[str], added: Iterable[bytes] = ()) -> int:
        """Replace the file by one without some IDs and with more sessions after the others.

        Nothing is written if nothing would change. Returns how many of the IDs were there.
        """
        with open_store(self._file.real_path) as store:
            if store is None:
                if added != ():
                    self._replace(added)
                return 0
            file, size = store
            index = self._index(file, size)
            try:
                return self._rewrite_by(file, size, index, without, added)
            except IrregularError:
                index = self._thorough_index(file, size)
                self._keep_copy(index)
                return self._rewrite_by(file, size, index, without, added)

    def _rewrite_by(
        self, file: BinaryIO, size: int, index: Index, without: set[str], added: Iterable[bytes]
    ) -> int:
        kept = [entry for entry in index.entries if entry.session_id not in without]
        if len(kept) == len(index.entries) and added == ():
            return 0
        if index.lost or index.ignored or is_unfinished(file, size):
            self._keep_copy(index)  # what is left out of the new file stays there
        self._replace(chain(copy_all(file, kept), added))
        return len(index.entries) - len(kept)

    def _replace(self, sessions: Iterable[bytes]) -> None:
        self.check_writable()  # a new file could replace one that we may not change
        remove_abandoned(self._file.real_path)
        write_whole(self._file.real_path, document_chunks(sessions))
