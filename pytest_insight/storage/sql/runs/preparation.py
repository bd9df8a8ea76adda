"""Prepare the sessions that an earlier pytest-insight has saved for the analysis, in small shares.

To prepare a million results takes some seconds, too long for saving one session. So the first write
of a process prepares the newest sessions, up to a number of results; a repair prepares all. Until
then, what is not prepared is read in full.
"""

from __future__ import annotations

from pytest_insight._util.progress import counted
from pytest_insight.filters import Selection
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.reader import Candidate, Reader, split_batches
from pytest_insight.storage.sql.rows import hash_key
from pytest_insight.storage.sql.runs.rows import run_rows
from pytest_insight.storage.sql.runs.writer import RunWriter

SHARE = 200_000
"""Results of a share; they take about a second."""
BATCH = 20_000
"""Results of a transaction, unless a single session has more."""


def is_all_prepared(connection: Connection) -> bool:
    """Return whether no session was saved by an earlier pytest-insight and is not prepared yet."""
    missing = "SELECT 1 FROM insight_sessions WHERE suite IS NULL LIMIT 1"
    return connection.has_runs and not connection.fetch(missing)


def prepare(connection: Connection, share: int | None = SHARE) -> None:
    """Prepare the newest of the sessions that are not prepared; damaged ones are left as they are.

    Args:
        connection: outside a transaction, or in one that holds the exclusive lock.
        share: how many results at most, but at least one session; None for all.
    """
    rows = connection.fetch("SELECT id FROM insight_sessions WHERE suite IS NULL")
    if not rows:
        return
    missing = {key for (key,) in rows}
    reader = Reader(connection, Selection().resolved(), _ignore)
    chosen = []
    left = share
    for session in reader.find_sessions():
        if session.key in missing and (left is None or left > 0):
            chosen.append(session)
            left = None if left is None else left - session.results
    batches = list(split_batches(chosen, BATCH))
    for batch in counted(batches, "preparing sessions for verdicts"):
        try:
            _prepare_batch(connection, reader, batch)
        except DamagedStoreError:
            continue  # `verify` says what is damaged


def _prepare_batch(connection: Connection, reader: Reader, batch: list[Candidate]) -> None:
    with connection.write_transaction():
        writer = RunWriter(connection)
        in_batch = connection.dialect.in_numbers("id", [each.key for each in batch])
        rows = connection.fetch(  # another process may have replaced or prepared some
            f"SELECT id FROM insight_sessions WHERE suite IS NULL AND {in_batch.sql}",
            in_batch.parameters,
        )
        missing = {key for (key,) in rows}
        for session in reader.load_batch([each for each in batch if each.key in missing]):
            found = run_rows(session)
            writer.write(found)
            connection.execute(
                "UPDATE insight_sessions SET suite = ?, decided = ?, bad = ? WHERE id = ?",
                (found.suite, found.decided, found.bad, hash_key(session.session_id)),
            )


def _ignore(problem: str) -> None:
    """Do not report a damaged session: reading and `verify` do."""
