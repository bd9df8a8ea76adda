"""Sessions in an SQLite file, by the standard library's driver."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from pytest_insight import locations
from pytest_insight._util.files import PRIVATE_FILE, make_private_folder, write_protected
from pytest_insight.errors import StorageError
from pytest_insight.storage.sql.connection import Connection, added_up
from pytest_insight.storage.sql.dialect import Condition, Dialect, Statement
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.sqlite.detection import register_owner
from pytest_insight.storage.sql.storage import SQLStorage
from pytest_insight.storage.store_file import StoreFile, store_exists

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile

LOCK_SECONDS = 60.0
"""How long a writer waits for another before it gives up."""

APPLICATION_ID = 0x70_49_6E_73
"""What the file's header says about whose it is ("pIns")."""

_LONGEST_GLOB = 10_000
"""Characters of a pattern; it takes 50,000 bytes."""
_HAS_ARROW = sqlite3.sqlite_version_info >= (3, 38)


class SQLiteDialect(Dialect):
    """SQLite's; patterns that it does not have are functions of Python's."""

    types: ClassVar[Mapping[str, str]] = {
        "key": "INTEGER",
        "real": "REAL",
        "json": "TEXT",
        "clustered": " WITHOUT ROWID",
    }
    greater: ClassVar[str] = "max"
    less: ClassVar[str] = "min"

    def text_in(self, column: str, field: str) -> str:
        """By a path."""
        return f"coalesce(json_extract({column}, '$.{field}'), '')"

    def contains(self, column: str, text: str) -> Condition:
        """By `instr`: LIKE knows neither case nor how to take `%` literally."""
        return Condition(f"instr({column}, ?) > 0", (text,))

    def matches(self, column: str, pattern: str) -> Condition:
        """By GLOB where it means the same: it has other sets, and no `[` without an end."""
        if "[" in pattern or len(pattern) > _LONGEST_GLOB:
            return Condition(f"insight_matches({column}, ?)", (pattern,))
        return Condition(f"{column} GLOB ?", (pattern,))

    def searches(self, column: str, pattern: str) -> Condition:
        """By Python's own."""
        return Condition(f"insight_searches({column}, ?)", (pattern,))

    def by_code_point(self, column: str) -> str:
        """As it orders anyway: by the bytes of UTF-8."""
        return column

    def any_of(self, column: str, numbers: Collection[int]) -> Condition:
        """By one parameter, a list in JSON."""
        return _in_json(column, list(numbers))

    def any_text_of(self, column: str, texts: Collection[str]) -> Condition:
        """By one parameter, a list in JSON."""
        return _in_json(column, list(texts))

    def member(self, column: str, path: Sequence[str]) -> Condition | None:
        """By a path."""
        said = _json_path(path)
        return None if said is None else Condition(f"json_extract({column}, ?)", (said,))

    def fact(self, column: str, paths: Sequence[Sequence[str]]) -> Condition | None:
        """By the path of the first one that has a type: null has one too."""
        said = [_json_path(path) for path in paths]
        if None in said or not _HAS_ARROW:
            return None
        kind = f"json_type({column}, ?)"
        cases = (
            f"WHEN {kind} IS NOT NULL THEN CASE {kind} WHEN 'text' THEN json_extract({column}, ?)"
            f" WHEN 'null' THEN NULL ELSE {column} -> ? END"
        )
        parameters = tuple(path for path in said for _ in range(cases.count("?")))
        return Condition(f"CASE {' '.join([cases] * len(said))} END", parameters)


def _in_json(column: str, values: list[Any]) -> Condition:
    text = msgspec.json.encode(values).decode()
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (text,))


def _json_path(path: Sequence[str]) -> str | None:
    """A path of JSON; None where a name would need an escape, which not every release reads."""
    if any(not name or msgspec.json.encode(name) != f'"{name}"'.encode() for name in path):
        return None
    return "$" + "".join(f'."{name}"' for name in path)


class SQLiteConnection(Connection):
    """One connection to a file."""

    dialect: ClassVar[Dialect] = SQLiteDialect()

    def __init__(self, file: StoreFile, how: str) -> None:
        """Open it.

        Args:
            file: it is there, if empty.
            how: parameters of SQLite's for it, as "mode=rw".
        """
        super().__init__()
        self._file = file
        self._location = str(file.path)
        self._open = True
        with self._errors_named("open"):
            self._driver = sqlite3.connect(
                f"{file.real_path.as_uri()}?{how}",
                uri=True,
                timeout=LOCK_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # closed by whoever closes the storage
            )
            for function, name in _FUNCTIONS:
                self._driver.create_function(name, 2, function, deterministic=True)
            self._driver.execute("PRAGMA synchronous = FULL")

    @property
    def usable(self) -> bool:
        """Until it is closed."""
        return self._open

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        with self._errors_named("read"):
            return self._driver.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows were changed."""
        with self._errors_named("write"):
            return self._driver.execute(sql, parameters).rowcount

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """One prepared INSERT, run for each."""
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        with self._errors_named("write"):
            self._driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)

    def add_names(self, table: str, column: str, rows: Sequence[Row]) -> None:
        """Nobody else writes meanwhile, so they are missing."""
        self.load(table, ("id", column), rows)

    @contextmanager
    def writing(self, *, whole: bool = True) -> Iterator[None]:
        """Writers wait for each other at our lock; for other programs at SQLite's own."""
        self._file.check_writable()  # it may have been opened for reading
        with self._file.lock.held(), super().writing(whole=whole):
            yield

    def add_up(self, table: str, rows: Sequence[Row]) -> None:
        """One prepared statement, run for each."""
        if not rows:
            return
        with self._errors_named("write"):
            self._driver.executemany(
                f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"
                f" {added_up(table, self.dialect)}",
                rows,
            )

    def begin(self, *, write: bool) -> None:
        """What is to be written begins as such: a reader that goes on to write may not."""
        with self._errors_named("write" if write else "read"):
            self._driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def end(self, *, keep: bool) -> None:
        """A commit that fails is undone."""
        try:
            if keep:
                with self._errors_named("write"):
                    self._driver.execute("COMMIT")
        finally:
            if self._driver.in_transaction:  # SQLite itself ends it on some errors
                self._driver.rollback()

    def keep_others_out(self, *, whole: bool) -> None:
        """They are already."""

    def plan(self, statement: Statement) -> list[str]:
        """As a tree."""
        found = self.rows(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        depth = {0: -1}
        for number, parent, *_ in found:
            depth[number] = depth[parent] + 1
        return ["  " * depth[row[0]] + str(row[3]) for row in found]

    def found_version(self) -> int | None:
        """The file's own number; one that is empty has none."""
        (version,) = self.rows("PRAGMA user_version")[0]
        (application,) = self.rows("PRAGMA application_id")[0]
        if application == APPLICATION_ID and version:
            return int(version)
        if self.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
            raise StorageError(
                f"{self._location} is a database of another program; nothing was changed: "
                "name another file",
                self._location,
            )
        return None

    def note_version(self, version: int) -> None:
        """In the file's header."""
        self.change(f"PRAGMA application_id = {APPLICATION_ID}")
        self.change(f"PRAGMA user_version = {version}")

    def damage(self) -> list[str]:
        """By SQLite's own check."""
        found = [str(row[0]) for row in self.rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """The last one of all processes also tidies up the log."""
        self._open = False
        with self._errors_named("close"):
            self._driver.close()

    @contextmanager
    def _errors_named(self, deed: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            kept = "; what was saved before is intact" if deed == "write" else ""
            raise StorageError(
                f"cannot {deed} the store {self._location}: {exc}{kept}", self._location
            ) from exc


def _matches(text: str | None, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return text is not None and fnmatchcase(text, pattern)


def _searches(text: str | None, pattern: str) -> bool:
    import re

    return text is not None and re.search(pattern, text) is not None


_FUNCTIONS: list[tuple[Callable[[str | None, str], bool], str]] = [
    (_matches, "insight_matches"),
    (_searches, "insight_searches"),
]


class SQLiteStorage(SQLStorage):
    """Sessions in an SQLite file.

    Readers and one writer at a time work side by side (its write-ahead log, beside the file as
    `-wal` and `-shm` while it is in use). Writers queue at a lock (`<file>.lock`, which stays).
    A symbolic link is followed.
    """

    storage_type: ClassVar[str] = "sqlite"

    def __init__(
        self, file_path: str | os.PathLike[str] | None = None, *, lock_seconds: float = LOCK_SECONDS
    ) -> None:
        """Nothing is created or opened before it is needed.

        Args:
            file_path: the file; without, the default profile's.
            lock_seconds: how long to wait for another writer.
        """
        super().__init__()
        self.path = (
            locations.absolute(file_path) if file_path else locations.store_path(suffix=".db")
        )
        self._file = StoreFile(self.path, lock_seconds)

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
        """Hold the lock."""
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

    def has_connection_to(self, real_path: str) -> bool:
        """Whether this process has a connection, and to that file; see `sqlite_files`."""
        mine = any(process == os.getpid() for process, _ in list(self._connections))
        return mine and str(self._file.real_path) == real_path

    def _connect(self, *, create: bool) -> SQLiteConnection | None:
        register_owner(self)
        there = store_exists(self.path)
        if create and (not there or not self._file.real_path.stat().st_size):
            self._create()
        elif not there:
            return None
        if write_protected(self._file.real_path) is None:
            return SQLiteConnection(self._file, "mode=rw")
        from pytest_insight.storage.sql.sqlite.read_only import opened  # most may be written

        return opened(self._file)

    def _create(self) -> None:
        """An empty database that only its owner can read, as its logs will be then."""
        path = self._file.real_path
        self._file.check_writable()
        with self._file.write_lock():
            make_private_folder(path.parent)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
            with closing(SQLiteConnection(self._file, "mode=rw")) as connection:
                connection.rows("PRAGMA journal_mode = WAL")
