"""Write sessions as a JSON document in the layout of a JSON store (`document/layout`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from pytest_insight.document.codec import encode_session
from pytest_insight.document.layout import document_chunks
from pytest_insight.models import TestSession


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write a document; returns the number of sessions."""
    count = 0

    def encode() -> Iterator[bytes]:
        nonlocal count
        for session in sessions:
            count += 1
            yield encode_session(session)

    for chunk in document_chunks(encode()):
        file.write(chunk)
    return count
