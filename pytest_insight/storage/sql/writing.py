"""Writing and deleting sessions, inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pytest_insight.document import clean_text
from pytest_insight.errors import StorageError
from pytest_insight.models import TestSession
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.keys import key_of
from pytest_insight.storage.sql.rows import (
    RESULT_COLUMNS,
    SESSION_COLUMNS,
    TEXT_COLUMNS,
    TestKeysClashError,
    rows_of,
)

# The row of the session comes first, also where it is replaced: a writer of the same session waits
# there until this one is done, and then finds all of it. The second line is no update of another
# session that has the same key.
_SAVE = (
    f"INSERT INTO insight_sessions ({', '.join(SESSION_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(SESSION_COLUMNS))}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in SESSION_COLUMNS[2:])
    + " WHERE insight_sessions.session_id = excluded.session_id"
)


class Writer:
    """Writes sessions in one transaction; knows which tests it has written already."""

    def __init__(self, connection: Connection, location: str) -> None:
        self._connection = connection
        self._location = location
        self._tests: dict[int, str] = {}

    def write(self, session: TestSession) -> None:
        """Write a checked session in the place of one with its ID.

        Raises:
            StorageError: it cannot be written, or two names have one key.
        """
        try:
            rows = rows_of(session)
        except TestKeysClashError as exc:
            raise self._clash(*exc.args) from exc
        connection = self._connection
        if connection.change(_SAVE, rows.session) != 1:
            of_that_key = "SELECT session_id FROM insight_sessions WHERE id = ?"
            raise self._clash(connection.rows(of_that_key, (rows.key,))[0][0], session.session_id)
        for table in ("insight_texts", "insight_results"):
            connection.change(f"DELETE FROM {table} WHERE session = ?", (rows.key,))
        self._add_tests(rows.tests)
        connection.load("insight_results", RESULT_COLUMNS, rows.results)
        connection.load("insight_texts", TEXT_COLUMNS, rows.texts)

    def _add_tests(self, tests: Mapping[int, str]) -> None:
        new = {key: nodeid for key, nodeid in tests.items() if key not in self._tests}
        if new:
            self._read_tests(new)
        missing = sorted(key for key in new if key not in self._tests)
        if missing:
            # By their keys: two writers who add the same ones must meet them in one order.
            self._connection.add_tests([(key, tests[key]) for key in missing])
            self._read_tests(missing)  # another may have added another test of that key just now
        for key, nodeid in tests.items():
            if self._tests[key] != nodeid:
                raise self._clash(self._tests[key], nodeid)

    def _read_tests(self, keys: Collection[int]) -> None:
        which = self._connection.dialect.any_of("id", keys)
        self._tests.update(
            (key, nodeid)
            for key, nodeid in self._connection.rows(
                f"SELECT id, nodeid FROM insight_tests WHERE {which.sql}",
                which.parameters,
            )
        )

    def delete(self, ids: Collection[str], *, pinned: bool) -> int:
        """Delete sessions, pinned ones only where told to; returns how many there were."""
        names = [name for name in set(ids) if clean_text(name) == name]
        connection, dialect = self._connection, self._connection.dialect
        keys = dialect.any_of("id", [key_of(name) for name in names])
        texts = dialect.any_text_of("session_id", names)
        loose = "" if pinned else " AND pinned = 0"
        where = f"{keys.sql} AND {texts.sql}{loose}"
        values = keys.parameters + texts.parameters
        found = connection.rows(f"SELECT id FROM insight_sessions WHERE {where}", values)
        count = connection.change(f"DELETE FROM insight_sessions WHERE {where}", values)
        gone = {row[0] for row in found}
        if count != len(gone):  # another was quicker with one of them, or pinned it
            left = dialect.any_of("id", gone)
            gone -= {
                row[0]
                for row in connection.rows(
                    f"SELECT id FROM insight_sessions WHERE {left.sql}",
                    left.parameters,
                )
            }
        for table in ("insight_texts", "insight_results"):
            which = dialect.any_of("session", gone)
            connection.change(f"DELETE FROM {table} WHERE {which.sql}", which.parameters)
        return count

    def _clash(self, one: str, other: str) -> StorageError:
        return StorageError(
            f"cannot save to {self._location}: {one!r} and {other!r} have the same key there; "
            "nothing was saved; rename one of them",
            self._location,
        )
