"""Sessions in a PostgreSQL database that many machines write at once, by psycopg 3."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.profiles import urls
from pytest_insight.storage.sql.connection import Connection, added_up
from pytest_insight.storage.sql.dialect import Condition, Dialect, Statement
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.storage import SQLStorage

if TYPE_CHECKING:
    import psycopg

    from pytest_insight.profiles.profile import StorageProfile

CONNECT_SECONDS = 10
"""How long a server may take to answer at all; `connect_timeout` in the URL comes first."""
LOCK_SECONDS = 60.0
"""How long a writer waits for another before it gives up."""

# Told apart from other programs' in the same database, and by the schema the tables are in: that of
# the parameter, or where there are none yet, the one they will be made in.
_LOCK = "hashtextextended('pytest-insight ' || coalesce(?::text, current_schema()), 0)"


class PostgreSQLDialect(Dialect):
    """PostgreSQL's."""

    types: ClassVar[Mapping[str, str]] = {
        "key": "BIGINT",
        "real": "DOUBLE PRECISION",
        # Not jsonb, which keeps neither the order of names nor how a number was written.
        "json": "JSON",
        "clustered": "",
    }
    greater: ClassVar[str] = "greatest"
    less: ClassVar[str] = "least"

    def text_in(self, column: str, field: str) -> str:
        """By an operator."""
        return f"coalesce(CAST({column} AS JSON) ->> '{field}', '')"

    def contains(self, column: str, text: str) -> Condition:
        """By `strpos`, which takes every character literally."""
        return Condition(f"strpos({column}, ?) > 0", (text,))

    def matches(self, column: str, pattern: str) -> Condition | None:
        """By LIKE, which has `*` and `?` by other names; a set of letters is for Python."""
        if "[" in pattern:
            return None
        like = re.sub(r"[\\%_]", r"\\\g<0>", pattern).replace("*", "%").replace("?", "_")
        return Condition(f"{column} LIKE ?", (like,))

    def searches(self, column: str, pattern: str) -> None:
        """Its regular expressions are others than Python's."""

    def by_code_point(self, column: str) -> str:
        """Whatever language the database was made for."""
        return f'{column} COLLATE "C"'

    def any_of(self, column: str, numbers: Collection[int]) -> Condition:
        """By one parameter, an array."""
        return Condition(f"{column} = ANY(?::bigint[])", (list(numbers),))

    def any_text_of(self, column: str, texts: Collection[str]) -> Condition:
        """By one parameter, an array."""
        return Condition(f"{column} = ANY(?::text[])", (list(texts),))

    def member(self, column: str, path: Sequence[str]) -> Condition:
        """Name by name: a whole path would also count through lists."""
        return Condition(f"({_within(column, path[:-1])} ->> ?::text)", tuple(path))

    def fact(self, column: str, paths: Sequence[Sequence[str]]) -> Condition:
        """By the path of the first that is there; its text is what JSON has, or the text itself."""
        cases = [
            f"WHEN {_within(column, path)} IS NOT NULL"
            f" THEN ({_within(column, path[:-1])} ->> ?::text)"
            for path in paths
        ]
        parameters = tuple(name for path in paths for _ in range(2) for name in path)
        return Condition(f"CASE {' '.join(cases)} END", parameters)


def _within(column: str, path: Sequence[str]) -> str:
    """The member at a path, with a parameter for each name of it."""
    return f"({column}{' -> ?::text' * len(path)})"


_COLUMN_TYPES = {
    "session": "int8",
    "test": "int8",
    "position": "int4",
    "outcome": "int4",
    "began": "int8",
    "duration": "float8",
    "flags": "int2",
    "worker": "text",
    "result": "text",
}
"""The types of the columns that are loaded."""
_LINE_TYPES = {
    "insight_days": "bigint int int int bigint float8 bigint bigint",
    "insight_totals": "bigint int bigint bigint float8 bigint bigint",
}
"""The types of the columns of what is summed up."""


class PostgreSQLConnection(Connection):
    """One connection to a server."""

    dialect: ClassVar[Dialect] = PostgreSQLDialect()

    def __init__(self, url: str, location: str, lock_seconds: float) -> None:
        import psycopg
        from psycopg.types.string import TextLoader

        super().__init__()
        self._location = location
        self._secrets = urls.passwords(url)
        self._errors = psycopg.Error
        self._held = 0
        self._schema: str | None = None
        seconds: Any = {} if "connect_timeout" in url else {"connect_timeout": CONNECT_SECONDS}
        with self._errors_named("open"):
            self._driver: psycopg.Connection[Row] = psycopg.connect(
                url,
                autocommit=True,
                client_encoding="utf8",
                prepare_threshold=None,  # a pool between us and the server may not know them
                **seconds,
            )
            # As it was written: what psycopg makes of JSON is not exact.
            self._driver.adapters.register_loader("json", TextLoader)
            # What a writer is told is saved has to be on the server's disk then; and durations
            # come back as they were.
            self._driver.execute(
                "SELECT set_config('lock_timeout', %s, false),"
                " set_config('extra_float_digits', '3', false),"
                " CASE WHEN current_setting('synchronous_commit') = 'off'"
                " THEN set_config('synchronous_commit', 'on', false) END",
                (f"{round(lock_seconds * 1_000)}ms",),
            )

    @property
    def keeps_out(self) -> bool:
        """While `alone`."""
        return self._held > 0

    @property
    def usable(self) -> bool:
        """Until it is closed, by us or by the other side."""
        return not (self._driver.closed or self._driver.broken)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        with self._errors_named("read"):
            return self._run(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows were changed."""
        with self._errors_named("write"):
            return self._run(sql, parameters).rowcount

    def _run(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Row]:
        # The statement is ours, and holds no "?" and no "%" but for parameters.
        statement: Any = sql.replace("?", "%s")
        return self._driver.execute(statement, parameters)

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """By COPY, in its binary form: the server need not read numbers from texts."""
        statement: Any = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with (
            self._errors_named("write"),
            self._driver.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            copy.set_types([_COLUMN_TYPES[name] for name in columns])
            for row in rows:
                copy.write_row(row)

    def add_names(self, table: str, column: str, rows: Sequence[Row]) -> None:
        """Another may add the same ones just now."""
        self.change(
            f"INSERT INTO {table} (id, {column}) SELECT * FROM unnest(?::bigint[], ?::text[])"
            " ON CONFLICT (id) DO NOTHING",
            ([row[0] for row in rows], [row[1] for row in rows]),
        )

    def add_up(self, table: str, rows: Sequence[Row]) -> None:
        """All at once, in their order."""
        if not rows:
            return
        columns = ", ".join(f"?::{name}[]" for name in _LINE_TYPES[table].split())
        self.change(
            f"INSERT INTO {table} SELECT * FROM unnest({columns}) {added_up(table, self.dialect)}",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def begin(self, *, write: bool) -> None:
        """A reader sees one state; a writer sees what others have done while it waited for them."""
        # Said in both cases: the server, the role or the URL may have other defaults.
        mode = "READ COMMITTED READ WRITE" if write else "REPEATABLE READ READ ONLY"
        self.change(f"BEGIN ISOLATION LEVEL {mode}")

    def end(self, *, keep: bool) -> None:
        """A server that is gone has undone it."""
        if keep:
            self.change("COMMIT")
        elif self.usable:
            self.change("ROLLBACK")

    def keep_others_out(self, *, whole: bool) -> None:
        """By a lock that is the database's, until the transaction ends."""
        shared = "" if whole else "_shared"
        self.rows(f"SELECT pg_advisory_xact_lock{shared}({_LOCK})", (self._schema,))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A block in which nobody else writes; one inside another is no more."""
        schema = self._schema
        if not self._held:
            self.rows(f"SELECT pg_advisory_lock({_LOCK})", (self._schema,))
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held and self.usable:  # else it ended with the connection
                self.rows(f"SELECT pg_advisory_unlock({_LOCK})", (schema,))

    def found_version(self) -> int | None:
        """In a table of its own."""
        # Not by to_regclass(), which may not know yet what another has made while we waited.
        there = self.rows(
            "SELECT schemaname FROM pg_catalog.pg_tables WHERE tablename = 'insight_format'"
            " AND schemaname = ANY(current_schemas(false))"
            " ORDER BY array_position(current_schemas(false), schemaname) LIMIT 1"
        )
        if not there:
            return None
        self._schema = there[0][0]
        return int(self.rows("SELECT version FROM insight_format")[0][0])

    def note_version(self, version: int) -> None:
        """One row."""
        (encoding,) = self.rows("SELECT current_setting('server_encoding')")[0]
        if encoding != "UTF8":
            raise StorageError(
                f"the database {self._location} is in the encoding {encoding}, which cannot hold "
                "every text: name one in UTF8",
                self._location,
            )
        self.change("CREATE TABLE IF NOT EXISTS insight_format (version INTEGER PRIMARY KEY)")
        self.change("DELETE FROM insight_format")
        self.change("INSERT INTO insight_format VALUES (?)", (version,))

    def plan(self, statement: Statement) -> list[str]:
        """As the server prints it."""
        found = self.rows(f"EXPLAIN {statement.sql}", statement.parameters)
        return [str(row[0]) for row in found]

    def damage(self) -> list[str]:
        """What is on the server's disk is for its administrator to check."""
        return []

    def close(self) -> None:
        """Undoes what is under way."""
        self._driver.close()

    @contextmanager
    def _errors_named(self, deed: str) -> Iterator[None]:
        try:
            yield
        except self._errors as exc:
            said = " ".join(str(exc).split())
            for secret in self._secrets:
                said = said.replace(secret, urls.HIDDEN)
            kept = "; what was saved before is intact" if deed == "write" else ""
            raise StorageError(
                f"cannot {deed} the store {self._location}: {said}{kept}", self._location
            ) from exc


class PostgreSQLStorage(SQLStorage):
    """Sessions in a PostgreSQL database.

    Many machines may write at once: single sessions are saved side by side. The tables are made by
    the first save, in the schema that comes first in the search path. The password comes from the
    URL, else from PGPASSWORD, `~/.pgpass` or a service file; it is never printed.
    """

    storage_type: ClassVar[str] = "postgresql"

    def __init__(self, url: str, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """Nothing is connected to before it is needed.

        Args:
            url: as `postgresql://user@host/database`.
            lock_seconds: how long to wait for another writer.

        Raises:
            ProfileError: the URL is not valid.
            StorageError: psycopg is not installed.
        """
        urls.check_url(url)
        super().__init__()
        self.url = url
        self._lock_seconds = lock_seconds
        if find_spec("psycopg") is None:  # imported when it is connected
            raise StorageError(
                "a postgresql storage needs psycopg: pip install 'pytest-insight[postgresql]'",
                self.location,
            )

    @classmethod
    def from_profile(cls, profile: StorageProfile) -> Self:
        """The storage at the profile's URL."""
        if profile.url is None:
            raise ProfileError(f"the profile {profile.name!r} has no URL", profile.name)
        storage = cls(profile.url)
        storage.exchange = profile.exchange
        return storage

    @property
    def location(self) -> str:
        """The URL without user, password and parameters."""
        return urls.shown(self.url)

    @property
    def identity(self) -> str:
        """The URL without its password: a parameter may name another server or schema."""
        return urls.without_password(self.url)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the database's lock, on this thread's connection."""
        connection = self._writer()
        assert isinstance(connection, PostgreSQLConnection)  # noqa: S101 - for the type checker
        with connection.alone():
            yield

    def waiting(self, seconds: float) -> Self:
        """Another object for the same database."""
        other = type(self)(self.url, lock_seconds=seconds)
        other.exchange = self.exchange
        return other

    def _connect(self, *, create: bool) -> PostgreSQLConnection:  # noqa: ARG002 - a server is there
        return PostgreSQLConnection(self.url, self.location, self._lock_seconds)
