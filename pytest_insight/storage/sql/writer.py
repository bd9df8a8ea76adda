"""Writing and deleting sessions, inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pytest_insight._util.text import clean_text
from pytest_insight.errors import StorageError
from pytest_insight.models import TestSession
from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.keys import key_of
from pytest_insight.storage.sql.rollups import Rollups
from pytest_insight.storage.sql.rows import (
    DETAIL_COLUMNS,
    RESULT_COLUMNS,
    SESSION_COLUMNS,
    STARTED,
    KeysClashError,
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


class ReplacesError(Exception):
    """A session would take the place of another, for which others must be kept out whole.

    Never leaves storage.
    """


class Writer:
    """Writes and deletes sessions in one transaction; `finish` it before its end."""

    def __init__(self, connection: Connection, location: str, *, whole: bool) -> None:
        """Nothing is written yet.

        Args:
            connection: in a transaction that writes.
            location: for messages.
            whole: whether every other writer is kept out.
        """
        self._connection = connection
        self._location = location
        self._whole = whole
        self._tests: dict[int, str] = {}
        self._outcomes: dict[int, str] = {}
        self._rollups = Rollups(connection)

    def write(self, session: TestSession) -> None:
        """Write a checked session in the place of one with its ID.

        Raises:
            ReplacesError: there is one, and others are not kept out.
            StorageError: it cannot be written, or two names have one key.
        """
        try:
            rows = rows_of(session)
        except KeysClashError as exc:
            raise self._clash(*exc.args) from exc
        connection = self._connection
        of_key = ("SELECT session_id, started FROM insight_sessions WHERE id = ?", (rows.key,))
        old = connection.rows(*of_key)
        if connection.change(_SAVE, rows.session) != 1:
            raise self._clash(connection.rows(*of_key)[0][0], session.session_id)
        if old or not self._whole:  # else it is new, and nobody can have saved it since
            self._take_away([(rows.key, started) for _, started in old] or [(rows.key, None)])
        self._add_names("insight_tests", "nodeid", rows.tests, self._tests)
        self._add_names("insight_outcomes", "name", rows.outcomes, self._outcomes)
        connection.load("insight_results", RESULT_COLUMNS, rows.results)
        connection.load("insight_details", DETAIL_COLUMNS, rows.details)
        self._rollups.add(rows.session[STARTED], rows.results)

    def finish(self) -> None:
        """Write what is summed up."""
        self._rollups.finish()

    def _take_away(self, sessions: Collection[tuple[int, int | None]]) -> None:
        """Delete the results of sessions, by key, with when they started if that was known."""
        for key, started in sessions:
            tests = self._connection.rows(
                "SELECT DISTINCT test FROM insight_results WHERE session = ?", (key,)
            )
            if not tests:
                continue
            if not self._whole or started is None:  # another saved it meanwhile
                raise ReplacesError
            self._rollups.forget(started, [row[0] for row in tests])
            for table in ("insight_details", "insight_results"):
                self._connection.change(f"DELETE FROM {table} WHERE session = ?", (key,))

    def _add_names(
        self, table: str, column: str, names: Mapping[int, str], known: dict[int, str]
    ) -> None:
        """See to it that names are in their table.

        Args:
            table: the table.
            column: that of the names.
            names: by their keys.
            known: those that are known to be there; is added to.
        """
        if names.items() <= known.items():
            return
        new = sorted(names.keys() - known.keys())
        if new:
            known.update(self._names(table, column, new))
        # By their keys: two writers who add the same ones must meet them in one order.
        missing = [key for key in new if key not in known]
        if missing:
            self._connection.add_names(table, column, [(key, names[key]) for key in missing])
            # Another may have added another one of that key just now.
            known.update(self._names(table, column, missing))
        for key, name in names.items():
            if known[key] != name:
                raise self._clash(known[key], name)

    def _names(self, table: str, column: str, keys: Collection[int]) -> dict[int, str]:
        which = self._connection.dialect.any_of("id", keys)
        sql = f"SELECT id, {column} FROM {table} WHERE {which.sql}"
        return dict(self._connection.rows(sql, which.parameters))

    def delete(self, ids: Collection[str], *, pinned: bool) -> int:
        """Delete sessions, pinned ones only where told to; returns how many there were."""
        names = [name for name in set(ids) if clean_text(name) == name]
        dialect = self._connection.dialect
        keys = dialect.any_of("id", [key_of(name) for name in names])
        texts = dialect.any_text_of("session_id", names)
        loose = "" if pinned else " AND pinned = 0"
        found = self._connection.rows(
            f"SELECT id, started FROM insight_sessions WHERE {keys.sql} AND {texts.sql}{loose}",
            keys.parameters + texts.parameters,
        )
        gone = dialect.any_of("id", [key for key, _ in found])
        self._connection.change(f"DELETE FROM insight_sessions WHERE {gone.sql}", gone.parameters)
        self._take_away(found)
        return len(found)

    def _clash(self, one: str, other: str) -> StorageError:
        return StorageError(
            f"cannot save to {self._location}: {one!r} and {other!r} have the same key there; "
            "nothing was saved; rename one of them",
            self._location,
        )
