"""The layout of a document of sessions: of a JSON store and of a JSON export.

    {"format":"pytest-insight","version":2,"sessions":[
    {"session_id":"api-...","sut_name":"api","session_start_time":"...",...,"test_results":[
     {"nodeid":"tests/test_a.py::test_x","outcome":"passed",...},
     {"nodeid":"tests/test_a.py::test_y","outcome":"failed",...}
    ]},
    {"session_id":...
    ]}
    ]}

It is one valid JSON document whose line breaks show its structure: JSON escapes line breaks inside
strings, so a raw one occurs only where this layout puts it. A line that begins with
`{"session_id":` begins a session, its results come last and begin with a space, and the line `]}`
ends a session (or, after the last one, the document). `,"test_results":[` always ends its line,
even if no result follows, so a session always ends in a line of its own. That is how a complete
document (`]}` twice at its end) differs from any write that stopped half-way.

A session that started after all sessions before it is separated from them by `, ` and a line break.
So the newest session is found from the end. After `,` and a line break nothing is known about the
order, as in files of the first versions.

Versions: 1, the first one. 2 has `phase`, `message` and `crash` in results, and `arguments`,
`collected`, `deselected`, `warnings` and `source` in sessions. Each field that is added is a new
version; older readers refuse it. The number has one digit, so that it can be replaced in a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import BytesIO

FORMAT = "pytest-insight"
VERSION = 2

_BEFORE_VERSION = b'{"format":"pytest-insight","version":'
VERSION_OFFSET = len(_BEFORE_VERSION)
"""The offset of the version in a document."""
HEADS = tuple(b'%b%d,"sessions":[' % (_BEFORE_VERSION, each) for each in range(1, VERSION + 1))
"""What a document begins with: one for each version, all of one length."""
HEAD = HEADS[-1]
END = b"\n]}\n"
SESSION_MARK = b'{"session_id":'
RESULTS_MARK = b',"test_results":[\n'
BETWEEN_RESULTS = b",\n "
SESSION_END = b"\n]}"
SEPARATOR = b",\n"
IN_ORDER_SEPARATOR = b", \n"
"""Before a session that started after all sessions before it."""
MIDDLE_END = SESSION_END + SEPARATOR
IN_ORDER_MIDDLE_END = SESSION_END + IN_ORDER_SEPARATOR
COMPLETE_TAIL = SESSION_END + END
EMPTY_DOCUMENT = HEAD + END
EMPTY_DOCUMENTS = tuple(head + END for head in HEADS)
NATIVE_START = HEAD + b"\n"
NATIVE_STARTS = tuple(head + b"\n" for head in HEADS)

# A possessive repeat takes no memory for each character of a long text.
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_START_TIME = re.compile(
    rb'\{"session_id":%b,"sut_name":%b,"session_start_time":"([^"]*)"' % (STRING, STRING)
)
_parse_time = datetime.fromisoformat  # bound here: tests may patch `datetime` in all modules


def is_native(first_bytes: bytes) -> bool:
    """Return whether a file that begins with these bytes has our layout, not another JSON shape."""
    return first_bytes.startswith(NATIVE_STARTS)


def start_time_in(session: bytes) -> datetime | None:
    """Return the start time of a session from its first bytes; None if they are not as ours."""
    found = _START_TIME.match(session)
    try:
        start_time = _parse_time(found[1].decode()) if found else None
    except ValueError:
        return None
    return start_time if start_time is not None and start_time.tzinfo is not None else None


def separated(sessions: Iterable[bytes], newest: datetime | None) -> Iterator[bytes]:
    """Yield each session, and before it the separator.

    Args:
        sessions: encoded ones.
        newest: the latest start time of the sessions before them; None if it is not known.
    """
    for session in sessions:
        start_time = start_time_in(session)
        if newest is not None and start_time is not None and start_time > newest:
            newest = start_time
            yield IN_ORDER_SEPARATOR
        else:
            yield SEPARATOR
        yield session


def document_chunks(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a whole document of encoded sessions in pieces: one session is in memory at a time."""
    yield HEAD
    sessions = iter(encoded)
    for first in sessions:
        yield b"\n"
        yield first
        yield from separated(sessions, start_time_in(first))
    yield END


def laid_out(fields: bytes, results: Iterable[bytes | memoryview]) -> bytes:
    """Return a session without the line break before it and the separator after it.

    Args:
        fields: the object of its own fields, `session_id` first.
        results: the objects of its results in pieces; those of a piece are joined by
            `BETWEEN_RESULTS`.
    """
    found = BytesIO()  # unlike `join`, it does not hold everything twice
    found.write(memoryview(fields)[:-1])
    found.write(RESULTS_MARK)
    before = b""
    for piece in results:
        if piece:
            found.write(before or b" ")
            found.write(piece)
            before = BETWEEN_RESULTS
    found.write(SESSION_END if before else b"]}")
    return found.getvalue()
