"""Connections to an SQLite file, through the standard library's `sqlite3`."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pytest_insight._util.override import override
from pytest_insight.errors import StorageError
from pytest_insight.storage.sql import schema
from pytest_insight.storage.sql.connection import (
    Connection,
    DamagedStoreError,
    upsert_clause,
)
from pytest_insight.storage.sql.dialect import Statement
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.sqlite.dialect import FUNCTIONS, SQLiteDialect
from pytest_insight.storage.sql.sqlite.tables import READ_OBJECTS, find_foreign_object
from pytest_insight.storage.sql.views import is_outdated
from pytest_insight.storage.store_file import LOCK_SECONDS, StoreFile

APPLICATION_ID = 0x70_49_6E_73
"""`application_id` in the SQLite header ("pIns")."""

CHECK_INTERVAL = 100_000
"""Instructions of SQLite's virtual machine between two looks for Ctrl-C: a few milliseconds."""

_MANY_ROWS = 10_000
_CACHE_KIB = 64 * 1024
"""The page cache for inserting many names, instead of 2 MiB: a million names take half the time."""


class SQLiteConnection(Connection):
    """A connection to an SQLite file."""

    dialect: ClassVar[SQLiteDialect] = SQLiteDialect()

    def __init__(self, file: StoreFile, parameters: str) -> None:
        """Open the file, which must exist; it may be empty.

        Args:
            file: the file.
            parameters: the query string of SQLite's file URI, as in "mode=rw".
        """
        # UnicodeDecodeError: a message of SQLite quotes bytes of the file that are not UTF-8.
        # MemoryError: a value or the result of a query is larger than the memory.
        super().__init__(str(file.path), sqlite3.Error, UnicodeDecodeError, MemoryError)
        self._file = file
        self._is_open = True
        self._action = "write"  # of statements; "read" in a transaction that only reads
        with self._converted_errors("open"):
            self._driver = sqlite3.connect(
                f"{file.real_path.as_uri()}?{parameters}",
                uri=True,
                timeout=LOCK_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # any thread may close the storage
            )
            try:
                self._set_up()
            except BaseException:
                self._driver.close()
                raise

    def _set_up(self) -> None:
        for name, function in FUNCTIONS.items():
            self._driver.create_function(name, 2, function, deterministic=True)
        self._driver.execute("PRAGMA synchronous = FULL")
        self._driver.execute("PRAGMA trusted_schema = OFF")  # the file may be hostile
        self._driver.set_progress_handler(_check_signals, CHECK_INTERVAL)

    @property
    @override
    def is_open(self) -> bool:
        return self._is_open

    @override
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._converted_errors("read"):
            return self._driver.execute(sql, parameters).fetchall()

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._converted_errors(self._action):
            return self._driver.execute(sql, parameters).rowcount

    @override
    def insert_rows(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        placeholders = ", ".join("?" * len(columns.split(", ")))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({placeholders})"
        with self._converted_errors("write"):
            self._driver.executemany(sql, rows)

    @override
    def insert_new(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        placeholders = ", ".join("?" * len(columns.split(", ")))
        sql = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({placeholders})"
        if len(rows) >= _MANY_ROWS:  # in no order of their names: every page is needed again
            self.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        with self._converted_errors("write"):
            self._driver.executemany(sql, rows)

    @override
    def add_rollups(self, table: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        placeholders = ", ".join("?" * len(rows[0]))
        upsert = upsert_clause(table, self.dialect)
        with self._converted_errors("write"):
            self._driver.executemany(f"INSERT INTO {table} VALUES ({placeholders}) {upsert}", rows)

    @override
    @contextmanager
    def write_transaction(self, *, exclusive: bool = True) -> Iterator[None]:
        """Run a block in a transaction; our writers queue at the lock file, others at SQLite's."""
        self._file.check_writable()  # the file may have been opened for reading
        with self._file.exclusive(), super().write_transaction(exclusive=exclusive):
            yield

    @override
    def begin(self, *, write: bool) -> None:
        # A transaction that begins by reading cannot always be upgraded (SQLITE_BUSY_SNAPSHOT).
        self._action = "write" if write else "read"
        with self._converted_errors(self._action):
            self._driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    @override
    def end(self, *, commit: bool) -> None:
        try:
            if commit:
                with self._converted_errors(self._action):
                    self._driver.execute("COMMIT")
        finally:
            self._action = "write"
            if self._driver.in_transaction:  # SQLite rolls back by itself after some errors
                self._driver.rollback()

    @override
    def lock_writers(self, *, exclusive: bool) -> None:
        pass  # `write_transaction` holds the lock

    @override
    def explain(self, statement: Statement) -> list[str]:
        rows = self.fetch(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        depth = {0: -1}
        for number, parent, *_ in rows:
            depth[number] = depth[parent] + 1
        return ["  " * depth[row[0]] + str(row[3]) for row in rows]

    @override
    def read_version(self) -> int | None:
        with self.read_transaction():  # one snapshot: another process may create the tables now
            ((version,),) = self.fetch("PRAGMA user_version")
            ((application,),) = self.fetch("PRAGMA application_id")
            objects = self.fetch(READ_OBJECTS)
        if application == APPLICATION_ID and version:
            if 0 < version <= schema.current_version():
                self._check_tables(objects, version)
            return int(version)
        if objects:
            raise StorageError(
                f"{self._location} is a database of another program; nothing was changed; "
                "choose another file",
                self._location,
            )
        return None

    def _check_tables(self, objects: list[Row], version: int) -> None:
        problem = find_foreign_object(objects, version, self.dialect)
        if problem is not None:
            raise StorageError(
                f"cannot use the store {self._location}: {problem}, so another program has "
                "changed the database; nothing was read or changed; undo that change, or restore a "
                "backup",
                self._location,
            )

    @override
    def write_version(self, version: int) -> None:
        self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.execute(f"PRAGMA user_version = {version}")

    @override
    def missing_views(self, names: Collection[str]) -> list[str]:
        sql = "SELECT lower(name), type, sql FROM sqlite_master WHERE type IN ('table', 'view')"
        there = {name: text if kind == "view" else None for name, kind, text in self.fetch(sql)}
        return [name for name in names if name not in there or is_outdated(there[name])]

    @override
    def create_view(self, name: str, mark: str, query: str) -> None:
        self.execute(f"DROP VIEW IF EXISTS {name}")
        self.execute(f"CREATE VIEW {name} AS /* {mark} */ {query}")

    @override
    def check_integrity(self) -> list[str]:
        try:
            rows = self.fetch("PRAGMA integrity_check(20)")
        except DamagedStoreError as exc:
            return [exc.reason]
        lines = [line for row in rows for line in str(row[0]).splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")]

    @override
    def _describe(self, error: Exception) -> str:
        return str(error) or "not enough memory"  # a MemoryError has no text

    @override
    def _is_damage(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:  # raised by the sqlite3 module itself: a text is not UTF-8
            return isinstance(error, sqlite3.OperationalError | UnicodeDecodeError)
        # Our statements are correct, so a general error is due to the data: JSON is malformed.
        return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)

    @override
    @contextmanager
    def _converted_errors(self, action: str) -> Iterator[None]:
        """Raise the driver's exceptions as StorageError, or KeyboardInterrupt after Ctrl-C."""
        try:
            with super()._converted_errors(action):
                yield
        except StorageError as exc:
            if _was_interrupted(exc.__cause__):
                raise KeyboardInterrupt from None
            raise

    @override
    def close(self) -> None:
        """Close the connection; the last one of all processes also removes the write-ahead log."""
        self._is_open = False
        with self._converted_errors("close"):
            self._driver.close()


def _check_signals() -> int:
    """Let Python handle signals during a query: SQLite ends the query if a handler raises."""
    return 0


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether SQLite ended a query because a signal's handler raised an exception.

    sqlite3 drops the exception of a function, and has no error code for that: only the text shows
    it. With another text, Ctrl-C during a search would be reported as damage; nothing else
    depends on it. `FUNCTIONS` raise no other exceptions.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_INTERRUPT or (
        code == sqlite3.SQLITE_ERROR and str(error) == "user-defined function raised exception"
    )
