"""Read headers: sessions without their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from pytest_insight.models import TestSession
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.reader import GROWTH, MAX_SESSIONS, Candidate, Reader
from pytest_insight.storage.sql.rows import DamagedRowsError, decode_header

FIRST_HEADERS = 30
"""Headers in the first batch, which is often enough; later ones grow."""


def iter_headers(
    connection: Connection, reader: Reader, *, newest_first: bool
) -> Iterator[TestSession]:
    """Yield the sessions that a reader finds, without those whose headers are damaged."""
    candidates: Iterable[Candidate] = (
        reader.iter_newest() if newest_first else reader.find_sessions()[::-1]
    )
    rest = iter(candidates)
    size = FIRST_HEADERS
    while batch := list(islice(rest, size)):
        yield from _load_batch(connection, reader, batch)
        size = min(size * GROWTH, MAX_SESSIONS)


def _load_batch(
    connection: Connection, reader: Reader, batch: list[Candidate]
) -> Iterator[TestSession]:
    in_batch = connection.dialect.in_numbers("s.id", [each.key for each in batch])
    sql = f"SELECT s.id, s.header FROM insight_sessions s WHERE {in_batch.sql}"
    try:
        headers: dict[int, str] = dict(connection.fetch(sql, in_batch.parameters))
    except DamagedStoreError as exc:
        if len(batch) == 1:
            reader.report_damage(batch[0].key, batch[0].session_id, exc.reason)
        else:  # find out which of them are damaged
            for each in batch:
                yield from _load_batch(connection, reader, [each])
        return
    for each in batch:
        if each.key in headers:  # else it was deleted just now
            try:
                yield decode_header(headers[each.key])
            except DamagedRowsError as exc:
                reader.report_damage(each.key, each.session_id, str(exc))
