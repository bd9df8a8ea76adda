"""Examine a database: what can be read, and whether what is derived from it is right."""

from __future__ import annotations

from pytest_insight.errors import StorageError, list_first
from pytest_insight.filters import ANY_TIME, Selection, SessionIdIn
from pytest_insight.models import TestSession
from pytest_insight.storage.sql import rollups
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.reader import Reader
from pytest_insight.storage.sql.rows import hash_key
from pytest_insight.storage.sql.runs.preparation import prepare
from pytest_insight.storage.sql.runs.rows import REASON_COLUMNS, RUN_COLUMNS, run_rows
from pytest_insight.storage.verification import Verification

MAX_DAMAGE = 20
"""Damaged parts that an error message lists; `verify` lists all."""


def examine(connection: Connection) -> tuple[Verification, list[str]]:
    """Return what can be read and what cannot, and apart from that what is derived wrongly.

    It runs the database's own check, reads every session, finds its runs again, and recounts the
    rollups.
    """
    damage = connection.check_integrity()
    sessions = results = wrong_runs = 0
    future = []
    reader = Reader(connection, Selection().resolved(), damage.append)
    try:
        for session in reader.iter_sessions(newest_first=False):
            sessions += 1
            results += len(session.test_results)
            wrong_runs += _has_wrong_runs(connection, session)
            if not ANY_TIME.matches(session):
                future.append(session.session_id)
    except DamagedStoreError as exc:
        damage.append(f"{exc.reason}; more sessions cannot be listed")
    try:
        with connection.read_transaction():
            wrong = rollups.count_wrong_totals(connection)
    except DamagedStoreError as exc:
        totals = [f"the totals per test and outcome cannot be read: {exc.reason}"]
    else:
        message = f"{wrong:,} totals per test and outcome do not match the results"
        totals = [message] if wrong else []
    if wrong_runs:
        sessions_text = "session does" if wrong_runs == 1 else "sessions do"
        totals.append(f"the runs of {wrong_runs:,} {sessions_text} not match the results")
    found = Verification(
        sessions,
        results,
        tuple(dict.fromkeys(damage)),
        future=tuple(future),
        repairable=not damage,
    )
    return found, totals


def refuse_damage(found: Verification, location: str) -> None:
    """Raise StorageError if something is damaged, which only the database's own tools may mend."""
    if found.damage:
        named = "; ".join(list_first(found.damage, most=MAX_DAMAGE))
        raise StorageError(
            f"{location} is damaged and was not changed: {named}; {found.remedy}", location
        )


def mend(connection: Connection, *, everything: bool) -> None:
    """Prepare the sessions that are not prepared for the analysis.

    Args:
        connection: for writing.
        everything: recount the rollups first, and prepare all sessions.
    """
    if everything:
        with connection.write_transaction():
            rollups.rebuild(connection)
            connection.execute("UPDATE insight_sessions SET suite = NULL")
            for table in ("insight_runs", "insight_suites", "insight_reasons"):
                connection.execute(f"DELETE FROM {table}")
    prepare(connection, share=None)


def _has_wrong_runs(connection: Connection, session: TestSession) -> bool:
    """Return whether what the analysis reads of a session is not what its results say."""
    if not connection.has_runs or _stored_runs(connection, session) in (None, _found_runs(session)):
        return False
    with connection.read_transaction():  # it may have been replaced since it was read
        of_id = Selection((SessionIdIn(frozenset((session.session_id,))),))
        again = list(Reader(connection, of_id, lambda _: None).iter_sessions(newest_first=False))
        return any(_stored_runs(connection, each) != _found_runs(each) for each in again)


def _found_runs(session: TestSession) -> tuple[object, ...]:
    rows = run_rows(session)
    reasons = sorted(row[:_STABLE_FIELDS] for row in rows.reasons.values())
    return (rows.tests, rows.decided, rows.bad, rows.runs, reasons)


def _stored_runs(connection: Connection, session: TestSession) -> tuple[object, ...] | None:
    """Return what is stored, in the form of `_found_runs`; None if it is not prepared."""
    key = (hash_key(session.session_id),)
    rows = connection.fetch(
        "SELECT s.suite, u.tests, s.decided, s.bad FROM insight_sessions s"
        " LEFT JOIN insight_suites u ON u.id = s.suite WHERE s.id = ?",
        key,
    )
    if not rows or rows[0][0] is None:
        return None
    _, tests, decided, bad = rows[0]
    sql = f"SELECT {RUN_COLUMNS} FROM insight_runs WHERE session = ? ORDER BY test"
    runs = connection.fetch(sql, key)
    reasons = connection.fetch(
        f"SELECT {REASON_COLUMNS} FROM insight_reasons WHERE id IN"
        " (SELECT reason FROM insight_runs WHERE session = ?) ORDER BY id",
        key,
    )
    return (tests, decided, bad, runs, [row[:_STABLE_FIELDS] for row in reasons])


_STABLE_FIELDS = REASON_COLUMNS.split(", ").index("cause")
"""How many fields of a reason do not depend on the version of the rules."""
