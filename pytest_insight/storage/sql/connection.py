"""The base class of the database connections; each belongs to one thread."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pytest_insight.errors import StorageError
from pytest_insight.storage.sql.dialect import Dialect, Statement
from pytest_insight.storage.sql.rows import Row

ROLLUP_KEYS = {
    "insight_days": "test, outcome, day",
    "insight_totals": "test, outcome",
}
"""The rollup tables and the columns of their primary keys."""


class DamagedStoreError(StorageError):
    """A database is damaged, or its rows are not as we write them.

    Attributes:
        reason: what is wrong, without the store.
    """

    def __init__(self, message: str, where: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message, where)


def upsert_clause(table: str, dialect: Dialect) -> str:
    """Return the ON CONFLICT clause that adds inserted values to an existing rollup row."""
    greatest, least = dialect.greatest, dialect.least
    return (
        f"ON CONFLICT ({ROLLUP_KEYS[table]}) DO UPDATE SET"
        f" results = {table}.results + excluded.results,"
        f" total = {table}.total + excluded.total,"
        f" longest = {greatest}({table}.longest, excluded.longest),"
        f" first = {least}({table}.first, excluded.first),"
        f" last = {greatest}({table}.last, excluded.last)"
    )


class Connection(ABC):
    """A database connection that runs statements with `?` placeholders. Not thread-safe.

    Every method raises StorageError if the driver fails.

    Attributes:
        has_schema: whether the tables are known to exist in the current version.
        has_runs: whether the tables are known to have what the analysis reads.
        is_ready: whether the views exist, and the share of `runs.preparation` is done.
    """

    dialect: ClassVar[Dialect]

    def __init__(self, location: str, *driver_errors: type[Exception]) -> None:
        """Initialise the state of a connection that a subclass opens.

        Args:
            location: the store's path or URL, for error messages.
            driver_errors: the base classes of the driver's exceptions.
        """
        self.has_schema = False
        self.has_runs = False
        self.is_ready = False
        self._location = location
        self._driver_errors = driver_errors
        self._depth = 0

    # Implemented by each driver -----------------------------------------------------------------

    @abstractmethod
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return all rows."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return the number of affected rows."""

    @abstractmethod
    def insert_rows(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Insert many rows; `columns` are separated by ", "."""

    @abstractmethod
    def insert_new(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        """Insert rows, ignoring IDs that are there; `columns` begin with "id"."""

    @abstractmethod
    def add_rollups(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows into a rollup table, adding them to existing rows with the same key."""

    @abstractmethod
    def begin(self, *, write: bool) -> None:
        """Begin a transaction; a transaction that only reads sees a single snapshot."""

    @abstractmethod
    def end(self, *, commit: bool) -> None:
        """Commit or roll back the transaction; a commit is on disk when this returns."""

    @abstractmethod
    def read_version(self) -> int | None:
        """Return the version of the tables; None if there are no tables.

        Raises:
            StorageError: the database belongs to another program.
        """

    @abstractmethod
    def write_version(self, version: int) -> None:
        """Store the version of the tables, in the transaction that creates or migrates them."""

    @abstractmethod
    def missing_views(self, names: Collection[str]) -> list[str]:
        """Return the views to create: those whose name is free, and those of an earlier edition.

        Returns no views that this user may not create.
        """

    @abstractmethod
    def create_view(self, name: str, mark: str, query: str) -> None:
        """Create a view, or replace it, and store its mark with it."""

    @abstractmethod
    def lock_writers(self, *, exclusive: bool) -> None:
        """Acquire the writer lock until the end of the current transaction.

        Args:
            exclusive: lock out every other writer; if False, only those that need the exclusive
                lock themselves.
        """

    @abstractmethod
    def explain(self, statement: Statement) -> list[str]:
        """Return the lines of the database's query plan."""

    @abstractmethod
    def check_integrity(self) -> list[str]:
        """Return the damage that the database's own check finds; empty if it has no check."""

    @property
    def holds_lock(self) -> bool:
        """Whether this connection holds a writer lock that outlives the transaction."""
        return False

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether the connection can still be used."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""

    def _describe(self, error: Exception) -> str:
        """Return the message of a driver's exception."""
        return str(error)

    def _is_damage(self, error: Exception) -> bool:  # noqa: ARG002 - for drivers that can tell
        """Return whether a driver's exception means that the database is damaged."""
        return False

    # Built on those -----------------------------------------------------------------------------

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """Run a block in a transaction that sees a single snapshot; may be nested."""
        with self._transaction(write=False):
            yield

    @contextmanager
    def write_transaction(self, *, exclusive: bool = True) -> Iterator[None]:
        """Run a block in a transaction that holds the writer lock; see `lock_writers`.

        A nested block is a savepoint: if it raises, only its own changes are rolled back.
        """
        if self._depth:
            with self._savepoint():
                yield
            return
        with self._transaction(write=True):
            self.lock_writers(exclusive=exclusive)
            yield

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[None]:
        if self._depth:
            yield
            return
        self.begin(write=write)
        self._depth += 1
        commit = False
        try:
            yield
            commit = True
        finally:
            self._depth -= 1
            self.end(commit=commit)

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        name = f"insight_{self._depth}"
        self.execute(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            self.execute(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1
            self.execute(f"RELEASE SAVEPOINT {name}")

    @contextmanager
    def _converted_errors(self, action: str) -> Iterator[None]:
        """Raise the driver's exceptions as StorageError, or as DamagedStoreError.

        Args:
            action: what fails, for the message: "open", "read", "write" or "close".
        """
        try:
            yield
        except self._driver_errors as exc:
            reason = self._describe(exc)
            message = f"cannot {action} the store {self._location}: {reason}"
            if self._is_damage(exc):
                raise DamagedStoreError(message, self._location, reason) from exc
            intact = "; what was saved before is intact" if action == "write" else ""
            raise StorageError(f"{message}{intact}", self._location) from exc

    def damage(self, reason: str) -> DamagedStoreError:
        """Return the error for rows that are not as we write them."""
        return DamagedStoreError(
            f"the store {self._location} is damaged: {reason}", self._location, reason
        )


class ThreadMarker:
    """An object that only a thread refers to, so it is deleted when the thread ends."""


def close_connection(
    connections: dict[tuple[int, int], Connection], key: tuple[int, int], connection: Connection
) -> None:
    """Close a connection whose thread has ended, or has another one."""
    if key[0] != os.getpid():  # a forked child has none of its parent's threads
        return
    if connections.get(key) is connection:
        del connections[key]
    connection.close()


def close_all(connections: dict[tuple[int, int], Connection]) -> None:
    """Close the connections of this process; closing a parent's would end them there too."""
    for key in [key for key in connections if key[0] == os.getpid()]:
        connections.pop(key).close()
