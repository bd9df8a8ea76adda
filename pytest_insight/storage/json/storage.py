"""The default backend: one JSON file, appended to in constant time, rewritten atomically."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

from msgspec.structs import replace

from pytest_insight import locations
from pytest_insight._util.files import CHUNK_BYTES, remove_abandoned, write_whole
from pytest_insight._util.override import override
from pytest_insight._util.progress import counted
from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import encode_checked, encode_session
from pytest_insight.document.layout import document_chunks
from pytest_insight.exchange.merge import MergePlan
from pytest_insight.filters import Selection, all_match
from pytest_insight.models import TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.json.append import JSONStoreFile
from pytest_insight.storage.json.excerpt import loader
from pytest_insight.storage.json.index import (
    HeaderFilter,
    Index,
    Note,
    build_index,
    find_index,
    find_newest,
)
from pytest_insight.storage.json.scan import (
    Entry,
    IrregularError,
    copy_all,
    copy_selected,
    is_complete,
    is_in_our_layout,
    is_unfinished,
    load,
    load_header,
    open_for_reading,
    open_store,
)
from pytest_insight.storage.json.verification import verify_file
from pytest_insight.storage.page import MAX_COUNTED_BYTES, Page, depends_on_results, first_page
from pytest_insight.storage.sqlite_files import is_database, wrong_type_error
from pytest_insight.storage.verification import Verification

FindIndex = Callable[[BinaryIO, int, Note | None], Index]

LOCK_SECONDS = 60.0
"""How long a writer waits for another before it gives up."""


class JSONStorage(BaseStorage):
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

    # Reading ------------------------------------------------------------------------------------

    @override
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """Yield the selected sessions; results are decoded only if the session's own fields match.

        If a filter looks for a text, only the results that may contain it are decoded.

        The newest session of the store is found without a scan.
        """
        wanted = (selection or Selection()).resolved()
        given: set[str] = set()
        try:
            yield from self._iterate(wanted, newest_first, given, thorough=False)
        except IrregularError:
            yield from self._iterate(wanted, newest_first, given, thorough=True)

    @override
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        wanted = (selection or Selection()).resolved()
        if wanted.result_filters or wanted.test_filters:
            return [session.session_id for session in self.iter_sessions(selection)]
        with open_for_reading(self.file_path) as store:
            if store is None:
                return []
            try:
                entries = self._selected(*store, wanted, thorough=False)
            except IrregularError:
                entries = self._selected(*store, wanted, thorough=True)
            return [entry.session_id for entry in entries]

    @override
    def first_page(self, selection: Selection, limit: int) -> Page:
        """Find the sessions, their number and all IDs in one scan, if no result has to be read."""
        wanted = selection.resolved()
        if depends_on_results(wanted) or wanted.limit is not None:
            return first_page(self, selection, limit, self._count_quickly)
        try:
            return self._page(wanted, limit, self._index)
        except IrregularError:
            return self._page(wanted, limit, self._thorough_index)

    def _count_quickly(self, selection: Selection) -> int | None:
        is_quick = not depends_on_results(selection) or self._is_small()
        return self.count(selection) if is_quick else None

    def _page(self, wanted: Selection, limit: int, find: FindIndex) -> Page:
        with open_for_reading(self.file_path) as store:
            if store is None:
                return Page([], 0, list)
            file, size = store
            keep = HeaderFilter(wanted)
            index = find(file, size, keep.note if keep.headers else None)
            kept = [entry for entry in index.entries if keep(file, entry)]
            sessions = [load(file, entry) for entry in reversed(kept[-limit:])]
        return Page(sessions, len(kept), lambda: [entry.session_id for entry in index.entries])

    @override
    def count_results(self, selection: Selection) -> int | None:
        return super().count_results(selection) if self._is_small() else None

    def _is_small(self) -> bool:
        with open_for_reading(self.file_path) as store:
            return store is None or store[1] <= MAX_COUNTED_BYTES

    @override
    def sut_names(self) -> list[str]:
        names: dict[str, str] = {}

        def note(session: TestSession) -> None:
            names[session.session_id] = session.sut_name  # the last one of an ID counts

        with open_for_reading(self.file_path) as store:
            if store is None:
                return []
            for entry in self._index(*store, note).entries:
                if entry.session_id not in names:
                    names[entry.session_id] = load_header(store[0], entry).sut_name
        return sorted(set(names.values()))

    @override
    def encoded_sessions(self, ids: Collection[str]) -> Iterator[bytes]:
        """Yield the bytes as they are in the file."""
        left = set(ids)
        with open_for_reading(self.file_path) as store:
            if store is None:
                return
            file, size = store
            try:
                yield from copy_selected(file, self._index(file, size).entries, left)
            except IrregularError:
                yield from copy_selected(file, self._thorough_index(file, size).entries, left)

    def _iterate(
        self, wanted: Selection, newest_first: bool, given: set[str], *, thorough: bool
    ) -> Iterator[TestSession]:
        with open_for_reading(self.file_path) as store:
            if store is None:
                return
            file, size = store
            entries = self._selected(file, size, wanted, thorough=thorough)
            load_one = load if thorough else loader(wanted)
            for entry in reversed(entries) if newest_first else entries:
                if entry.session_id in given:
                    continue
                session = load_one(file, entry)
                given.add(entry.session_id)
                is_kept = all_match(wanted.result_filters, session)
                narrowed = wanted.narrowed(session) if is_kept else None
                if narrowed is not None:
                    yield narrowed

    def _selected(
        self, file: BinaryIO, size: int, wanted: Selection, *, thorough: bool
    ) -> list[Entry]:
        """Return the sessions whose own fields match, cut to the newest if there is a limit."""
        latest = wanted.latest_only
        if wanted.limit == 1 and latest is not None and not thorough:
            with suppress(IrregularError):  # a write in progress, perhaps
                newest = find_newest(file, size, latest)
                return [] if newest is None else [newest]
        keep = HeaderFilter(wanted)
        note = keep.note if keep.headers else None
        find = self._thorough_index if thorough else self._index
        index = find(file, size, note)
        entries = [entry for entry in index.entries if keep(file, entry)]
        if wanted.limit is None:
            return entries
        if not wanted.result_filters:
            return entries[max(len(entries) - wanted.limit, 0) :]
        # Which are the newest is only known once their results were looked at, newest first.
        matching: list[Entry] = []
        for entry in reversed(entries):
            if len(matching) >= wanted.limit:
                break
            if all_match(wanted.result_filters, load(file, entry)):
                matching.append(entry)
        return matching[::-1]

    def _index(self, file: BinaryIO, size: int, note: Note | None = None) -> Index:
        """Return the index of the file; `note` is not called if it is known already."""
        try:
            index = find_index(file, size, self.file_path, note=note)
        except IrregularError:
            return self._thorough_index(file, size, note)
        if not is_complete(file, size):
            self._warn_of_torn_end(file)
        return index

    def _thorough_index(self, file: BinaryIO, size: int, note: Note | None = None) -> Index:
        """Look again, with the lock held if we may; what looks damaged then is reported."""
        from pytest_insight.storage.json.damage import warn_of_damage, warn_of_torn_end

        with self._file.writers_excluded() as excluded:
            index = build_index(file, size, self.file_path, note=note, thorough=True)
            if index.lost:
                warn_of_damage(self.file_path, self._file.real_path, index)
            elif excluded and is_unfinished(file, file.seek(0, os.SEEK_END)):
                warn_of_torn_end(self.file_path)
        return index

    def _warn_of_torn_end(self, file: BinaryIO) -> None:
        """Warn if the file does not end as it should and no other process is writing it."""
        with self._file.writers_excluded(0) as excluded:
            if excluded and not is_complete(file, file.seek(0, os.SEEK_END)):
                from pytest_insight.storage.json.damage import warn_of_torn_end  # rarely needed

                warn_of_torn_end(self.file_path)

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
    def apply(self, plan: MergePlan) -> None:
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
