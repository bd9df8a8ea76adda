"""Examine a database: what can be read, and whether what is derived from it is right."""

from __future__ import annotations

from pytest_insight.errors import StorageError, list_first
from pytest_insight.filters import ANY_TIME, Selection
from pytest_insight.storage.sql import rollups
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.preparation import prepare
from pytest_insight.storage.sql.reader import Reader
from pytest_insight.storage.verification import Verification

MAX_DAMAGE = 20
"""Damaged parts that an error message lists; `verify` lists all."""


def examine(connection: Connection) -> tuple[Verification, list[str]]:
    """Return what can be read and what cannot, and apart from that what is wrong with the rollups.

    It runs the database's own check, reads every session and recounts the rollups.
    """
    damage = connection.check_integrity()
    sessions = results = 0
    future = []
    reader = Reader(connection, Selection().resolved(), damage.append)
    try:
        for session in reader.iter_sessions(newest_first=False):
            sessions += 1
            results += len(session.test_results)
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


def mend(connection: Connection) -> None:
    """Recount the rollups and prepare all sessions."""
    with connection.write_transaction():
        rollups.rebuild(connection)
    prepare(connection, share=None)
