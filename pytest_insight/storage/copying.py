"""What a new file of a JSON store is made of: sessions of the old one as bytes, and new ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from pytest_insight._util.progress import counted
from pytest_insight.document.codec import encode_session
from pytest_insight.storage.json.scan import Entry, raw_bytes

if TYPE_CHECKING:
    from pytest_insight.exchange.merge import MergePlan


def encoded(plan: MergePlan) -> Iterator[bytes]:
    """The sessions that a plan writes, as bytes."""
    for session in counted(plan.iter_writes(), "writing", len(plan.write_ids)):
        yield encode_session(session)


def taken(file: BinaryIO, entries: Iterable[Entry], left: set[str]) -> Iterator[bytes]:
    """The bytes of the entries whose IDs are `left`; an ID that was given is taken from there."""
    for entry in entries:
        if entry.session_id in left:
            yield _as_written(file, entry)
            left.discard(entry.session_id)


def copied(file: BinaryIO, entries: Sequence[Entry]) -> Iterator[bytes]:
    """The bytes of all the entries, for a new file."""
    for entry in counted(entries, "writing what stays"):
        yield _as_written(file, entry)


def _as_written(file: BinaryIO, entry: Entry) -> bytes:
    return raw_bytes(file, entry) if entry.session is None else encode_session(entry.session)
