"""The base class of the database backends."""

from __future__ import annotations

import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import ClassVar, Literal, NoReturn

from msgspec.structs import replace

from pytest_insight import exchange
from pytest_insight._util.override import override
from pytest_insight._util.progress import counted
from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import checked
from pytest_insight.errors import (
    NewerFormatError,
    StorageError,
)
from pytest_insight.filters import Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.storage.page import Page, first_page
from pytest_insight.storage.sql import schema
from pytest_insight.storage.sql.connection import (
    Connection,
    DamagedStoreError,
    ThreadMarker,
    close_all,
    close_connection,
)
from pytest_insight.storage.sql.reader import Reader
from pytest_insight.storage.sql.rows import hash_key
from pytest_insight.storage.sql.run_storage import RunStorage
from pytest_insight.storage.sql.runs.preparation import is_all_prepared, prepare
from pytest_insight.storage.sql.summaries import Summarizer
from pytest_insight.storage.sql.verification import examine, mend, refuse_damage
from pytest_insight.storage.sql.views import create_views
from pytest_insight.storage.sql.writer import SharedLockError, Writer
from pytest_insight.storage.verification import Verification
from pytest_insight.summaries import SessionSummary, SummaryOrder, TestSummary


class SQLStorage(RunStorage):
    """Stores sessions in the tables of `schema`.

    Thread-safe: each thread of each process opens its own connection when it first needs one; it is
    closed when the thread ends. Several objects and processes may use one database.
    """

    prune_batch: ClassVar[int] = 50

    def __init__(self) -> None:
        self._connections: dict[tuple[int, int], Connection] = {}  # by process and thread ID
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        weakref.finalize(self, close_all, self._connections)

    @abstractmethod
    def _connect(self, *, create: bool) -> Connection | None:
        """Open a connection; returns None if there is no database and `create` is False."""

    # Connections --------------------------------------------------------------------------------

    @override
    def _connection(self, *, create: bool = False) -> Connection | None:
        """Return this thread's connection, with the tables in the current version.

        Returns None if there are no tables and `create` is False.

        Raises:
            StorageError: the database cannot be opened, or created or migrated if necessary.
        """
        key = os.getpid(), threading.get_ident()
        connection = self._connections.get(key)
        if connection is not None and connection.holds_lock and not connection.is_open:
            raise StorageError(
                f"the connection to {self.location} was lost, and with it the writer lock; "
                "try again",
                self.location,
            )
        if connection is None or not connection.is_open:
            connection = self._connect(create=create)
            if connection is None:
                return None
            with self._lock:
                self._connections[key] = connection
            self._of_thread.marker = marker = ThreadMarker()
            weakref.finalize(marker, close_connection, self._connections, key, connection)
        if not connection.has_schema and not self._prepare(connection, create=create):
            return None
        return connection

    def _write_connection(self) -> Connection:
        connection = self._connection(create=True)
        assert connection is not None  # noqa: S101 - for the type checker
        if not connection.is_ready:
            create_views(connection)
            prepare(connection)
            connection.is_ready = True
        return connection

    def _prepare(self, connection: Connection, *, create: bool) -> bool:
        """Create or migrate the tables; returns False if they are missing and `create` is False."""
        version = self._read_version(connection)
        if version is None and not create:
            return False
        connection.has_runs = (version or 0) >= schema.RUNS_VERSION
        if version != schema.current_version():
            if not create and (version or 0) >= schema.READABLE_VERSION:
                return True
            with connection.write_transaction():
                version = self._read_version(connection)  # another process may have migrated them
                schema.migrate(connection, version or 0)
        connection.has_schema = connection.has_runs = True
        return True

    def _read_version(self, connection: Connection) -> int | None:
        version = connection.read_version()
        if version is not None and version > schema.current_version():
            raise NewerFormatError(self.location, version, schema.current_version())
        return version

    @override
    def close(self) -> None:
        with self._lock:
            close_all(self._connections)

    # Writing ------------------------------------------------------------------------------------

    @override
    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        incoming = iter(sessions)
        first = [checked(session) for session in islice(incoming, 2)]
        if len(first) == 1:
            self._write(first, exclusive=self._has_key(first[0]))
        elif first:
            self._write(chain(first, map(checked, incoming)), exclusive=True)

    @override
    def add_session(self, session: TestSession) -> bool:
        new = checked(session)
        return not self._has_key(new) and self._write([new], exclusive=False, replaces=False)

    def _has_key(self, session: TestSession) -> bool:
        key = hash_key(session.session_id)
        sql = "SELECT 1 FROM insight_sessions WHERE id = ?"
        return bool(self._write_connection().fetch(sql, (key,)))

    @override
    def apply(self, plan: exchange.MergePlan) -> None:
        writes = counted(plan.iter_writes(), "writing", len(plan.write_ids))
        self._write(writes, exclusive=True, removes=plan.removes)

    def _write(
        self,
        sessions: Iterable[TestSession],
        *,
        exclusive: bool,
        removes: Collection[str] = (),
        replaces: bool = True,
    ) -> bool:
        """Write checked sessions and delete others, in one transaction.

        Returns False if that would replace a session and `replaces` is False.

        The shared lock is enough for a single new session. Several sessions need the exclusive
        lock, because two writers of the same sessions in different orders would deadlock; so does
        replacing a session, because its day is recounted.
        """
        connection = self._write_connection()
        try:
            with connection.write_transaction(exclusive=exclusive):
                writer = Writer(connection, self.location, exclusive=exclusive)
                if removes:
                    writer.delete_sessions(removes, pinned=True)
                for session in sessions:
                    writer.write_session(session)
                writer.finish()
        except SharedLockError:  # a concurrent writer has saved this session
            return replaces and self._write(sessions, exclusive=True)
        return True

    @override
    def delete_sessions(self, ids: Collection[str]) -> int:
        return self._delete(ids, pinned=True)

    def _delete(self, ids: Collection[str], *, pinned: bool) -> int:
        connection = self._connection()
        if connection is None or not ids:
            return 0
        with connection.write_transaction():
            writer = Writer(connection, self.location, exclusive=True)
            count = writer.delete_sessions(ids, pinned=pinned)
            writer.finish()
        return count

    @override
    def prune_sessions(
        self, *, older_than: float | None = None, keep: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Delete old sessions in batches, oldest first, so that others can write in between.

        If it is interrupted, the batches so far stay deleted. Sessions that are pinned before their
        batch is deleted are kept.
        """
        old = super().prune_sessions(older_than=older_than, keep=keep, dry_run=True)
        if dry_run:
            return old
        for start in range(0, len(old), self.prune_batch):
            self._delete(old[start : start + self.prune_batch], pinned=False)
        left = set(self.session_ids()) if old else set()
        return [each for each in old if each not in left]

    # Reading ------------------------------------------------------------------------------------

    @override
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """Yield the selected sessions; each batch is read from one snapshot of the database."""
        resolved = (selection or Selection()).resolved()
        connection = self._connection()
        if connection is not None:
            with self._damage_told() as report:
                reader = Reader(connection, resolved, report)
                yield from reader.iter_sessions(newest_first=newest_first)

    @override
    def get_session_by_id(self, session_id: str) -> TestSession | None:
        """Return the session with exactly this ID; None if there is none.

        Raises:
            StorageError: it is damaged, or the store cannot be read.
        """
        connection = self._connection()
        if connection is None:
            return None

        def refuse(problem: str) -> NoReturn:
            raise connection.damage(f"{problem}; restore a backup")

        wanted = Selection((SessionIdIn(frozenset((storable_text(session_id),))),))
        return next(Reader(connection, wanted, refuse).iter_sessions(newest_first=False), None)

    @override
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        connection = self._connection()
        if connection is None:
            return []
        with connection.read_transaction(), self._damage_told() as report:
            resolved = (selection or Selection()).resolved()
            return Reader(connection, resolved, report).session_ids()

    @override
    def first_page(self, selection: Selection, limit: int) -> Page:
        return first_page(self, selection, limit, lambda given: self._count("sessions", given))

    @override
    def session_summaries(self, selection: Selection) -> list[SessionSummary]:
        connection = self._connection()
        if connection is None:
            return []
        with connection.read_transaction(), self._damage_told() as report:
            found = Reader(connection, selection.resolved(), report).session_summaries()
        return super().session_summaries(selection) if found is None else found

    @override
    def count_results(self, selection: Selection) -> int | None:
        return self._count("results", selection)

    def _count(self, what: Literal["sessions", "results"], selection: Selection) -> int | None:
        connection = self._connection()
        if connection is None:
            return 0
        with connection.read_transaction(), self._damage_told() as report:
            return Reader(connection, selection.resolved(), report).count_quickly(what)

    @override
    def sut_names(self) -> list[str]:
        connection = self._connection()
        rows = connection.fetch("SELECT DISTINCT sut FROM insight_sessions") if connection else []
        return sorted(row[0] for row in rows if isinstance(row[0], str))  # else it is damaged

    @override
    def group_by_test(
        self,
        selection: Selection | None = None,
        *,
        sort: SummaryOrder | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        connection = self._connection()
        if connection is None:
            return []
        try:
            with connection.read_transaction(), self._damage_told() as report:
                reader = Reader(connection, (selection or Selection()).resolved(), report)
                if not reader.sql.results.python_filters:
                    return Summarizer(connection, reader).summaries(
                        sort, limit, percentiles=percentiles, flaky=flaky
                    )
        except DamagedStoreError:
            pass  # the sessions that can be read are summarised without the totals
        return super().group_by_test(
            selection, sort=sort, limit=limit, percentiles=percentiles, flaky=flaky
        )

    @override
    def explain(self, selection: Selection) -> list[str]:
        connection = self._connection()
        if connection is None:
            return []
        with self._damage_told() as report:
            return Reader(connection, selection.resolved(), report).explain()

    # Upkeep -------------------------------------------------------------------------------------

    @override
    def verify(self) -> Verification:
        """Run the database's own check, read every session, and check what is derived from it."""
        connection = self._connection()
        if connection is None:
            return Verification(0, 0)
        found, wrong = examine(connection)
        return replace(found, damage=(*found.damage, *wrong))

    @override
    def repair(self) -> Verification:
        """Derive again what is wrong; other damage is left to the database's own tools.

        Sessions that an earlier pytest-insight has saved are prepared for the analysis.

        Raises:
            StorageError: the database or a session is damaged.
        """
        connection = self._connection()
        if connection is None:
            return Verification(0, 0)
        found, wrong = examine(connection)
        refuse_damage(found, self.location)
        if wrong or not is_all_prepared(connection):
            mend(self._write_connection(), everything=bool(wrong))
        return replace(found, damage=tuple(wrong))
