"""Write and delete what the analysis reads of sessions, inside the caller's transaction."""

from __future__ import annotations

from pytest_insight.storage.sql.connection import Connection
from pytest_insight.storage.sql.runs.rows import REASON_COLUMNS, RUN_COLUMNS, RunRows


class RunWriter:
    """Writes and deletes the runs of sessions; their rows have the suite and the counts.

    Call `finish` before the end of the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._suites: set[int] = set()
        self._reasons: set[int] = set()
        self._maybe_unused: set[int] = set()
        self._has_deleted = False

    def write(self, rows: RunRows) -> None:
        """Write the runs of a session that has none, with its suite and the reasons."""
        if rows.suite not in self._suites:
            self._suites.add(rows.suite)
            sql = "SELECT 1 FROM insight_suites WHERE id = ?"
            if not self._connection.fetch(sql, (rows.suite,)):  # it is long
                suite = (rows.suite, rows.tests)
                self._connection.insert_new("insight_suites", "id, tests", [suite])
        # Sorted by key, so that two writers that insert the same reasons cannot deadlock.
        new = sorted(rows.reasons.keys() - self._reasons)
        if new:
            reasons = [rows.reasons[key] for key in new]
            self._connection.insert_new("insight_reasons", REASON_COLUMNS, reasons)
            self._reasons.update(new)
        if rows.runs:
            self._connection.insert_rows("insight_runs", RUN_COLUMNS, rows.runs)

    def delete(self, session: int) -> None:
        """Delete the runs of a session; the transaction holds the exclusive lock."""
        self._has_deleted = True
        sql = "SELECT DISTINCT reason FROM insight_runs WHERE session = ? AND reason IS NOT NULL"
        self._maybe_unused.update(row[0] for row in self._connection.fetch(sql, (session,)))
        self._connection.execute("DELETE FROM insight_runs WHERE session = ?", (session,))

    def finish(self) -> None:
        """Delete the suites and reasons that nothing refers to any more."""
        if not self._has_deleted:
            return
        self._connection.execute(
            "DELETE FROM insight_suites WHERE NOT EXISTS"
            " (SELECT 1 FROM insight_sessions s WHERE s.suite = insight_suites.id)"
        )
        if not self._maybe_unused:
            return
        is_one = self._connection.dialect.in_numbers("id", self._maybe_unused)
        is_used = self._connection.dialect.in_numbers("reason", self._maybe_unused)
        # One pass over the runs: an index on the reasons would take as much space as they do.
        self._connection.execute(
            f"DELETE FROM insight_reasons WHERE {is_one.sql}"
            f" AND id NOT IN (SELECT reason FROM insight_runs WHERE {is_used.sql})",
            is_one.parameters + is_used.parameters,
        )
