"""Read a store with the conflict markers that git writes into a file that it cannot merge.

The lines between the markers are those of one side or of the other; all other lines belong to both.
So each side is a document by itself, and the store is the sessions of both.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_insight.document.layout import NATIVE_START, is_native
from pytest_insight.models import TestSession
from pytest_insight.storage.json.salvage import lost_session_id, salvage

CONFLICT_MARK = b"\n<<<<<<<"
"""JSON escapes line breaks in strings, so no line of a store begins like this."""

_MARK = re.compile(rb"(<{7}|\|{7}|={7}|>{7})(?: .*)?\r?\n?")
# What a line between two markers belongs to: (our side, their side). `|||||||` begins what both
# sides had before, if git is set to show it.
_SIDES = {b"<": (True, False), b"|": (False, False), b"=": (False, True), b">": (True, True)}


class Merged(NamedTuple):
    """The sessions of both sides.

    Attributes:
        sessions: each ID once; ours, if both sides have one.
        lost: the parts that cannot be read, for people.
    """

    sessions: list[TestSession]
    lost: list[str]


def merge_sides(data: bytes) -> Merged:
    """Return the sessions of both sides of a file with conflict markers."""
    sessions: dict[str, TestSession] = {}
    lost = ["conflict markers of a version control system; the sessions of both sides were read"]
    for whole in sides(data):
        side = whole[len(NATIVE_START) :] if is_native(whole) else whole
        pieces, gaps = salvage(side)
        for piece in pieces:
            name = piece.session.session_id
            if sessions.setdefault(name, piece.session) != piece.session:
                lost.append(f"session {name!r} of the other side, which differs from ours")
        for start, end in gaps:
            named = lost_session_id(side[start:end])
            lost.append(f"session {named!r}" if named else "a part that names no session")
    return Merged(list(sessions.values()), list(dict.fromkeys(lost)))


def sides(data: bytes) -> tuple[bytes, bytes]:
    """Return our side and their side of a file with conflict markers."""
    ours, theirs = bytearray(), bytearray()
    in_ours = in_theirs = True
    for line in data.splitlines(keepends=True):
        if mark := _MARK.fullmatch(line):
            in_ours, in_theirs = _SIDES[mark[1][:1]]
            continue
        if in_ours:
            ours += line
        if in_theirs:
            theirs += line
    return bytes(ours), bytes(theirs)
