"""Read the sessions that are left of damaged bytes, and tell damage from an interrupted write.

The layout (`document/layout.py`) and the brackets of JSON show where a session may begin and end;
decoding the bytes between answers with yes or no whether they are a session.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.document.layout import SESSION_END, SESSION_MARK
from pytest_insight.limits import LOOK_COST, MAX_FREE_VALUES, MAX_LOOKS
from pytest_insight.models import TestSession

_SEPARATORS = b" \t\r\n,"
_STRUCTURE = b" \t\r\n,]}"
_MARK = re.compile(rb'\{[ \t\r\n]*+"session_id"[ \t\r\n]*+:')
"""The start of a session, also in indented JSON; no string of JSON has such unescaped quotes."""
_ID = re.compile(rb'"session_id":\s*"((?:[^"\\\n]|\\.){1,200})"')
# Possessive repeats take no memory for each character of a long text.
_BRACKET = re.compile(rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|([{\[])|[}\]]')
"""A string, which ends in its line, or a bracket outside of strings; group 1: it opens."""

Gap = tuple[int, int]
"""A range of bytes that cannot be read."""


class Piece(NamedTuple):
    """A session salvaged from bytes, with its offsets in them."""

    start: int
    end: int
    session: TestSession


def end_of_torn_tail(tail: bytes) -> int | None:
    """Find the end of the last complete session in a file that does not end as our layout does.

    What follows it was written when the process or the machine died, so it was never reported as
    saved.

    Args:
        tail: the bytes from the start of the last session to the end of the file.

    Returns:
        The length of that session if it is complete; 0 if it is itself the interrupted write; None
        if the bytes are damaged in another way.
    """
    if not tail.startswith(SESSION_MARK):
        return 0 if _is_begun(tail) else None
    end = tail.find(SESSION_END) + len(SESSION_END)
    if end >= len(SESSION_END):
        return end if _is_session(tail[:end]) and _is_begun(tail[end:]) else None
    # The lines that are complete must be those of a session; the last one is cut off.
    lines = tail.rpartition(b"\n")[0].removesuffix(b",")
    return 0 if not lines or _is_session(lines + SESSION_END) else None


def salvage(data: bytes) -> tuple[list[Piece], list[Gap]]:
    """Return every session that can be read from bytes in any state, and the ranges that cannot.

    If the work is more than `MAX_LOOKS` at each byte, the rest counts as unreadable.
    """
    pieces: list[Piece] = []
    position = 0
    work = MAX_LOOKS * (len(data) + LOOK_COST)
    while work > 0 and (start := _candidate(data, position)) is not None:
        end = _end_of_value(data, start)
        work -= LOOK_COST + (end or len(data)) - start
        session = read_any(data[start:end]) if end is not None else None
        if end is None or session is None:
            position = start + 1
            continue
        pieces.append(Piece(start, end, session))
        position = end
    return pieces, _gaps(data, pieces)


def read_any(data: bytes) -> TestSession | None:
    """Return a session from our JSON or that of another writer; None if it is not a session."""
    try:
        return decode_session(data)
    except UNDECODABLE:
        pass  # perhaps another writer's: a naive time, an unknown field
    if data.count(b",") > MAX_FREE_VALUES:
        return None
    import json  # readers of sound stores do not need it

    from pytest_insight.exchange.readers.json import read_object

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return read_object(value)


def lost_session_id(data: bytes) -> str | None:
    """Return the session ID that damaged bytes still show, if any."""
    found = _ID.search(data)
    return found[1].decode("utf-8", "replace") if found else None


def _is_session(data: bytes) -> bool:
    try:
        decode_session(data)
    except UNDECODABLE:
        return False
    return True


def _is_begun(rest: bytes) -> bool:
    """Return whether bytes after a session are the first ones of another one or of the ending."""
    return SESSION_MARK.startswith(rest.strip(_STRUCTURE))


def _end_of_value(data: bytes, start: int) -> int | None:
    """Return where the object that begins at `start` ends by its brackets; None if nowhere."""
    depth = 0
    for found in _BRACKET.finditer(data, start):
        first = data[found.start()]
        if first == ord('"'):
            continue
        depth += 1 if found[1] else -1
        if depth == 0:
            return found.end()
    return None


def _candidate(data: bytes, position: int) -> int | None:
    """Return the offset of the next possible session: after separators, or at the next mark."""
    here = position
    while here < len(data) and data[here] in _SEPARATORS:
        here += 1
    # Only at the start or right behind a session: any other brace is an inner one.
    if here < len(data) and data[here : here + 1] == b"{" and (here > position or not position):
        return here
    found = _MARK.search(data, position)
    return found.start() if found else None


def _gaps(data: bytes, pieces: list[Piece]) -> list[Gap]:
    borders = [0, *(at for piece in pieces for at in (piece.start, piece.end)), len(data)]
    return [
        (start, end)
        for start, end in zip(borders[::2], borders[1::2], strict=True)
        if data[start:end].strip(_STRUCTURE)
    ]
