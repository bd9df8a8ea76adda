"""The JSON document of sessions: what a JSON store holds and what a JSON export is.

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
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight.errors import InvalidSessionError
from pytest_insight.models import TestResult, TestSession

FORMAT = "pytest-insight"
VERSION = 1

HEAD = b'{"format":"pytest-insight","version":1,"sessions":['
END = b"\n]}\n"
SESSION_MARK = b'{"session_id":'
RESULTS_MARK = b',"test_results":[\n'
SESSION_END = b"\n]}"
SEPARATOR = b",\n"
COMPLETE_TAIL = SESSION_END + END
EMPTY_DOCUMENT = HEAD + END

UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What decoding bytes of unknown origin may raise."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(TestSession)


def encode_session(session: TestSession) -> bytes:
    """One session in the layout above, without the line break before and the comma after it."""
    fields = _ENCODER.encode(replace(session, test_results=()))
    results = _ENCODER.encode_lines(session.test_results)
    if not results:
        return fields[:-1] + RESULTS_MARK + b"]}"
    return b"".join(
        (fields[:-1], RESULTS_MARK, b" ", results[:-1].replace(b"\n", b",\n "), SESSION_END)
    )


def decode_session(data: bytes | bytearray | memoryview) -> TestSession:
    """A session from its bytes, strictly.

    Raises:
        UNDECODABLE: not JSON in UTF-8, or not a session as we write it: an unknown field, a naive
            time, a wrong type. Such a text may still be a session of another writer; `exchange`
            reads those.
    """
    return _DECODER.decode(data)


def decode_header(fields: bytes) -> TestSession:
    """A session without its results, from the bytes before `,"test_results":[`."""
    return _DECODER.decode(fields + b"}")


def document_chunks(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """A whole document of encoded sessions, piece by piece: memory holds one of them at a time."""
    yield HEAD
    lead = b"\n"
    for session in encoded:
        yield lead + session
        lead = SEPARATOR
    yield END


def checked(session: TestSession) -> TestSession:
    r"""The session as every backend keeps it: a separate copy, valid, times in UTC, text clean.

    Lone surrogates and NUL, which not every store can hold, become the escapes `\udc80` and
    `\x00`. A NaN inside `properties` or `testing_system` becomes null: JSON has none.

    Raises:
        InvalidSessionError: a field has the wrong type, a time is naive, a duration is negative or
            not finite, a value is not JSON.
    """
    try:
        # Before they are encoded: ISO 8601 has no seconds in offsets, which some zones had.
        session = _in_utc(session)
        try:
            data = _ENCODER.encode(session)
        except UnicodeEncodeError:
            data = b"\\u0000"
        if b"\\u0000" in data:
            data = _ENCODER.encode(
                _cleaned(msgspec.to_builtins(session, builtin_types=(datetime,)))
            )
        return _DECODER.decode(data)
    except (
        AttributeError,  # a result or a time that is none
        msgspec.MsgspecError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as exc:
        name = session.session_id if isinstance(session, TestSession) else type(session).__name__
        raise InvalidSessionError(f"session {name!r} cannot be saved: {exc}") from exc


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates written as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def _in_utc(session: TestSession) -> TestSession:
    """The session with its results' times in UTC; its own are."""
    if all(_is_utc(result) for result in session.test_results):
        return session
    return session.with_results(
        r if _is_utc(r) else replace(r, start_time=r.start_time.astimezone(UTC))
        for r in session.test_results
    )


def _is_utc(result: TestResult) -> bool:
    """Whether there is nothing to convert: a naive time is left for the decoder to refuse."""
    tzinfo = result.start_time.tzinfo
    return tzinfo is UTC or tzinfo is None
