"""Connections to a PostgreSQL server, through psycopg 3."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_insight._util.override import override
from pytest_insight.errors import StorageError
from pytest_insight.passwords import HIDDEN
from pytest_insight.profiles import urls
from pytest_insight.storage.sql.connection import Connection, upsert_clause
from pytest_insight.storage.sql.dialect import Statement
from pytest_insight.storage.sql.postgresql.dialect import PostgreSQLDialect
from pytest_insight.storage.sql.rows import Row
from pytest_insight.storage.sql.views import is_outdated

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
"""How long a server may take to accept a connection, unless the URL sets `connect_timeout`."""

# The advisory lock of a schema. The prefix keeps it apart from other programs' locks; the parameter
# is the schema of the tables, or NULL until they exist: they are created in the current schema.
_LOCK_KEY = "hashtextextended('pytest-insight ' || coalesce(?::text, current_schema()), 0)"

_COLUMN_TYPES = {
    "insight_results": "int8 int8 int4 int4 int8 float8 int2 text",
    "insight_details": "int8 int4 int4 int8 int8 float8 int2 text text",
    "insight_days": "int8 int4 int4 int4 int8 float8 int8 int8",
    "insight_totals": "int8 int4 int8 int8 float8 int8 int8",
    "insight_runs": "int8 int8 int4 int4 float8 int8",
    "insight_tests": "int8 text",
    "insight_outcomes": "int8 text",
    "insight_suites": "int8 bytea",
    "insight_reasons": "int8 text text text int2 text text text",
}
"""The column types of the tables that many rows are inserted into."""


class PostgreSQLConnection(Connection):
    """A connection to a PostgreSQL server."""

    dialect: ClassVar[PostgreSQLDialect] = PostgreSQLDialect()

    def __init__(self, url: str, location: str, lock_seconds: float) -> None:
        """Connect to the server.

        Args:
            url: the URL of the database.
            location: the URL without its password, for error messages.
            lock_seconds: how long to wait for another writer.
        """
        import psycopg

        super().__init__(location, psycopg.Error)
        self._passwords = urls.passwords(url)
        self._lock_depth = 0
        self._action = "write"  # of statements; "read" in a transaction that only reads
        self._schema: str | None = None
        timeout: Any = {} if "connect_timeout" in url else {"connect_timeout": CONNECT_SECONDS}
        with self._converted_errors("open"):
            self._driver: psycopg.Connection[Row] = psycopg.connect(
                url,
                autocommit=True,
                client_encoding="utf8",
                prepare_threshold=None,  # connection poolers may lose prepared statements
                **timeout,
            )
            try:
                self._set_up(lock_seconds)
            except BaseException:
                self._driver.close()
                raise

    def _set_up(self, lock_seconds: float) -> None:
        from psycopg.types.string import TextLoader

        # JSON as text: psycopg would decode numbers inexactly.
        self._driver.adapters.register_loader("json", TextLoader)
        # Override server settings: a commit must be on disk, and floats must be exact.
        self._driver.execute(
            "SELECT set_config('lock_timeout', %s, false),"
            " set_config('extra_float_digits', '3', false),"
            " CASE WHEN current_setting('synchronous_commit') = 'off'"
            " THEN set_config('synchronous_commit', 'on', false) END",
            (f"{round(lock_seconds * 1_000)}ms",),
        )

    @property
    @override
    def holds_lock(self) -> bool:
        return self._lock_depth > 0

    @property
    @override
    def is_open(self) -> bool:
        return not (self._driver.closed or self._driver.broken)

    @override
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._converted_errors("read"):
            return self._run(sql, parameters).fetchall()

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._converted_errors(self._action):
            return self._run(sql, parameters).rowcount

    def _run(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Row]:
        # Safe: our statements contain "?" only as placeholders, and no "%".
        statement: Any = sql.replace("?", "%s")
        return self._driver.execute(statement, parameters)

    @override
    def insert_rows(self, table: str, columns: str, rows: Iterable[Row]) -> None:
        # Binary COPY is a fifth to a third faster than COPY in text format.
        statement: Any = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        with (
            self._converted_errors("write"),
            self._driver.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            copy.set_types(_COLUMN_TYPES[table].split())
            for row in rows:
                copy.write_row(row)

    @override
    def insert_new(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        arrays = ", ".join(f"?::{name}[]" for name in _COLUMN_TYPES[table].split())
        self.execute(
            f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays})"
            " ON CONFLICT (id) DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)],
        )

    @override
    def add_rollups(self, table: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        columns = ", ".join(f"?::{name}[]" for name in _COLUMN_TYPES[table].split())
        upsert = upsert_clause(table, self.dialect)
        self.execute(
            f"INSERT INTO {table} SELECT * FROM unnest({columns}) {upsert}",
            [list(column) for column in zip(*rows, strict=True)],
        )

    @override
    def begin(self, *, write: bool) -> None:
        # A writer must see what others committed while it waited for the lock. The modes are
        # explicit because the server, the role or the URL may set other defaults.
        self._action = "write" if write else "read"
        mode = "READ COMMITTED READ WRITE" if write else "REPEATABLE READ READ ONLY"
        self.execute(f"BEGIN ISOLATION LEVEL {mode}")

    @override
    def end(self, *, commit: bool) -> None:
        try:
            if commit:
                self.execute("COMMIT")
            elif self.is_open:  # otherwise the server has rolled back
                self.execute("ROLLBACK")
        finally:
            self._action = "write"

    @override
    def lock_writers(self, *, exclusive: bool) -> None:
        shared = "" if exclusive else "_shared"
        self.fetch(f"SELECT pg_advisory_xact_lock{shared}({_LOCK_KEY})", (self._schema,))

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold the exclusive writer lock for a block, across transactions; may be nested."""
        schema = self._schema
        if not self._lock_depth:
            self.fetch(f"SELECT pg_advisory_lock({_LOCK_KEY})", (schema,))
        self._lock_depth += 1
        try:
            yield
        finally:
            self._lock_depth -= 1
            if not self._lock_depth and self.is_open:  # the lock ends with the connection
                self.fetch(f"SELECT pg_advisory_unlock({_LOCK_KEY})", (schema,))

    @override
    def read_version(self) -> int | None:
        # Not to_regclass(): it may not see a table that another writer created while we waited.
        rows = self.fetch(
            "SELECT schemaname FROM pg_catalog.pg_tables WHERE tablename = 'insight_format'"
            " AND schemaname = ANY(current_schemas(false))"
            " ORDER BY array_position(current_schemas(false), schemaname) LIMIT 1"
        )
        if not rows:
            return None
        self._schema = rows[0][0]
        found = self.fetch("SELECT version FROM insight_format")
        if not found:
            raise self.damage("insight_format has no version")
        return int(found[0][0])

    @override
    def write_version(self, version: int) -> None:
        (encoding,) = self.fetch("SELECT current_setting('server_encoding')")[0]
        if encoding != "UTF8":
            raise StorageError(
                f"the database {self._location} has the encoding {encoding}, which cannot store "
                "every text; choose a database with the encoding UTF8",
                self._location,
            )
        self.execute("CREATE TABLE IF NOT EXISTS insight_format (version INTEGER PRIMARY KEY)")
        self.execute("DELETE FROM insight_format")
        self.execute("INSERT INTO insight_format VALUES (?)", (version,))

    @override
    def missing_views(self, names: Collection[str]) -> list[str]:
        # A type with the name of a view, such as an enumeration, is in its way, too.
        taken = self.fetch(
            "SELECT t.typname, obj_description(c.oid, 'pg_class'),"
            " c.relkind = 'v' AND pg_has_role(c.relowner, 'USAGE')"
            " FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid"
            " WHERE t.typnamespace = ?::regnamespace AND t.typname = ANY(?::text[])"
            " UNION ALL SELECT c.relname, NULL, false FROM pg_catalog.pg_class c"
            " WHERE c.relnamespace = ?::regnamespace AND c.relname = ANY(?::text[])"
            " AND c.reltype = 0",
            (self._quoted_schema(), list(names)) * 2,
        )
        there = {name: text if is_ours else None for name, text, is_ours in taken}
        missing = [name for name in names if name not in there or is_outdated(there[name])]
        if not missing:
            return []
        allowed = self.fetch(
            "SELECT has_schema_privilege(?::regnamespace, 'CREATE')", (self._quoted_schema(),)
        )
        return missing if allowed[0][0] else []

    def _quoted_schema(self) -> str:
        if self._schema is None:  # this connection has just created the tables
            self.read_version()
        quoted = str(self._schema).replace('"', '""')
        return f'"{quoted}"'

    @override
    def create_view(self, name: str, mark: str, query: str) -> None:
        # In the schema of the tables, which need not be the first one of the search path any more.
        view = f"{self._quoted_schema()}.{name}"
        self.execute(f"CREATE OR REPLACE VIEW {view} AS {query}")
        self.execute(f"COMMENT ON VIEW {view} IS '{mark}'")

    @override
    def explain(self, statement: Statement) -> list[str]:
        rows = self.fetch(f"EXPLAIN {statement.sql}", statement.parameters)
        return [str(row[0]) for row in rows]

    @override
    def check_integrity(self) -> list[str]:
        return []  # clients cannot check the server's files

    @override
    def close(self) -> None:
        self._driver.close()

    @override
    def _is_damage(self, error: Exception) -> bool:
        from psycopg import errors

        return isinstance(error, errors.DataCorrupted | errors.IndexCorrupted)

    @override
    def _describe(self, error: Exception) -> str:
        message = " ".join(str(error).split())
        for password in self._passwords:
            message = message.replace(password, HIDDEN)
        return message
