"""What both databases have in common: sessions written as rows, found by conditions, read back."""

from __future__ import annotations

import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight._util.progress import counted
from pytest_insight.document.codec import checked
from pytest_insight.errors import NewerFormatError, StorageError
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.sql import schema
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.keys import key_of
from pytest_insight.storage.sql.reader import Finder
from pytest_insight.storage.sql.writer import ReplacesError, Writer
from pytest_insight.storage.verification import Verification

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import MergePlan
    from pytest_insight.summaries import SummaryOrder, TestSummary

PRUNED_AT_ONCE = 50
"""Sessions that pruning deletes in one transaction: others write between two of them."""


class SQLStorage(BaseStorage):
    """Sessions in the tables of `schema`.

    Each thread of each process has a connection of its own, opened when it is first needed. An
    object may be used by several threads, several objects and processes may use one database.
    """

    def __init__(self) -> None:
        self._connections: dict[tuple[int, int], Connection] = {}
        self._lock = threading.Lock()
        # Whoever forgets to close a storage loses no connection of the server's by it.
        weakref.finalize(self, _close_all, self._connections)

    # What a database is -------------------------------------------------------------------------

    @abstractmethod
    def _connect(self, *, create: bool) -> Connection | None:
        """A new connection; None where there is no database yet, and none is to be created."""

    # Connections --------------------------------------------------------------------------------

    def _connection(self, *, create: bool = False) -> Connection | None:
        """This thread's, its tables of our version; None where there is nothing to read.

        Raises:
            StorageError: it cannot be opened; `create` where it has to be written.
        """
        mine = os.getpid(), threading.get_ident()
        connection = self._connections.get(mine)
        if connection is not None and connection.keeps_out and not connection.usable:
            raise StorageError(
                f"the connection to {self.location} was lost, and with it the lock that kept "
                "others from writing; try again",
                self.location,
            )
        if connection is None or not connection.usable:
            connection = self._connect(create=create)
            if connection is None:
                return None
            with self._lock:
                self._connections[mine] = connection
        if not connection.prepared and not self._prepare(connection, create=create):
            return None
        return connection

    def _writer(self) -> Connection:
        connection = self._connection(create=True)
        assert connection is not None  # noqa: S101 - for the type checker: it was to be created
        return connection

    def _prepare(self, connection: Connection, *, create: bool) -> bool:
        """See to it that the tables are there, in our version."""
        found = self._version(connection)
        if found is None and not create:
            return False
        if found != schema.version():
            with connection.writing():
                found = self._version(connection) or 0  # another may have been quicker
                for statement in schema.statements(found, connection.dialect):
                    connection.change(statement)
                connection.note_version(schema.version())
        connection.prepared = True
        return True

    def _version(self, connection: Connection) -> int | None:
        found = connection.found_version()
        if found is not None and found > schema.version():
            raise NewerFormatError(self.location, found, schema.version())
        return found

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            _close_all(self._connections)

    # Writing ------------------------------------------------------------------------------------

    def save_sessions(self, sessions: Iterable[TestSession]) -> None:
        """Keep checked copies, in one transaction."""
        incoming = iter(sessions)
        first = [checked(session) for session in islice(incoming, 2)]
        if len(first) == 1:
            self._write(first, whole=not self._is_new(first[0]))
        elif first:
            self._write(chain(first, map(checked, incoming)), whole=True)

    def _is_new(self, session: TestSession) -> bool:
        key = key_of(session.session_id)
        return not self._writer().rows("SELECT 1 FROM insight_sessions WHERE id = ?", (key,))

    def apply(self, plan: MergePlan) -> None:
        """Write what the plan says, in one transaction."""
        writes = counted(plan.iter_writes(), "writing", len(plan.write_ids))
        self._write(writes, whole=True, removes=plan.removes)

    def _write(
        self, sessions: Iterable[TestSession], *, whole: bool, removes: Collection[str] = ()
    ) -> None:
        """Write checked sessions, and delete others.

        A new one alone keeps out only who keeps out everybody. Several keep out all others: two
        writers who write the same ones in another order would wait for each other for ever. So
        does one that takes the place of another, whose day is counted again.
        """
        connection = self._writer()
        try:
            with connection.writing(whole=whole):
                writer = Writer(connection, self.location, whole=whole)
                if removes:
                    writer.delete(removes, pinned=True)
                for session in sessions:
                    writer.write(session)
                writer.finish()
        except ReplacesError:  # another has saved it since we looked
            self._write(sessions, whole=True)

    def delete_sessions(self, ids: Collection[str]) -> int:
        """Delete the sessions with these IDs, in one transaction."""
        return self._delete(ids)

    def _delete(self, ids: Collection[str], *, pinned: bool = True) -> int:
        connection = self._connection()
        if connection is None or not ids:
            return 0
        with connection.writing():
            writer = Writer(connection, self.location, whole=True)
            count = writer.delete(ids, pinned=pinned)
            writer.finish()
        return count

    def prune_sessions(
        self, *, older_than: float | None = None, keep: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Delete old sessions, some at a time, so that others can write meanwhile.

        Where it is interrupted, the oldest are gone and the others are not; each session is there
        or not. One that was pinned meanwhile stays.
        """
        old = super().prune_sessions(older_than=older_than, keep=keep, dry_run=True)
        if dry_run:
            return old
        for first in range(0, len(old), PRUNED_AT_ONCE):
            self._delete(old[first : first + PRUNED_AT_ONCE], pinned=False)
        left = set(self.session_ids()) if old else set()
        return [name for name in old if name not in left]

    # Reading ------------------------------------------------------------------------------------

    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """The selected sessions, some at a time, each of one state of the database."""
        wanted = (selection or Selection()).resolved()
        connection = self._connection()
        if connection is not None:
            yield from Finder(connection, wanted).sessions(newest_first=newest_first)

    def session_ids(self, selection: Selection | None = None) -> list[str]:
        """The IDs; results are looked at by the database, as far as they are at all."""
        connection = self._connection()
        if connection is None:
            return []
        return Finder(connection, (selection or Selection()).resolved()).ids()

    def count(self, selection: Selection | None = None) -> int:
        """How many sessions are selected, without reading them."""
        return len(self.session_ids(selection))

    def sut_names(self) -> list[str]:
        """By the database."""
        connection = self._connection()
        rows = connection.rows("SELECT DISTINCT sut FROM insight_sessions") if connection else []
        return sorted(row[0] for row in rows)

    def group_by_test(
        self,
        selection: Selection | None = None,
        *,
        sort: SummaryOrder | None = None,
        limit: int | None = None,
        percentiles: bool = True,
        flaky: bool = False,
    ) -> list[TestSummary]:
        """From what is summed up where nothing is selected and no percentile asked for.

        Else from narrow rows.

        Where a limit asks for the first ones, tests are ranked before their results are read.
        """
        connection = self._connection()
        if connection is None:
            return []
        finder = Finder(connection, (selection or Selection()).resolved())
        if finder.sql.results.rest:
            return super().group_by_test(
                selection, sort=sort, limit=limit, percentiles=percentiles, flaky=flaky
            )
        from pytest_insight.storage.sql.summaries import Grouper  # other questions do without

        with connection.reading():
            return Grouper(connection, finder).summaries(
                sort, limit, percentiles=percentiles, flaky=flaky
            )

    def explain(self, selection: Selection) -> list[str]:
        """What of a selection the database does, and what is done after it; and its plan."""
        connection = self._connection()
        if connection is None:
            return []
        return Finder(connection, selection.resolved()).explained()

    def verify(self) -> Verification:
        """Read everything, count again what is summed up, and ask the database to look itself over.

        The last where it can.
        """
        connection = self._connection()
        if connection is None:
            return Verification(0, 0)
        damage = connection.damage()
        if damage:
            return Verification(0, 0, tuple(damage))
        from pytest_insight.storage.sql import rollups

        with connection.reading():
            wrong = rollups.wrong_lines(connection)
        found = super().verify()
        if not wrong:
            return found
        said = f"{wrong:,} of the totals kept by test and outcome are not what the results come to"
        return replace(found, damage=(said,))

    def repair(self) -> Verification:
        """Count again what is summed up; other damage is for the database's own tools.

        Raises:
            StorageError: the database is damaged.
        """
        found = self.verify()
        connection = self._connection()
        if connection is None or not found.damage:
            return found
        damage = connection.damage()
        if damage:
            raise StorageError(
                f"{self.location} is damaged, and only its own tools can mend it "
                f"({damage[0]}): restore a backup, or see the database's documentation",
                self.location,
            )
        from pytest_insight.storage.sql import rollups

        connection = self._writer()
        with connection.writing():
            rollups.made_anew(connection)
        return found


def _close_all(connections: dict[tuple[int, int], Connection]) -> None:
    """Close those of this process: a parent's would end there too."""
    for key in [key for key in connections if key[0] == os.getpid()]:
        connections.pop(key).close()
