"""Sessions as JSON: written as the document that a JSON store is, read in several shapes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from pytest_insight.document import (
    FORMAT,
    UNDECODABLE,
    VERSION,
    decode_session,
    document_chunks,
    encode_session,
)
from pytest_insight.errors import ExchangeError, NewerFormatError
from pytest_insight.exchange.problems import Parsed, Problem
from pytest_insight.models import TestSession


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write the document of `document.py`; returns how many sessions it holds."""
    count = 0

    def encoded() -> Iterator[bytes]:
        nonlocal count
        for session in sessions:
            count += 1
            yield encode_session(session)

    for chunk in document_chunks(encoded()):
        file.write(chunk)
    return count


def read(data: bytes, source: str) -> Parsed:
    """Read our document, a bare list of sessions, or an object with a list named `sessions`.

    In our own document an ID that occurs twice counts once, the later one: that is how a store
    replaces a session. In other shapes every session counts.

    Raises:
        ExchangeError: not JSON, or JSON of another shape.
        NewerFormatError: our document, of a version that came later than this code.
    """
    data = _utf8(data, source)
    items, own = _sessions_in(_parsed_top(data, source), source)
    parsed = Parsed(total=len(items))
    for index, item in enumerate(items):
        _read_one(item, index, parsed)
    if own:
        latest = {session.session_id: session for session in parsed.sessions}
        parsed.total -= len(parsed.sessions) - len(latest)
        parsed.sessions = list(latest.values())
    return parsed


def _read_one(item: Any, index: int, parsed: Parsed) -> None:
    if isinstance(item, msgspec.Raw):
        try:
            parsed.sessions.append(decode_session(item))
            return
        except UNDECODABLE:
            pass  # not as we write it: read below, with every problem named
        try:
            item = json.loads(bytes(item))
        except (ValueError, RecursionError) as exc:
            parsed.problems.append(Problem(index, f"sessions[{index}]", _why(exc)))
            return
    from pytest_insight.exchange.incoming import read_session

    session, mistakes, ignored = read_session(item, typed=True)
    if session is not None:
        parsed.sessions.append(session)
        parsed.ignored += ignored
        return
    named = item.get("session_id") if isinstance(item, dict) else None
    for path, message in mistakes:
        parsed.problems.append(
            Problem(index, _path(index, path), message, named if isinstance(named, str) else None)
        )


def read_object(value: object) -> TestSession | None:
    """One session from a parsed JSON value of any writer; None where it is none."""
    from pytest_insight.exchange.incoming import read_session

    return read_session(value, typed=True)[0]


def _parsed_top(data: bytes, source: str) -> Any:
    """The top level parsed, each session left as bytes where the text is strict JSON."""
    kind: Any = list[msgspec.Raw] if data.lstrip()[:1] == b"[" else dict[str, msgspec.Raw]
    try:
        return msgspec.json.decode(data, type=kind)
    except UNDECODABLE:
        # The standard library also reads NaN and lone surrogates, and says line and column.
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise ExchangeError(f"{source} is not JSON: {_why(exc)}", source) from exc


def _sessions_in(top: Any, source: str) -> tuple[list[Any], bool]:
    """The sessions of a parsed file, and whether it is a document of our own format."""
    if isinstance(top, list):
        return top, False
    if not isinstance(top, dict) or "sessions" not in top:
        raise ExchangeError(
            f"{source} is JSON, but holds no sessions: expected a list of sessions or an object "
            f'with a list "sessions", found {_shape(top)}',
            source,
        )
    own = _value(top.get("format")) == FORMAT
    version = _value(top.get("version"))
    if own and isinstance(version, int) and version > VERSION:
        raise NewerFormatError(source, version, VERSION)
    sessions = top["sessions"]
    if isinstance(sessions, msgspec.Raw):
        try:
            sessions = msgspec.json.decode(sessions, type=list[msgspec.Raw])
        except UNDECODABLE:
            sessions = _value(sessions)
    if not isinstance(sessions, list):
        raise ExchangeError(f'in {source}, "sessions" is not a list of sessions', source)
    return sessions, own


def _utf8(data: bytes, source: str) -> bytes:
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError as exc:
            raise ExchangeError(f"{source} begins as UTF-16 but is not: {exc}", source) from exc
    return data


def _value(raw: Any) -> Any:
    """A part that was left as bytes, parsed; None where it is no JSON by itself."""
    if not isinstance(raw, msgspec.Raw):
        return raw
    try:
        return json.loads(bytes(raw))
    except (ValueError, RecursionError):
        return None


def _shape(top: Any) -> str:
    if isinstance(top, dict):
        keys = ", ".join(sorted(map(str, top))[:5])
        return f"an object with the keys {keys}" if keys else "an empty object"
    return f"a {type(top).__name__}"


def _path(index: int, path: tuple[str | int, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"sessions[{index}]{''.join(parts)}"


def _why(exc: Exception) -> str:
    return "nested too deeply" if isinstance(exc, RecursionError) else str(exc)
