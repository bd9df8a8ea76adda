"""What every storage backend can do: a few primitives, everything else built on them.

A backend implements `save_sessions`, `iter_sessions`, `session_ids`, `delete_sessions`, `apply`,
`exclusive` and `from_profile`. The other methods are written in terms of those; each says what it
is equivalent to, and a backend overrides it where it can do better. `testing.StorageContract` holds
the rules that every backend keeps; `InMemoryStorage` is the reference.

Sessions come in the order of their start times, those that started at once by ID.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Self

from msgspec.structs import replace

from pytest_insight._util.text import clean_text
from pytest_insight.document.codec import encode_session
from pytest_insight.errors import InvalidArgumentError, StorageError
from pytest_insight.exchange.settings import ExchangeSettings
from pytest_insight.filters import IsPinned, Selection, SessionIdIn
from pytest_insight.locations import one_place
from pytest_insight.models import TestSession
from pytest_insight.storage.verification import Verification
from pytest_insight.summaries import SummaryOrder, TestSummary, sort_summaries, summarize

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import MergePlan
    from pytest_insight.exchange.report import ImportReport
    from pytest_insight.profiles.profile import StorageProfile

Path_ = str | os.PathLike[str]


class BaseStorage(ABC):
    """A place that keeps test sessions, each ID once.

    Attributes:
        storage_type: the name that profiles use for this kind of storage.
        profile_name: the profile it was opened for, "" without one.
        exchange: what exports and imports use where a call says nothing.
        file_path: the file of the store; None if it is not a file.
        url: the URL of the store's database, without a password; None if it is a file or memory.
    """

    storage_type: ClassVar[str]
    profile_name: str = ""
    exchange: ExchangeSettings = ExchangeSettings()
    file_path: Path | None = None
    url: str | None = None

    # Primitives ---------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def from_profile(cls, profile: StorageProfile) -> Self:
        """The storage that a profile describes. Nothing is created or opened yet."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the sessions are, for people: a path, a URL without its password, "memory"."""

    @property
    def identity(self) -> str:
        """A string that two storages of the same store share, and no others; for programs."""
        return one_place(self.location)

    @abstractmethod
    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        """Keep several sessions; one with an ID that is there is replaced, here too the last one.

        What is kept is a checked copy (`document.checked`): text without NUL and lone surrogates.
        When this returns, the sessions survive a crash of the process or the machine; when it
        raises, none is kept. A crash before it returns may leave the first ones of them.

        Raises:
            InvalidSessionError: a session holds something that cannot be kept.
            StorageError: they could not be written; everything saved before is intact.
        """

    @abstractmethod
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """The selected sessions, one after the other, with only the selected results.

        Memory is bounded by the largest session. What other processes save after the first session
        came may or may not be seen; a session is never seen in part.

        Args:
            selection: which; None for all. Relative times count from the first `next()`.
            newest_first: the latest start first; the same sessions either way.

        Raises:
            StorageError: the store cannot be read.
        """

    @abstractmethod
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        """The IDs of the selected sessions, in the order of `iter_sessions`.

        Cheaper than `iter_sessions` where the selection does not look at results.
        """

    @abstractmethod
    def delete_sessions(self, ids: Collection[str]) -> int:
        """Delete the sessions with these IDs, all or none; returns how many there were."""

    @abstractmethod
    def apply(self, plan: MergePlan) -> None:
        """Write what a plan says (`iter_writes`) and delete what it `removes`, all or nothing.

        Its sessions are checked ones (`document.codec.checked`) and written as they are. The plan
        was made inside the same `exclusive()` block. A crash before this returns may leave the
        first sessions of a plan that `only_adds`, as it may in `save_sessions`.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers out for a block that reads and then writes. May be nested."""

    def check_writable(self) -> None:  # noqa: B027 - a backend need not know beforehand
        """Raise StorageError where it is plain that nothing can be written here.

        Asked before long work whose outcome is to be written; writes nothing itself.
        """

    def waiting(self, seconds: float) -> Self:  # noqa: ARG002 - a backend need not wait at all
        """The same sessions, by a storage that waits at most so long for another writer."""
        return self

    # Saving and loading -------------------------------------------------------------------------

    def save_session(self, session: TestSession) -> None:
        """Keep a session, all of it or nothing. Equivalent to `save_sessions([session])`."""
        self.save_sessions([session])

    def load_sessions(self) -> list[TestSession]:
        """All sessions. Equivalent to `list(iter_sessions())`."""
        return list(self.iter_sessions())

    def select(self, selection: Selection) -> list[TestSession]:
        """The selected sessions. Equivalent to `list(iter_sessions(selection))`."""
        return list(self.iter_sessions(selection))

    def get_last_session(self) -> TestSession | None:
        """The session that started last; None in an empty store."""
        return next(self.iter_sessions(Selection(limit=1)), None)

    def get_session_by_id(self, session_id: str) -> TestSession | None:
        """The session with exactly this ID; None where there is none."""
        selection = Selection((SessionIdIn(frozenset((clean_text(session_id),))),))
        return next(self.iter_sessions(selection), None)

    def encoded_sessions(self, ids: Collection[str]) -> Iterator[bytes]:
        """The sessions with these IDs as `document.encode_session` has them, one at a time.

        Equivalent to encoding what `iter_sessions` gives of them, but a backend that keeps those
        bytes hands them out without a look at the results.
        """
        wanted = Selection((SessionIdIn(frozenset(ids)),))
        return map(encode_session, self.iter_sessions(wanted))

    def count(self, selection: Selection | None = None) -> int:
        """How many sessions are selected. Equivalent to counting `iter_sessions(selection)`."""
        if selection is None:
            return len(self.session_ids())
        return sum(1 for _ in self.iter_sessions(selection))

    def group_by_test(
        self,
        selection: Selection | None = None,
        *,
        sort: SummaryOrder | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        """What the selected results say of each test; see `Query.group_by_test`.

        Equivalent to `sort_summaries(summarize(iter_sessions(selection)), sort, limit)` of all
        tests or of the flaky ones.
        """
        percentiles = percentiles or sort == SummaryOrder.P95
        found = summarize(self.iter_sessions(selection), percentiles=percentiles)
        return sort_summaries((each for each in found if each.flaky or not flaky), sort, limit)

    def clear_sessions(self, sessions_to_clear: Iterable[TestSession | str] | None = None) -> int:
        """Delete sessions, all or none; returns how many there were.

        Args:
            sessions_to_clear: sessions or their IDs; None for every session of the store. IDs that
                the store does not have are no error.
        """
        if isinstance(sessions_to_clear, str):
            raise InvalidArgumentError(
                f"sessions to clear come in a list, as in [{sessions_to_clear!r}]"
            )
        if sessions_to_clear is not None:
            ids = (s if isinstance(s, str) else s.session_id for s in sessions_to_clear)
            return self.delete_sessions({clean_text(name) for name in ids})  # as they were kept
        with self.exclusive():
            return self.delete_sessions(self.session_ids())

    def sut_names(self) -> list[str]:
        """The names of the SUTs that there are sessions of, each once, from A to Z."""
        return sorted({session.sut_name for session in self.iter_sessions()})

    def explain(self, selection: Selection) -> list[str]:
        """How a selection is answered, in lines for people: what runs where, in what order."""
        return selection.resolved().described()

    # Upkeep -------------------------------------------------------------------------------------

    def pin_sessions(self, ids: Collection[str], *, pinned: bool = True) -> list[str]:
        """Mark sessions so that pruning leaves them alone, or take the mark off again.

        Returns:
            The IDs of those that were changed.

        Raises:
            StorageError: the store has no such session, or cannot be read or written.
        """
        with self.exclusive():
            self._require(ids)
            wanted = Selection((SessionIdIn(frozenset(ids)), IsPinned(wanted=not pinned)))
            changed = [replace(session, pinned=pinned) for session in self.iter_sessions(wanted)]
            self.save_sessions(changed)
        return [session.session_id for session in changed]

    def prune_sessions(
        self, *, older_than: float | None = None, keep: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Delete old sessions, all or none; never pinned ones.

        Args:
            older_than: delete those that started more than so many seconds ago.
            keep: delete all but so many of the newest; pinned ones do not count.
            dry_run: delete nothing.

        Returns:
            The IDs of what is deleted; with both rules, of what either says.

        Raises:
            InvalidArgumentError: neither rule is given, or one is negative.
            StorageError: the store cannot be read or written.
        """
        from pytest_insight.storage.pruning import prunable  # seldom needed

        with nullcontext() if dry_run else self.exclusive():
            old = prunable(self, older_than=older_than, keep=keep)
            if old and not dry_run:
                self.delete_sessions(old)
        return old

    def verify(self) -> Verification:
        """Read everything, and say what can be read and what not. Changes nothing.

        Raises:
            StorageError: the store cannot be read at all.
        """
        sessions = results = 0
        for session in self.iter_sessions():
            sessions += 1
            results += len(session.test_results)
        return Verification(sessions, results)

    def repair(self) -> Verification:
        """Leave out what cannot be read and what is superseded; returns what `verify` had said.

        What cannot be read is not thrown away: a file is kept as it was, as `backup` of what is
        returned. A store that is in order is not touched.

        Raises:
            StorageError: as from any write.
        """
        return self.verify()

    def restore_backup(self, backup: str) -> None:
        """Put back, all or nothing, what `repair` has kept as `backup`, in place of what is there.

        Raises:
            StorageError: this kind of storage keeps none, or it cannot be read or written.
        """
        raise StorageError(f"{self.location} keeps no backups: {backup} is none", self.location)

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
    ) -> int:
        """Write sessions to a file that `import_sessions` reads back equal.

        Args:
            path: the file; replaced once the new one is complete, compressed where it ends in
                `.gz`. Or an open binary file, which stays open.
            days: only sessions that started within so many days; without, and where no sessions
                are named, the profile's `export_days`, else all.
            output_format: "json" or "csv"; without, what the path's suffix says, else the profile's
                `export_format`, else "json".
            sut: only sessions of this SUT (shell wildcards).
            tags: only sessions that carry all of these.
            session_ids: only these sessions.

        Returns:
            How many sessions were written; 0 writes a valid file without sessions.

        Raises:
            ExchangeError: the file cannot be written.
            InvalidArgumentError: `days` is negative or not a number.
            StorageError: the store cannot be read, or has none of a session that was named.
            UnknownChoiceError: no such format.
        """
        from pytest_insight.storage import exports  # readers do not need it

        if session_ids is not None:
            self._require(session_ids)
        elif days is None:
            days = self.exchange.export_days
        selection = exports.selection_of(days, sut, tags, session_ids)
        return exports.export_selection(self, path, selection, output_format)

    def export_selection(
        self, path: Path_ | BinaryIO, selection: Selection, output_format: str | None = None
    ) -> int:
        """Write the selected sessions to a file; see `export_sessions`."""
        from pytest_insight.storage import exports  # readers do not need it

        return exports.export_selection(self, path, selection, output_format)

    def import_sessions(
        self,
        path: Path_ | BinaryIO,
        merge_strategy: str | None = None,
        *,
        input_format: str | None = None,
        skip_invalid: bool = False,
        dry_run: bool = False,
    ) -> ImportReport:
        """Take over the sessions of a file, all or nothing.

        Args:
            path: the file, compressed or not, or an open binary file.
            merge_strategy: what becomes of a session whose ID the store has: "skip_existing",
                "replace_existing" or "keep_both"; without, the profile's, else "skip_existing".
            input_format: "json" or "csv"; without, the suffix and the content decide.
            skip_invalid: import the valid sessions of a file that has invalid ones too.
            dry_run: report what would be done, and write nothing.

        Raises:
            ExchangeError: the file cannot be read or is of no known format.
            InvalidImportError: a session of the file is invalid; it names every problem.
            NewerFormatError: the file was written by a later pytest-insight.
            StorageError: the store cannot be read or written.
            UnknownChoiceError: no such strategy or format.
        """
        from pytest_insight.storage.imports import import_files  # readers do not need it

        return import_files(
            self,
            [path],
            merge_strategy,
            input_format=input_format,
            skip_invalid=skip_invalid,
            dry_run=dry_run,
        )[0]

    def _require(self, session_ids: Collection[str]) -> None:
        missing = sorted(set(session_ids) - set(self.session_ids()))
        if missing:
            raise StorageError(
                f"{self.location} has no session {missing[0]!r}; "
                "see which there are with: insight sessions list",
                self.location,
            )

    # Life ---------------------------------------------------------------------------------------

    def close(self) -> None:  # noqa: B027 - not every backend holds something open
        """Give back what the storage holds open; it can be used again all the same."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
