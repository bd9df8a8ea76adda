"""Sessions as JSON: written as the document that a JSON store is, read in several shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from pytest_insight._util.progress import counted
from pytest_insight._util.text import clean_text
from pytest_insight.document.codec import UNDECODABLE, checked, decode_session, encode_session
from pytest_insight.document.layout import FORMAT, VERSION, document_chunks
from pytest_insight.errors import ExchangeError, InvalidSessionError, NewerFormatError
from pytest_insight.exchange.json_parts import NotStrictError, elements, members
from pytest_insight.exchange.problems import Parsed, Problem
from pytest_insight.exchange.quotes import (
    TWICE,
    TooManyValuesError,
    as_utf8,
    json_mistake,
    load_json,
    shown,
    shown_name,
)
from pytest_insight.models import TestSession

_MOST_KEYS = 100
"""Of an object that holds the sessions: enough to say what else it is."""


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
    try:
        try:
            return _read_items(*_walked(data, source), source)
        except NotStrictError as exc:
            strict = exc
        try:
            top = load_json(data)  # which takes more than is JSON, and says best what is not
        except TooManyValuesError:
            raise strict from None
    except (ValueError, RecursionError) as exc:
        raise ExchangeError(
            f"{source} cannot be read as JSON: {json_mistake(exc)}", source
        ) from exc
    return _read_items(*_sessions_in(top, source), source)


def _read_items(items: Iterable[Any], own: bool, source: str) -> Parsed:
    parsed = Parsed(source)
    for item in counted(items, f"reading {source}"):
        parsed.total += 1
        _read_one(item, parsed.total - 1, parsed, own=own)
    if own:
        latest = {session.session_id: session for session in parsed.sessions}
        parsed.total -= len(parsed.sessions) - len(latest)
        parsed.sessions = list(latest.values())
    return parsed


def read_object(value: object) -> TestSession | None:
    """One session from a parsed JSON value of any writer; None where it is none."""
    from pytest_insight.exchange.validation import read_session

    return read_session(value, typed=True, most=0).session


def _read_one(item: Any, index: int, parsed: Parsed, *, own: bool) -> None:
    """One session of a file: its bytes where it is strict JSON, else what they are parsed to."""
    if isinstance(item, bytes):
        is_object = item.startswith(b"{")
        session = _as_we_write_it(item, own=own) if is_object else None
        if session is not None:
            parsed.sessions.append(session)
            return
        if not is_object and not parsed.room:  # a million of them take no time
            parsed.add_problems((), 1)
            return
        try:
            item = load_json(item)
        except (ValueError, RecursionError) as exc:
            parsed.add_problems([Problem(index, f"sessions[{index}]", json_mistake(exc))])
            return
    from pytest_insight.exchange.validation import read_session

    read = read_session(item, typed=True, most=parsed.room)
    if read.session is not None:
        parsed.sessions.append(read.session)
        parsed.add_ignored(read.ignored)
        return
    named = item.get("session_id") if isinstance(item, dict) else None
    name = clean_text(named) if isinstance(named, str) else None
    problems = (Problem(index, _path(index, path), said, name) for path, said in read.mistakes)
    parsed.add_problems(problems, read.more)


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


def _walked(data: bytes, source: str) -> tuple[Iterable[Any], bool]:
    """The sessions of a text in strict JSON, each as its bytes; see `_sessions_in`."""
    text = memoryview(data)
    first = data.lstrip()[:1]
    if first == b"[":
        return elements(text), False
    if first != b"{":
        raise NotStrictError("it is no list and no object")
    top: dict[str, Any] = {}
    for key, value in members(text):
        if key == "sessions":
            if key in top:
                raise ValueError(TWICE.format(key))
            top[key] = elements(value) if bytes(value[:1]) == b"[" else _value(value)
        elif key in ("format", "version"):
            top[key] = _value(value)
        elif len(top) < _MOST_KEYS:
            top[key] = None
    return _sessions_in(top, source)


def _sessions_in(top: Any, source: str) -> tuple[Iterable[Any], bool]:
    """The sessions of what a file holds, and whether it is a document of our own format."""
    if isinstance(top, list):
        return top, False
    own = isinstance(top, dict) and top.get("format") == FORMAT
    if own:
        _check_version(top.get("version"), source)
    if not isinstance(top, dict) or "sessions" not in top:
        raise ExchangeError(
            f"{source} is JSON, but holds no sessions: expected a list of sessions or an object "
            f'with a list "sessions", found {_shape(top)}',
            source,
        )
    sessions = top["sessions"]
    if not isinstance(sessions, list | Iterator):
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


def _value(part: memoryview) -> Any:
    """A part of a text, parsed; None where the standard library refuses it."""
    try:
        return load_json(bytes(part))
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
