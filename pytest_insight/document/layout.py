"""The layout of a document of sessions: what a JSON store holds and what a JSON export is.

    {"format":"pytest-insight","version":1,"sessions":[
    {"session_id":"api-...","sut_name":"api",...,"test_results":[
     {"nodeid":"tests/test_a.py::test_x","outcome":"passed",...},
     {"nodeid":"tests/test_a.py::test_y","outcome":"failed",...}
    ]},
    {"session_id":...
    ]}
    ]}

It is one valid JSON document whose line breaks carry its structure: JSON escapes line breaks inside
strings, so a raw one stands only where this layout puts it. A line that begins with
`{"session_id":` begins a session, its results come last and begin with a space, and the line `]}`
ends a session (or, after the last one, the document). `,"test_results":[` always ends its line,
also when no result follows, so a session always ends in a line of its own. That is what makes the
end of a complete document (`]}` twice) different from any write that stopped half-way.

Versions: 1, the first one. A field that is added is a new version; older readers refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

FORMAT = "pytest-insight"
VERSION = 1

HEAD = b'{"format":"pytest-insight","version":1,"sessions":['
END = b"\n]}\n"
SESSION_MARK = b'{"session_id":'
RESULTS_MARK = b',"test_results":[\n'
BETWEEN_RESULTS = b",\n "
SESSION_END = b"\n]}"
SEPARATOR = b",\n"
MIDDLE_END = SESSION_END + SEPARATOR
COMPLETE_TAIL = SESSION_END + END
EMPTY_DOCUMENT = HEAD + END
NATIVE_START = HEAD + b"\n"


def is_native(first_bytes: bytes) -> bool:
    """Whether a file that begins with these bytes has our layout (else: another JSON shape)."""
    return first_bytes.startswith((NATIVE_START, EMPTY_DOCUMENT[: len(NATIVE_START)]))


def document_chunks(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """A whole document of encoded sessions, piece by piece: memory holds one of them at a time."""
    yield HEAD
    lead = b"\n"
    for session in encoded:
        yield lead + session
        lead = SEPARATOR
    yield END


def laid_out(fields: bytes, results: bytes | memoryview) -> bytes:
    """A session, without the line break before and the comma after it.

    Args:
        fields: the object of its own fields, `session_id` first.
        results: the objects of its results, joined by `BETWEEN_RESULTS`.
    """
    if not results:
        return fields[:-1] + RESULTS_MARK + b"]}"
    return b"".join((memoryview(fields)[:-1], RESULTS_MARK, b" ", results, SESSION_END))
