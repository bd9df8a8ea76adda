"""Encode and decode sessions as JSON in the layout of `document.layout`, and check them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight._util.storable import is_too_deep, storable_value
from pytest_insight.document.layout import BETWEEN_RESULTS, laid_out
from pytest_insight.errors import InvalidSessionError
from pytest_insight.limits import MAX_FREE_VALUES, MAX_NESTING
from pytest_insight.models import TestResult, TestSession

UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""The errors that decoding unknown bytes may raise."""

_UNFIT = (
    AttributeError,  # a result is not a TestResult, or a time not a datetime
    *UNDECODABLE,
    OverflowError,
    TypeError,
    ValueError,
)
"""The errors that encoding and decoding an invalid session may raise."""

_ENCODER = msgspec.json.Encoder()
_CANONICAL = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(TestSession)
_RESULTS_AT_ONCE = 10_000


def encode_session(session: TestSession) -> bytes:
    """Return a session without the line break before it and the separator after it."""
    fields = _ENCODER.encode(replace(session, test_results=()))
    return laid_out(fields, _encoded_in_parts(session.test_results))


def _encoded_in_parts(results: Sequence[TestResult]) -> Iterator[memoryview]:
    for start in range(0, len(results), _RESULTS_AT_ONCE):
        # Of any other iterable than a list, msgspec before 0.21 never releases the items.
        lines = _ENCODER.encode_lines([*results[start : start + _RESULTS_AT_ONCE]])
        # A view saves a copy: these are most of the bytes of a store.
        yield memoryview(lines.replace(b"\n", BETWEEN_RESULTS))[: -len(BETWEEN_RESULTS)]


def decode_session(data: bytes | bytearray | memoryview) -> TestSession:
    """Decode a session strictly.

    Raises:
        UNDECODABLE: not JSON in UTF-8, or not a session as we write it: an unknown field, a naive
            time, a wrong type. It may still be a session of another writer; `exchange` reads those.
    """
    _refuse_many_values(data)
    return _DECODER.decode(data)


def decode_header(fields: bytes) -> TestSession:
    """Decode a session without its results from the bytes before `,"test_results":[`."""
    _refuse_many_values(fields + b"}" if len(fields) > MAX_FREE_VALUES else b"")
    return _DECODER.decode(fields + b"}")


class _Properties(msgspec.Struct):
    properties: msgspec.Raw = msgspec.Raw()


class _AnyJson(msgspec.Struct):
    """The parts of a session that may be arbitrary JSON."""

    testing_system: msgspec.Raw = msgspec.Raw()
    test_results: list[_Properties] = []


def _refuse_many_values(data: bytes | bytearray | memoryview) -> None:
    if len(data) <= MAX_FREE_VALUES:  # nearly always; a value takes at least two bytes
        return
    if bytes(data).count(b",") <= MAX_FREE_VALUES:
        return
    found = msgspec.json.decode(data, type=_AnyJson)
    parts = (found.testing_system, *(result.properties for result in found.test_results))
    if sum(bytes(part).count(b",") for part in parts) > MAX_FREE_VALUES:
        raise msgspec.ValidationError(
            f"Object holds more than {MAX_FREE_VALUES:,} values of arbitrary JSON"
        )


def content_digest(session: TestSession) -> str:
    """Return a digest of everything in a session except its ID; the order of keys does not matter.

    Two sessions of stores have the same digest if they are equal except for the ID.
    """
    import hashlib  # readers do not need it

    found = hashlib.blake2b(digest_size=16)
    results = session.test_results
    if not results:
        found.update(_CANONICAL.encode(replace(session, session_id="-")))
        return found.hexdigest()
    mark = b"\0"  # JSON has no NUL byte
    results_mark: Any = (msgspec.Raw(mark),)
    outline = replace(session, session_id="-", test_results=results_mark)
    before, _, after = _CANONICAL.encode(outline).partition(mark)
    found.update(before)
    # In parts: the JSON of a million results takes as much memory as they do.
    for start in range(0, len(results), _RESULTS_AT_ONCE):
        # msgspec omits a default only if it is the same object: 0.0 that was read is not.
        part = [
            result if result.duration else replace(result, duration=float("0"))
            for result in results[start : start + _RESULTS_AT_ONCE]
        ]
        found.update(b"," if start else b"")
        found.update(memoryview(_CANONICAL.encode(part))[1:-1])
    found.update(after)
    return found.hexdigest()


def checked(session: TestSession) -> TestSession:
    r"""Return a valid copy of a session as every backend stores it, with times in UTC.

    Lone surrogates and NUL, which not every store can hold, become the escapes `\udc80` and
    `\x00`. NaN inside `properties` or `testing_system` becomes null, as JSON has no NaN.

    Raises:
        InvalidSessionError: a field has the wrong type, a time is naive, a duration is negative or
            not finite, a value is not JSON.
    """
    try:
        if not isinstance(session, TestSession):
            raise TypeError
        # Times first: ISO 8601 has no seconds in offsets, but some historical zones have.
        data = encode_clean(_in_utc(session))
        _refuse_deep(session)
        return _DECODER.decode(data)
    except _UNFIT as exc:
        raise _invalid(session, exc) from exc


def encode_checked(session: TestSession) -> bytes:
    """Equivalent to `encode_session(checked(session))`, but faster if nothing is to be changed.

    The returned bytes were decoded once, so they can be read.

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
            pass  # `checked` corrects it or says what is wrong
    return encode_session(checked(session))


def encode_clean(value: Any) -> bytes:
    """Encode a record or a JSON value; texts in it are cleaned as by `storable_text`.

    Raises:
        TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError: the value cannot
            be JSON.
    """
    try:
        data = _ENCODER.encode(value)
    except UnicodeEncodeError:
        pass
    else:
        if not _has_nul(data):
            return data
    return _ENCODER.encode(storable_value(msgspec.to_builtins(value, builtin_types=(datetime,))))


def _refuse_deep(session: TestSession) -> None:
    properties = (result.properties for result in session.test_results if result.properties)
    if any(map(is_too_deep, (session.testing_system, *properties))):
        raise ValueError(f"a value in it is nested more than {MAX_NESTING} levels deep")


def _has_nul(data: bytes) -> bool:
    # Finding a single byte is fast; without one, rfind is five times as fast as `in`.
    return b"\\" in data and data.rfind(b"\\u0000") >= 0


def _invalid(session: object, exc: Exception) -> InvalidSessionError:
    if not isinstance(session, TestSession):
        return InvalidSessionError(f"only a TestSession can be saved, not {session!r:.80}")
    # Only needed for an error.
    from pytest_insight.document.invalid_fields import find_invalid_field

    why = find_invalid_field(session) or exc
    return InvalidSessionError(f"session {session.session_id!r} cannot be saved: {why}")


def _in_utc(session: TestSession) -> TestSession:
    """Return the session with the times of its results in UTC; its own times are."""
    if all(_is_utc(result) for result in session.test_results):
        return session
    return session.with_results(
        r if _is_utc(r) else replace(r, start_time=r.start_time.astimezone(UTC))
        for r in session.test_results
    )


def _is_plain(session: TestSession) -> bool:
    """Return whether no time needs conversion and no value can be nested too deeply."""
    for result in session.test_results:
        if result.start_time.tzinfo is not UTC or result.properties:
            return False
    return not is_too_deep(session.testing_system)


def _is_utc(result: TestResult) -> bool:
    """Return whether the time needs no conversion; the decoder refuses a naive time later."""
    tzinfo = result.start_time.tzinfo
    return tzinfo is UTC or tzinfo is None
