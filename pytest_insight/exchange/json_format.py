"""Sessions as JSON: written as the document that a JSON store is, read in several shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from pytest_insight.cleaning import clean_text
from pytest_insight.document import UNDECODABLE, checked, decode_session, encode_session
from pytest_insight.errors import ExchangeError, InvalidSessionError, NewerFormatError
from pytest_insight.exchange.problems import Parsed, Problem
from pytest_insight.exchange.text import as_utf8, json_mistake, load_json, shown, shown_name
from pytest_insight.layout import FORMAT, VERSION, document_chunks
from pytest_insight.models import TestSession
from pytest_insight.watching import counted


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write the document of `layout.py`; returns how many sessions it holds."""
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
    data = as_utf8(data, source)
    items, own = _sessions_in(_parsed_top(data, source), source)
    parsed = Parsed(total=len(items))
    for index, item in enumerate(counted(items, f"reading {source}")):
        _read_one(item, index, parsed, own=own)
    if own:
        latest = {session.session_id: session for session in parsed.sessions}
        parsed.total -= len(parsed.sessions) - len(latest)
        parsed.sessions = list(latest.values())
    return parsed


def read_object(value: object) -> TestSession | None:
    """One session from a parsed JSON value of any writer; None where it is none."""
    from pytest_insight.exchange.incoming import read_session

    return read_session(value, typed=True)[0]


def _read_one(item: Any, index: int, parsed: Parsed, *, own: bool) -> None:
    if isinstance(item, msgspec.Raw):
        session = _as_we_write_it(bytes(item), own=own)
        if session is not None:
            parsed.sessions.append(session)
            return
        try:
            item = load_json(bytes(item))
        except (ValueError, RecursionError) as exc:
            parsed.problems.append(Problem(index, f"sessions[{index}]", json_mistake(exc)))
            return
    from pytest_insight.exchange.incoming import read_session

    session, mistakes, ignored = read_session(item, typed=True)
    if session is not None:
        parsed.sessions.append(session)
        parsed.ignored += ignored
        return
    named = item.get("session_id") if isinstance(item, dict) else None
    name = clean_text(named) if isinstance(named, str) else None
    for path, message in mistakes:
        parsed.problems.append(Problem(index, _path(index, path), message, name))


def _as_we_write_it(data: bytes, *, own: bool) -> TestSession | None:
    """The session, read fast; None where it must be read field by field."""
    if data.count(b'"test_results"') > 1:  # perhaps two lists, of which msgspec takes the last
        return None
    if b'"session_duration"' not in data and b'"session_stop_time"' not in data:
        return None  # it ends with its last result
    try:
        session = checked(decode_session(data))
    except (*UNDECODABLE, InvalidSessionError):
        return None
    if not own and any(result.outcome.isupper() for result in session.test_results):
        return None
    return session


def _parsed_top(data: bytes, source: str) -> Any:
    """The top level parsed, each session left as bytes where the text is strict JSON."""
    kind: Any = list[msgspec.Raw] if data.lstrip()[:1] == b"[" else dict[str, msgspec.Raw]
    try:
        try:
            top = msgspec.json.decode(data, type=kind)
        except UNDECODABLE:
            return load_json(data)
        if kind is not list[msgspec.Raw] and data.count(b'"sessions"') > 1:
            load_json(data)  # refuses a second list of sessions
        return top
    except (ValueError, RecursionError) as exc:
        raise ExchangeError(
            f"{source} cannot be read as JSON: {json_mistake(exc)}", source
        ) from exc


def _sessions_in(top: Any, source: str) -> tuple[list[Any], bool]:
    """The sessions of a parsed file, and whether it is a document of our own format."""
    if isinstance(top, list):
        return top, False
    own = isinstance(top, dict) and _value(top.get("format")) == FORMAT
    if own:
        _check_version(_value(top.get("version")), source)
    if not isinstance(top, dict) or "sessions" not in top:
        raise ExchangeError(
            f"{source} is JSON, but holds no sessions: expected a list of sessions or an object "
            f'with a list "sessions", found {_shape(top)}',
            source,
        )
    sessions = top["sessions"]
    if isinstance(sessions, msgspec.Raw):
        try:
            sessions = msgspec.json.decode(sessions, type=list[msgspec.Raw])
        except UNDECODABLE:
            sessions = _value(sessions)
    if not isinstance(sessions, list):
        raise ExchangeError(
            f'in {source}, "sessions" must be a list of sessions, not {shown(sessions)}', source
        )
    return sessions, own


def _check_version(version: Any, source: str) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ExchangeError(
            f'{source} says "format":"{FORMAT}", but no version that there is: '
            f'expected "version":{VERSION}, found {shown(version)}',
            source,
        )
    if version > VERSION:
        raise NewerFormatError(source, version, VERSION)


def _value(raw: Any) -> Any:
    """A part that was left as bytes, parsed; None where it is no JSON by itself."""
    if not isinstance(raw, msgspec.Raw):
        return raw
    try:
        return load_json(bytes(raw))
    except (ValueError, RecursionError):
        return None


def _shape(top: Any) -> str:
    if not isinstance(top, dict):
        return shown(top)
    if not top:
        return "an empty object"
    return f"an object with the keys {', '.join(shown_name(key) for key in sorted(top)[:5])}"


def _path(index: int, path: tuple[str | int, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown_name(part)}" for part in path)
    return f"sessions[{index}]{''.join(parts)}"
