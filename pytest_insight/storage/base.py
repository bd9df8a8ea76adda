"""The base class of all storages: a few primitives, and everything else in terms of them.

A backend implements `from_profile`, `location`, `save_sessions`, `iter_sessions`, `session_ids`,
`delete_sessions`, `apply` and `exclusive`. Every other method says what it is equivalent to, and
may be overridden. `testing.StorageContract` has the rules of all backends, after `InMemoryStorage`.

Sessions are ordered by start time, and by ID if they started at the same time.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

from msgspec.structs import replace

from pytest_insight import exchange as exchange_  # `exchange` is an attribute
from pytest_insight._util.storable import storable_text
from pytest_insight.errors import InvalidArgumentError, StorageError
from pytest_insight.filters import ANY_TIME, IsPinned, Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.profiles.exchange_settings import ExchangeSettings
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.reader import SessionReader
from pytest_insight.storage.verification import Verification, require_sessions

Path_ = str | os.PathLike[str]


class BaseStorage(SessionReader):
    """Reads and writes the test sessions of one store, which has each session ID once.

    Attributes:
        storage_type: the name that profiles use for this kind of storage.
        profile_name: the name of the profile it was opened for, or "".
        prune_batch: the most sessions that pruning deletes at once.
        exchange: the defaults of exports and imports.
        file_path: the file of the store; None if it is not a file.
        url: the URL of the store's database, without a password; None if it is a file or memory.
    """

    storage_type: ClassVar[str]
    prune_batch: ClassVar[int] = 10**9
    profile_name: str = ""
    exchange: ExchangeSettings = ExchangeSettings()
    file_path: Path | None = None
    url: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.location}>"

    # Primitives ---------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def from_profile(cls, profile: StorageProfile) -> Self:
        """Return the storage that a profile describes; nothing is created or opened yet."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the store is, for people: a path, a URL without its password, "memory"."""

    @abstractmethod
    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        """Save sessions; one replaces the session that has its ID, in the store or before it here.

        Checked copies are saved (`document.codec.checked`): NUL and lone surrogates are escaped.
        When this returns, the sessions survive a crash of the process or the machine; if it raises,
        none is saved. A crash before it returns may leave the first ones of them.

        Raises:
            InvalidSessionError: a session holds a value that cannot be saved.
            StorageError: they cannot be written; everything saved before is intact.
        """

    @abstractmethod
    def delete_sessions(self, ids: Collection[str]) -> int:
        """Delete the sessions with these IDs, all or none; return how many existed."""

    @abstractmethod
    def apply(self, plan: exchange_.MergePlan) -> None:
        """Write the sessions of a plan (`iter_writes`) and delete those that it `removes`.

        All or nothing. The sessions are checked already (`document.codec.checked`). The plan was
        made inside the same `exclusive()` block. A crash before this returns may leave the
        first sessions of a plan that `only_adds`, as it may in `save_sessions`.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Exclude other writers during a block that reads and then writes. May be nested."""

    def check_writable(self) -> None:
        """Raise StorageError if it is known that nothing can be written; write nothing.

        Called before long work whose result is to be written.
        """

    def with_lock_timeout(self, seconds: float) -> Self:  # noqa: ARG002 - for backends with locks
        """Return a storage of the same store that waits at most `seconds` for another writer."""
        return self

    # Saving and deleting ------------------------------------------------------------------------

    def save_session(self, session: TestSession) -> None:
        """Save one session. Equivalent to `save_sessions([session])`."""
        self.save_sessions([session])

    def add_session(self, session: TestSession) -> bool:
        """Save a session unless the store has one with its ID; return whether it was saved."""
        with self.exclusive():
            if self.get_session_by_id(session.session_id) is not None:
                return False
            self.save_session(session)
            return True

    def clear_sessions(self, sessions_to_clear: Iterable[TestSession | str] | None = None) -> int:
        """Delete sessions, all or none; return how many existed.

        Args:
            sessions_to_clear: sessions or their IDs; None for every session of the store. Unknown
                IDs are no error.
        """
        if isinstance(sessions_to_clear, str):
            raise InvalidArgumentError(f"expected a list of sessions, not {sessions_to_clear!r}")
        if sessions_to_clear is not None:
            ids = (s if isinstance(s, str) else s.session_id for s in sessions_to_clear)
            return self.delete_sessions({storable_text(name) for name in ids})  # as they were saved
        with self.exclusive():
            return self.delete_sessions(self.session_ids())

    # Upkeep -------------------------------------------------------------------------------------

    def pin_sessions(self, ids: Collection[str], *, pinned: bool = True) -> list[str]:
        """Pin sessions, so that pruning keeps them, or unpin them.

        Returns:
            The IDs of the sessions that were changed.

        Raises:
            InvalidArgumentError: the IDs are a string, not a collection of strings.
            StorageError: the store has no such session, or cannot be read or written.
        """
        if isinstance(ids, str):
            raise InvalidArgumentError(f"expected a list of session IDs, not {ids!r}")
        with self.exclusive():
            require_sessions(self, ids)
            wanted = Selection((SessionIdIn(frozenset(ids)), IsPinned(wanted=not pinned)))
            changed = [replace(session, pinned=pinned) for session in self.iter_sessions(wanted)]
            self.save_sessions(changed)
        return [session.session_id for session in changed]

    def prune_sessions(
        self, *, older_than: float | None = None, keep: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Delete old sessions, all or none; never pinned ones.

        Args:
            older_than: delete sessions that started more than this many seconds ago.
            keep: delete all but this many of the newest; pinned ones do not count. Those that are
                dated in the future (`filters.MAX_AHEAD`) or have no results are deleted first.
            dry_run: delete nothing.

        Returns:
            The IDs of the deleted sessions, the oldest first; with both arguments, of the sessions
            that either one selects.

        Raises:
            InvalidArgumentError: neither rule is given, or one is negative.
            StorageError: the store cannot be read or written.
        """
        from pytest_insight.storage.retention import find_old  # few commands need it

        with nullcontext() if dry_run else self.exclusive():
            old = find_old(self, older_than, keep)
            if old and not dry_run:
                self.delete_sessions(old)
        return old

    def verify(self) -> Verification:
        """Read the whole store and return what can be read and what cannot. Changes nothing.

        Raises:
            StorageError: the store cannot be read at all.
        """
        results = [len(session.test_results) for session in self.iter_sessions()]
        future = set(self.session_ids()).difference(self.session_ids(Selection((ANY_TIME,))))
        return Verification(len(results), sum(results), future=tuple(sorted(future)))

    def repair(self) -> Verification:
        """Rewrite the store without superseded copies and what cannot be read.

        A damaged file is kept as it was; `backup` of the result is its path. A store in order is
        not changed. Returns what `verify` would have returned before.

        Raises:
            StorageError: as from any write.
        """
        return self.verify()

    def restore_backup(self, backup: str) -> None:
        """Replace the store by a backup that `repair` kept, all or nothing.

        Raises:
            StorageError: this kind of storage keeps no backups; it cannot be read or written.
        """
        raise StorageError(
            f"{self.location} keeps no backups, so {backup!r} cannot be restored", self.location
        )

    # Exchange -----------------------------------------------------------------------------------

    def export_sessions(
        self,
        path: Path_ | BinaryIO,
        days: float | None = None,
        output_format: str | None = None,
        *,
        sut: str | None = None,
        tags: Mapping[str, str] | None = None,
        session_ids: Collection[str] | None = None,
        force: bool = False,
        split: bool = False,
    ) -> int:
        """Write sessions to a file; `import_sessions` reads JSON and CSV back equal.

        Args:
            path: the file; replaced once the new one is complete, compressed if it ends in `.gz`.
                Or an open binary file, which stays open.
            days: only sessions from the last `days` days. The default is the profile's
                `export_days` if `session_ids` is None, else all.
            output_format: "json", "csv", "excel" (CSV that Excel opens), "junit", "ctrf" (one
                session) or "parquet" (needs the extra `arrow`). The default is by the suffix of the
                path, else the profile's `export_format`, else "json".
            sut: only sessions of this SUT (shell wildcards).
            tags: only sessions with all of these tags.
            session_ids: only these sessions.
            force: overwrite another store, or an export with sessions that this store lacks.
            split: write JUnit XML to files of at most 30 MB, `NAME-1.xml`, `NAME-2.xml`, ...

        Returns:
            The number of sessions; if it is 0, the file is valid and has no sessions.

        Raises:
            ExchangeError: the file cannot be written, or is not overwritten; the format cannot
                hold the sessions.
            InsightError: pyarrow is not installed.
            InvalidArgumentError: `days` is negative or not a number; only JUnit XML is split.
            StorageError: the store cannot be read, or has no session with one of the IDs.
            UnknownChoiceError: the format or the suffix is unknown.
        """
        from pytest_insight.storage import exports  # readers do not need it

        if session_ids is not None:
            require_sessions(self, session_ids)
        elif days is None:
            days = self.exchange.export_days
        selection = exports.selection_of(days, sut, tags, session_ids)
        found = exports.export_selection(
            self, path, selection, output_format, force=force, split=split
        )
        return found.sessions

    def export_selection(
        self, path: Path_ | BinaryIO, selection: Selection, output_format: str | None = None
    ) -> int:
        """Write the selected sessions to a file; see `export_sessions`."""
        from pytest_insight.storage import exports  # readers do not need it

        return exports.export_selection(self, path, selection, output_format).sessions

    def import_sessions(
        self,
        path: Path_ | BinaryIO,
        merge_strategy: str | None = None,
        *,
        input_format: str | None = None,
        options: exchange_.ReadOptions | None = None,
        skip_invalid: bool = False,
        dry_run: bool = False,
    ) -> exchange_.ImportReport:
        """Import the sessions of a file, or of all reports in a folder, all or nothing.

        Args:
            path: the file, compressed or not, a folder, a pattern, or an open binary file.
            merge_strategy: what to do with a session whose ID the store has: "skip_existing",
                "replace_existing", "keep_both" or "upgrade" (see `MergeStrategy`). The default is
                the profile's, else "skip_existing".
            input_format: "json", "csv" or the name of another program's format. The default is by
                the content and the suffix.
            options: what the reports of other programs may not say: their SUT, time zone, ...
            skip_invalid: import the valid sessions of a file that has invalid ones too.
            dry_run: report what would be done, and write nothing.

        Raises:
            ExchangeError: the file cannot be read, or its format is unknown.
            InvalidImportError: a session of the file is invalid; it lists every problem.
            NewerFormatError: the file was written by a later pytest-insight.
            StorageError: the store cannot be read or written.
            UnknownChoiceError: the strategy or the format is unknown.
        """
        from pytest_insight.storage import imports  # readers do not need it

        reports = imports.import_files(
            self,
            imports.expanded(path),
            merge_strategy,
            input_format=input_format,
            options=options,
            skip_invalid=skip_invalid,
            dry_run=dry_run,
        )
        return reports[0] if len(reports) == 1 else imports.total(reports)

    def close(self) -> None:
        """Close what the storage holds open; the storage can be used again afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
