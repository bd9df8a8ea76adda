"""Sessions as JSON: encoding and decoding them in the layout of `layout.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight._util.text import cleaned, is_too_deep
from pytest_insight.document.layout import BETWEEN_RESULTS, laid_out
from pytest_insight.errors import InvalidSessionError
from pytest_insight.limits import MAX_FREE_VALUES, MAX_NESTING
from pytest_insight.models import TestResult, TestSession

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

_ENCODER = msgspec.json.Encoder()
_CANONICAL = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(TestSession)


def encode_session(session: TestSession) -> bytes:
    """One session in the layout above, without the line break before and the comma after it."""
    fields = _ENCODER.encode(replace(session, test_results=()))
    results = _ENCODER.encode_lines(session.test_results).replace(b"\n", BETWEEN_RESULTS)
    # A view, as every copy counts: these are most of the bytes of a store.
    return laid_out(fields, memoryview(results)[: -len(BETWEEN_RESULTS)])


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
    _refuse_many_values(fields + b"}" if len(fields) > MAX_FREE_VALUES else b"")
    return _DECODER.decode(fields + b"}")


class _Properties(msgspec.Struct):
    properties: msgspec.Raw = msgspec.Raw()


class _AnyJson(msgspec.Struct):
    """The parts of a session that may be any JSON."""

    testing_system: msgspec.Raw = msgspec.Raw()
    test_results: list[_Properties] = []


def _refuse_many_values(data: bytes | bytearray | memoryview) -> None:
    if (
        len(data) <= MAX_FREE_VALUES
    ):  # nearly always; a value takes a byte at least, and a comma one
        return
    if bytes(data).count(b",") <= MAX_FREE_VALUES:
        return
    found = msgspec.json.decode(data, type=_AnyJson)
    parts = (found.testing_system, *(result.properties for result in found.test_results))
    if sum(bytes(part).count(b",") for part in parts) > MAX_FREE_VALUES:
        raise msgspec.ValidationError(
            f"Object holds more than {MAX_FREE_VALUES:,} values of any JSON"
        )


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
    return _ENCODER.encode(cleaned(msgspec.to_builtins(value, builtin_types=(datetime,))))


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
