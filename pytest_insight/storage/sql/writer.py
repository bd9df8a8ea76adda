"""Write and delete sessions, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pytest_insight.errors import StorageError
from pytest_insight.models import TestSession
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.dialect import is_storable
from pytest_insight.storage.sql.rollups import MAX_PENDING, Rollups
from pytest_insight.storage.sql.rows import (
    DETAIL_COLUMNS,
    RESULT_COLUMNS,
    SESSION_COLUMNS,
    STARTED,
    KeyCollisionError,
    encode_rows,
    hash_key,
)
from pytest_insight.storage.sql.runs.rows import run_rows
from pytest_insight.storage.sql.runs.writer import RunWriter

# The session's row is written first, also if it is replaced: a concurrent writer of the same
# session blocks there until this transaction ends, and then sees all of it. The last line prevents
# the update of another session with the same key.
_COLUMNS = (*SESSION_COLUMNS, "suite", "decided", "bad")
_UPSERT_SESSION = (
    f"INSERT INTO insight_sessions ({', '.join(_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
    + " WHERE insight_sessions.session_id = excluded.session_id"
)

_NAMES_AT_ONCE = 50_000
"""The most names that are looked up at once: memory holds their texts twice."""


class SharedLockError(Exception):
    """A session would be replaced under the shared lock, but that needs the exclusive one.

    Never leaves `storage`.
    """


class Writer:
    """Writes and deletes sessions in one transaction; call `finish` before its end."""

    def __init__(self, connection: Connection, location: str, *, exclusive: bool) -> None:
        """Initialise a writer; nothing is written yet.

        Args:
            connection: in a write transaction.
            location: the store's path or URL, for error messages.
            exclusive: whether the transaction holds the exclusive lock.
        """
        self._connection = connection
        self._location = location
        self._exclusive = exclusive
        self._tests: dict[int, str] = {}
        self._outcomes: dict[int, str] = {}
        self._rollups = Rollups(connection)
        self._runs = RunWriter(connection)

    def write_session(self, session: TestSession) -> None:
        """Write a checked session, replacing any with the same ID.

        Raises:
            SharedLockError: it would replace one, and the lock is not exclusive.
            StorageError: it cannot be written, or two names have the same key.
        """
        try:
            rows = encode_rows(session)
        except KeyCollisionError as exc:
            raise self._collision(*exc.args) from exc
        runs = run_rows(session, dict.fromkeys(row[1] for row in rows.results))
        connection = self._connection
        by_key = ("SELECT session_id, started FROM insight_sessions WHERE id = ?", (rows.key,))
        old = connection.fetch(*by_key)
        row = (*rows.session, runs.suite, runs.decided, runs.bad)
        if connection.execute(_UPSERT_SESSION, row) != 1:
            raise self._collision(connection.fetch(*by_key)[0][0], session.session_id)
        if old or not self._exclusive:  # without the exclusive lock it may have been saved since
            self._delete_results([(rows.key, old[0][1] if old else None)])
        self._insert_names("insight_tests", "nodeid", rows.tests, self._tests)
        self._insert_names("insight_outcomes", "name", rows.outcomes, self._outcomes)
        connection.insert_rows("insight_results", RESULT_COLUMNS, rows.results)
        connection.insert_rows("insight_details", DETAIL_COLUMNS, rows.details)
        # Parts of a session under the shared lock could deadlock with those of another writer.
        size = MAX_PENDING if self._exclusive else max(len(rows.results), 1)
        for start in range(0, len(rows.results), size):
            self._rollups.add(rows.session[STARTED], rows.results[start : start + size])
        self._runs.write(runs)

    def delete_sessions(self, ids: Collection[str], *, pinned: bool) -> int:
        """Delete sessions and return how many there were.

        Args:
            ids: their IDs.
            pinned: whether to delete pinned sessions too.
        """
        ids = [each for each in set(ids) if is_storable(each)]
        dialect = self._connection.dialect
        keys = dialect.in_numbers("id", [hash_key(each) for each in ids])
        texts = dialect.in_texts("session_id", ids)
        unpinned = "" if pinned else " AND pinned = 0"
        found = self._connection.fetch(
            f"SELECT id, started FROM insight_sessions WHERE {keys.sql} AND {texts.sql}{unpinned}",
            keys.parameters + texts.parameters,
        )
        by_key = dialect.in_numbers("id", [key for key, _ in found])
        self._connection.execute(
            f"DELETE FROM insight_sessions WHERE {by_key.sql}", by_key.parameters
        )
        self._delete_results(found)
        return len(found)

    def finish(self) -> None:
        """Write the rollups, and delete what no session refers to any more."""
        self._rollups.finish()
        self._runs.finish()

    def _delete_results(self, sessions: Collection[tuple[int, int | None]]) -> None:
        """Delete the results of sessions.

        Args:
            sessions: the key and start of each; the start may be None under the shared lock.

        Raises:
            SharedLockError: there are results, and the lock is not exclusive.
        """
        for key, started in sessions:
            tests = self._connection.fetch(
                "SELECT DISTINCT test FROM insight_results WHERE session = ?", (key,)
            )
            if not tests:
                continue
            if not self._exclusive:  # a concurrent writer saved it
                raise SharedLockError
            self._rollups.mark_stale(started, [row[0] for row in tests])
            for table in ("insight_details", "insight_results"):
                self._connection.execute(f"DELETE FROM {table} WHERE session = ?", (key,))
            self._runs.delete(key)

    def _insert_names(
        self, table: str, column: str, names: Mapping[int, str], known: dict[int, str]
    ) -> None:
        """Insert the names that a table does not have yet.

        Args:
            table: the table.
            column: the column of the names.
            names: the names by key.
            known: a cache of the table's rows, which is updated.
        """
        if names.items() <= known.items():
            return
        # Sorted by key, so that two writers that insert the same names cannot deadlock.
        new = sorted(names.keys() - known.keys())
        for start in range(0, len(new), _NAMES_AT_ONCE):
            keys = new[start : start + _NAMES_AT_ONCE]
            found = self._fetch_names(table, column, keys)
            missing = [key for key in keys if key not in found]
            if missing:
                rows = [(key, names[key]) for key in missing]
                self._connection.insert_new(table, f"id, {column}", rows)
                # A concurrent writer may have inserted another name with the same key.
                found.update(self._fetch_names(table, column, missing))
            if len(found) < len(keys):
                raise self._connection.damage(f"{table} has lost a row that was just inserted")
            for key, name in found.items():
                known[key] = names[key] if names[key] == name else name  # one text, not two
        for key, name in names.items():
            if known[key] != name:
                raise self._collision(known[key], name)

    def _fetch_names(self, table: str, column: str, keys: Collection[int]) -> dict[int, str]:
        in_keys = self._connection.dialect.in_numbers("id", keys)
        sql = f"SELECT id, {column} FROM {table} WHERE {in_keys.sql}"
        return dict(self._connection.fetch(sql, in_keys.parameters))

    def _collision(self, one: str, other: str) -> StorageError:
        return StorageError(
            f"cannot save to {self._location}: {one!r} and {other!r} have the same key there; "
            "nothing was saved; rename one of them",
            self._location,
        )
