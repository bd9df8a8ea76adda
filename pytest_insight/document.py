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
_BETWEEN_RESULTS = b",\n "
COMPLETE_TAIL = SESSION_END + END
EMPTY_DOCUMENT = HEAD + END

UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What decoding bytes of unknown origin may raise."""

_UNFIT = (
    AttributeError,  # a result or a time that is none
    *UNDECODABLE,
    OverflowError,
    TypeError,
    ValueError,
)
"""What encoding and decoding an object that is no valid session may raise."""

MAX_NESTING = 100
"""Levels of lists and objects in `testing_system` and `properties`.

More could be written and then not be read from code that itself stands deep in the stack.
"""

MOST_VALUES = 5_000_000
"""Values of any JSON in `testing_system` and `properties` of one session.

Three bytes of a file become a hundred of memory there, so without a limit a file of ill will would
fill it.
"""

_ENCODER = msgspec.json.Encoder()
_CANONICAL = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(TestSession)


def encode_session(session: TestSession) -> bytes:
    """One session in the layout above, without the line break before and the comma after it."""
    fields = _ENCODER.encode(replace(session, test_results=()))
    if not session.test_results:
        return fields[:-1] + RESULTS_MARK + b"]}"
    results = _ENCODER.encode_lines(session.test_results).replace(b"\n", _BETWEEN_RESULTS)
    # Views, as every copy counts: these are most of the bytes of a store.
    lines = memoryview(results)[: -len(_BETWEEN_RESULTS)]
    return b"".join((memoryview(fields)[:-1], RESULTS_MARK, b" ", lines, SESSION_END))


def decode_session(data: bytes | bytearray | memoryview) -> TestSession:
    """A session from its bytes, strictly.

    Raises:
        UNDECODABLE: not JSON in UTF-8, or not a session as we write it: an unknown field, a naive
            time, a wrong type. Such a text may still be a session of another writer; `exchange`
            reads those.
    """
    _refuse_many_values(data)
    return _DECODER.decode(data)


def decode_header(fields: bytes) -> TestSession:
    """A session without its results, from the bytes before `,"test_results":[`."""
    _refuse_many_values(fields + b"}" if len(fields) > MOST_VALUES else b"")
    return _DECODER.decode(fields + b"}")


class _Properties(msgspec.Struct):
    properties: msgspec.Raw = msgspec.Raw()


class _AnyJson(msgspec.Struct):
    """The parts of a session that may be any JSON."""

    testing_system: msgspec.Raw = msgspec.Raw()
    test_results: list[_Properties] = []


def _refuse_many_values(data: bytes | bytearray | memoryview) -> None:
    if len(data) <= MOST_VALUES:  # nearly always; a value takes a byte at least, and a comma one
        return
    if bytes(data).count(b",") <= MOST_VALUES:
        return
    found = msgspec.json.decode(data, type=_AnyJson)
    parts = (found.testing_system, *(result.properties for result in found.test_results))
    if sum(bytes(part).count(b",") for part in parts) > MOST_VALUES:
        raise msgspec.ValidationError(f"Object holds more than {MOST_VALUES:,} values of any JSON")


def document_chunks(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """A whole document of encoded sessions, piece by piece: memory holds one of them at a time."""
    yield HEAD
    lead = b"\n"
    for session in encoded:
        yield lead + session
        lead = SEPARATOR
    yield END


def content_digest(session: TestSession) -> str:
    """A digest of everything in a session but its ID, whatever order its facts and tags are in.

    Two sessions as stores hand them out have the same one where they are equal but for the ID.
    """
    import hashlib  # readers do without

    data = _CANONICAL.encode(replace(session, session_id="-"))
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def checked(session: TestSession) -> TestSession:
    r"""The session as every backend keeps it: a separate copy, valid, times in UTC, text clean.

    Lone surrogates and NUL, which not every store can hold, become the escapes `\udc80` and
    `\x00`. A NaN inside `properties` or `testing_system` becomes null: JSON has none.

    Raises:
        InvalidSessionError: a field has the wrong type, a time is naive, a duration is negative or
            not finite, a value is not JSON.
    """
    try:
        if not isinstance(session, TestSession):
            raise TypeError("it is no TestSession")
        # Before they are encoded: ISO 8601 has no seconds in offsets, which some zones had.
        data = encode_clean(_in_utc(session))
        _refuse_deep(session)
        return _DECODER.decode(data)
    except _UNFIT as exc:
        raise _invalid(session, exc) from exc


def encode_checked(session: TestSession) -> bytes:
    """Equivalent to `encode_session(checked(session))`, and faster where nothing is to be mended.

    The very bytes that are returned were decoded, so what is written can be read.

    Raises:
        InvalidSessionError: as for `checked`.
    """
    if type(session) is TestSession:
        try:
            data = encode_session(session)
            if not _has_nul(data) and _is_plain(session):
                _DECODER.decode(data)
                return data
        except _UNFIT:
            pass  # `checked` mends it, or says what is wrong
    return encode_session(checked(session))


def encode_clean(value: Any) -> bytes:
    """JSON of one of our records or a text; NUL and lone surrogates in it as `clean_text` has them.

    Raises:
        TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError: it is not JSON.
    """
    try:
        data = _ENCODER.encode(value)
    except UnicodeEncodeError:
        pass
    else:
        if not _has_nul(data):
            return data
    return _ENCODER.encode(_cleaned(msgspec.to_builtins(value, builtin_types=(datetime,))))


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than `MAX_NESTING`."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _refuse_deep(session: TestSession) -> None:
    properties = (result.properties for result in session.test_results if result.properties)
    if any(map(is_too_deep, (session.testing_system, *properties))):
        raise ValueError(f"a value in it is nested more than {MAX_NESTING} levels deep")


def _has_nul(data: bytes) -> bool:
    # One byte is found fast, and from the end nothing is found five times as fast as with `in`.
    return b"\\" in data and data.rfind(b"\\u0000") >= 0


def _invalid(session: object, exc: Exception) -> InvalidSessionError:
    name = session.session_id if isinstance(session, TestSession) else type(session).__name__
    return InvalidSessionError(f"session {name!r} cannot be saved: {exc}")


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


def _is_plain(session: TestSession) -> bool:
    """Whether no time is to be converted, and no value can be too deep."""
    for result in session.test_results:
        if result.start_time.tzinfo is not UTC or result.properties:
            return False
    return not is_too_deep(session.testing_system)


def _is_utc(result: TestResult) -> bool:
    """Whether there is nothing to convert: a naive time is left for the decoder to refuse."""
    tzinfo = result.start_time.tzinfo
    return tzinfo is UTC or tzinfo is None
