"""The default backend: one JSON file, appended to in constant time, rewritten atomically."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Self

from msgspec.structs import replace

from pytest_insight import locations
from pytest_insight._util.files import COPY_BYTES, os_error_text, remove_abandoned, write_whole
from pytest_insight._util.progress import begin
from pytest_insight._util.text import clean_text
from pytest_insight.document.codec import encode_checked
from pytest_insight.document.layout import SEPARATOR, document_chunks
from pytest_insight.errors import StorageError, StoreDamageWarning, first_of
from pytest_insight.filters import Selection, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.copying import copied, encoded, taken
from pytest_insight.storage.json.append import JSONStoreFile
from pytest_insight.storage.json.scan import (
    Entry,
    Index,
    IrregularError,
    Keep,
    build_index,
    everything,
    is_in_our_layout,
    is_unfinished,
    load,
    opened,
)
from pytest_insight.storage.sql.sqlite.detection import is_database, wrong_type_error
from pytest_insight.storage.verification import Verification

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import MergePlan
    from pytest_insight.profiles.profile import StorageProfile

LOCK_SECONDS = 60.0
"""How long a writer waits for another before it gives up."""
MOST_LOSSES = 20
"""Parts that cannot be read, in the one line of a warning; `verify` says more."""


class JSONStorage(BaseStorage):
    """Sessions in a JSON file that is always one valid document (see `layout.py`).

    Saving appends, whatever the file's size; deleting and importing write a new file and put it in
    the old one's place. Writers take a lock (`<file>.lock`, which stays); readers take none and see
    the sessions that were complete when they began. A symbolic link is followed. An object may be
    used by several threads, several objects and processes may use one file.

    A file in another shape (a bare list, indented JSON) is read, and turned into our layout at the
    next write. Damage never stops a read: what can be read is returned, the damaged file is copied
    to `<file>.<time>.bak`, and a `StoreDamageWarning` says what is lost and where the copy is.
    """

    storage_type: ClassVar[str] = "json"

    def __init__(
        self, file_path: str | os.PathLike[str] | None = None, *, lock_seconds: float = LOCK_SECONDS
    ) -> None:
        """Nothing is created or read before it is needed.

        Args:
            file_path: the file; without, the default profile's.
            lock_seconds: how long to wait for another writer.
        """
        self.path = locations.absolute(file_path) if file_path else locations.store_path()
        self._file = JSONStoreFile(self.path, lock_seconds)

    @classmethod
    def from_profile(cls, profile: StorageProfile) -> Self:
        """The storage at the profile's path, or at the one its name gives."""
        storage = cls(profile.path)
        storage.exchange = profile.exchange
        return storage

    @property
    def location(self) -> str:
        """The file's path."""
        return str(self.path)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreLockedError: another process has held it for too long.
            StorageError: the lock file cannot be made.
        """
        with self._file.lock.held():
            yield

    def check_writable(self) -> None:
        """Look at the permissions of the file and its folder, without touching them."""
        self._file.check_writable()

    def waiting(self, seconds: float) -> Self:
        """Another object on the same file."""
        other = type(self)(self.path, lock_seconds=seconds)
        other.exchange = self.exchange
        return other

    # Reading ------------------------------------------------------------------------------------

    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """The selected sessions; results are decoded only of those whose own fields match."""
        wanted = (selection or Selection()).resolved()
        given: set[str] = set()
        try:
            yield from self._iterate(wanted, newest_first, given, thorough=False)
        except IrregularError:
            yield from self._iterate(wanted, newest_first, given, thorough=True)

    def session_ids(self, selection: Selection | None = None) -> list[str]:
        """The IDs, without decoding any result where none is looked at."""
        wanted = (selection or Selection()).resolved()
        if wanted.result_filters or wanted.test_filters:
            return [session.session_id for session in self.iter_sessions(selection)]
        with opened(self.path) as store:
            if store is None:
                return []
            file, size = store
            index = self._index(file, size, _keep(wanted))
            entries = _limited(file, index.entries, wanted, newest_first=False)
            return [entry.session_id for entry in entries]

    def sut_names(self) -> list[str]:
        """The names, without decoding any result."""
        names: dict[str, str] = {}

        def note(session: TestSession) -> bool:
            names[session.session_id] = session.sut_name  # the last one of an ID counts
            return True

        with opened(self.path) as store:
            if store is not None:
                self._index(*store, note)
        return sorted(set(names.values()))

    def encoded_sessions(self, ids: Collection[str]) -> Iterator[bytes]:
        """The bytes as they stand in the file."""
        left = set(ids)
        with opened(self.path) as store:
            if store is None:
                return
            file, size = store
            try:
                index = self._index(file, size, everything)
                yield from taken(file, index.entries, left)
            except IrregularError:
                index = self._thorough_index(file, size, everything)
                yield from taken(file, index.entries, left)

    def _iterate(
        self, wanted: Selection, newest_first: bool, given: set[str], *, thorough: bool
    ) -> Iterator[TestSession]:
        with opened(self.path) as store:
            if store is None:
                return
            file, size = store
            keep, results = _keep(wanted), wanted.result_filters
            if thorough:
                index = self._thorough_index(file, size, keep)
            else:
                index = build_index(file, size, self.path, keep=keep)
            for entry in _limited(file, index.entries, wanted, newest_first):
                if entry.session_id in given:
                    continue
                session = load(file, entry)
                given.add(entry.session_id)
                narrowed = wanted.narrowed(session) if all_match(results, session) else None
                if narrowed is not None:
                    yield narrowed

    def _index(self, file: BinaryIO, size: int, keep: Keep) -> Index:
        try:
            return build_index(file, size, self.path, keep=keep)
        except IrregularError:
            return self._thorough_index(file, size, keep)

    def _thorough_index(self, file: BinaryIO, size: int, keep: Keep) -> Index:
        """A second look, with writers kept out where we may; then it is damage, and reported."""
        with self._writers_kept_out():
            index = build_index(file, size, self.path, keep=keep, thorough=True)
            if index.lost:
                self._report_damage(index)
        return index

    @contextmanager
    def _writers_kept_out(self) -> Iterator[None]:
        """Hold the lock where a reader may: what looks damaged then is no write in progress."""
        with ExitStack() as stack:
            # Without a lock file nobody is writing, and reading makes none. os.path: a name that is
            # too long for one is just not there.
            if os.path.exists(self._file.lock.path):  # noqa: PTH110
                with suppress(StorageError):  # a file we may not open, a writer that never ends
                    stack.enter_context(self.exclusive())
            yield

    def _report_damage(self, index: Index) -> None:
        try:
            backup = f"the damaged file was kept as {self._keep_backup(index)}"
        except OSError as exc:
            backup = f"it could not be copied ({os_error_text(exc)}), so copy it before you write"
        lost = "; ".join(first_of([loss.text for loss in index.lost], most=MOST_LOSSES))
        warnings.warn(
            f"part of the store {self.path} cannot be read: {lost}. "
            f"The rest, {len(index.entries)} sessions of those asked for, can; {backup}.",
            StoreDamageWarning,
            stacklevel=2,
        )

    def _keep_backup(self, index: Index) -> Path:
        from pytest_insight.storage.json.backup import keep_backup  # seldom needed

        lost = [] if index.ignored else [(loss.start, loss.end) for loss in index.lost]
        return keep_backup(self._file.real_path, lost)

    # Upkeep -------------------------------------------------------------------------------------

    def verify(self) -> Verification:
        """Decode every session, with writers kept out where we may write ourselves."""
        with self._writers_kept_out(), opened(self.path) as store:
            return self._verified(*store)[0] if store else Verification(0, 0)

    def repair(self) -> Verification:
        """Write a new file with every session that can be read, each once."""
        with self._file.write_lock(), opened(self._file.real_path) as store:
            if store is None:
                return Verification(0, 0)
            self.check_writable()
            file, size = store
            found, index = self._verified(file, size)
            if found.tidy and is_in_our_layout(file, size):
                return found
            if found.damage or found.ignored or found.unfinished:
                found = replace(found, backup=str(self._keep_backup(index)))
            write_whole(self._file.real_path, document_chunks(copied(file, index.entries)))
            return found

    def restore_backup(self, backup: str) -> None:
        """Put a copy of that file in the store's place."""
        self.check_writable()
        with self._file.write_lock(), Path(backup).open("rb") as kept:
            if is_database(self._file.real_path):
                raise wrong_type_error(self.path)
            write_whole(self._file.real_path, iter(lambda: kept.read(COPY_BYTES), b""))

    def _verified(self, file: BinaryIO, size: int) -> tuple[Verification, Index]:
        """What is in the file; opened with the lock held, so that nobody is writing to it."""
        results: dict[str, int] = {}
        copies = 0

        watcher = begin(f"checking {self.path}")

        def note(session: TestSession) -> bool:
            nonlocal copies
            watcher.step()
            copies += 1
            results[session.session_id] = len(session.test_results)
            return True

        index = build_index(file, size, self.path, keep=note, thorough=True)
        found = Verification(
            sessions=len(index.entries),
            results=sum(results.values()),
            damage=tuple(loss.text for loss in index.lost),
            ignored=tuple(index.ignored),
            superseded=copies - len(index.entries),
            unfinished=is_unfinished(file, size),
        )
        return found, index

    # Writing ------------------------------------------------------------------------------------

    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        """Append the sessions."""
        encoded: dict[str, bytes] = {}
        for session in sessions:
            data = encode_checked(session)
            encoded[clean_text(session.session_id)] = data
        if not encoded:
            return
        with self._file.write_lock():
            if not self._file.add(SEPARATOR.join(encoded.values())):
                self._rewrite(set(encoded), encoded.values())

    def delete_sessions(self, ids: Collection[str]) -> int:
        """Write a new file without them; sessions that stay are copied as they are."""
        wanted = set(ids)
        with self._file.write_lock():
            there = wanted.intersection(self.session_ids())
            if there:
                self._rewrite(there, [])
            return len(there)

    def apply(self, plan: MergePlan) -> None:
        """Append if the plan only adds sessions that are in memory; else write a new file."""
        with self._file.write_lock():
            if plan.only_adds and plan.source is None:
                added = list(encoded(plan))
                if not added or self._file.add(SEPARATOR.join(added)):
                    return
            self._rewrite({*plan.write_ids, *plan.removes}, encoded(plan))

    def _rewrite(self, without: set[str], added: Iterable[bytes]) -> None:
        """Put a new file in place: what is there, less some IDs, and more sessions behind it."""
        path = self._file.real_path
        self.check_writable()  # a new file could take the place of one that we may not change
        remove_abandoned(path)
        with opened(path) as store:
            if store is None:
                write_whole(path, document_chunks(added))
                return
            file, size = store
            index = self._index(file, size, everything)
            if index.lost or index.ignored or is_unfinished(file, size):
                self._keep_backup(index)  # what is left out of the new file stays there
            kept = [entry for entry in index.entries if entry.session_id not in without]
            try:
                write_whole(path, document_chunks(chain(copied(file, kept), added)))
            except IrregularError:
                index = self._thorough_index(file, size, everything)
                self._keep_backup(index)
                kept = [entry for entry in index.entries if entry.session_id not in without]
                write_whole(path, document_chunks(chain(copied(file, kept), added)))


def _keep(wanted: Selection) -> Keep:
    """What an index is to keep: only what a session's own fields say."""
    headers = wanted.header_filters
    return (lambda session: all_match(headers, session)) if headers else everything


def _limited(
    file: BinaryIO, entries: list[Entry], wanted: Selection, newest_first: bool
) -> Iterable[Entry]:
    """The entries in the order asked for, cut to the newest where there is a limit."""
    if wanted.limit is not None and not wanted.result_filters:
        entries = entries[max(len(entries) - wanted.limit, 0) :]
    elif wanted.limit is not None:
        # Which are the newest is only known once their results were looked at, newest first.
        matching: list[Entry] = []
        for entry in reversed(entries):
            if len(matching) >= wanted.limit:
                break
            if all_match(wanted.result_filters, load(file, entry)):
                matching.append(entry)
        entries = matching[::-1]
    return reversed(entries) if newest_first else entries
