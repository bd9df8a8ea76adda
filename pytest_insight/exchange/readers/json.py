"""Read sessions from JSON: our own document, a list of sessions, or an object with such a list.

The file is cut into sessions without parsing it as a whole: hostile JSON needs a hundred times its
size in memory once it is parsed. Our own document is cut at its line breaks (`document/layout`),
other JSON by its brackets and strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pytest_insight._util.progress import counted
from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import UNDECODABLE, checked, decode_session
from pytest_insight.document.layout import (
    COMPLETE_TAIL,
    END,
    FORMAT,
    NATIVE_START,
    NATIVE_STARTS,
    SESSION_MARK,
    STRING,
    VERSION,
)
from pytest_insight.errors import ExchangeError, InvalidSessionError, NewerFormatError
from pytest_insight.exchange.byte_order import to_utf8
from pytest_insight.exchange.file_content import FileContent, Problem
from pytest_insight.exchange.quotes import quote_name, quote_value
from pytest_insight.exchange.readers.shared.json_text import load_json, second_list_error
from pytest_insight.limits import MAX_JSON_DEPTH, MAX_TOP_KEYS
from pytest_insight.models import TestSession

Span = tuple[int, int]
"""Start and end of a JSON value in a file's bytes."""

_BLANK = re.compile(rb"[ \t\r\n]*+")
# Possessive quantifiers: a text that does not match is refused in linear time.
_SCALAR = re.compile(STRING + rb'|[^ \t\r\n",:\[\]{}]++', re.DOTALL)
_NO_BRACKETS = rb'(?:[^"\[\]{}]++|' + STRING + rb")*+"
_UP_TO_BRACKET = re.compile(  # skips lists and objects without others in them, as most are
    rb'(?:[^"\[\]{}]++|%b|\[%b\]|\{%b\})*+' % (STRING, _NO_BRACKETS, _NO_BRACKETS), re.DOTALL
)


class JSONSyntaxError(ValueError):
    """The file is not JSON, or is nested too deeply; says where."""


def looks_like_json(data: bytes) -> bool:
    """Return whether a file's bytes begin with an object or a list."""
    return data[:64].lstrip().startswith((b"{", b"["))


def refuse_other(head: bytes, source: str) -> None:
    """Raise ExchangeError if a file that begins with these bytes cannot be JSON."""
    start = len(head) - len(head.lstrip(b" \t\r\n"))
    if start < len(head) and head[start] not in b'{["-0123456789tfnNI':  # NaN and Infinity, too
        mistake = _syntax_error(head, start, "Expecting value")
        raise ExchangeError(f"{source} cannot be read as JSON: {mistake}", source) from mistake


def read(data: bytes, source: str) -> FileContent:
    """Read the sessions of a file.

    If an ID occurs twice in our own document, the later session counts: that is how a JSON store
    replaces a session. In other JSON both count.

    Raises:
        ExchangeError: not JSON (`__cause__` is a `ValueError` or `RecursionError`), or without
            sessions.
        NewerFormatError: our document, written by a later version.
    """
    data = to_utf8(data, source)
    if data.startswith(NATIVE_STARTS) and data.endswith(COMPLETE_TAIL):
        try:
            return _read_spans(data, _layout_spans(data), own=True, source=source)
        except JSONSyntaxError:
            pass  # it only begins and ends like our document
    try:
        return _read_spans(data, *_find_sessions(data, source), source)
    except (ValueError, RecursionError) as exc:
        raise ExchangeError(f"{source} cannot be read as JSON: {_reason(exc)}", source) from exc


def read_object(value: object) -> TestSession | None:
    """Return the session that a parsed JSON value describes; None if it is not a valid one."""
    from pytest_insight.exchange.validation import read_session  # slow to import

    return read_session(value, typed=True, most=0).session


# Sessions ---------------------------------------------------------------------------------------


def _read_spans(data: bytes, spans: Iterator[Span], own: bool, source: str) -> FileContent:
    content = FileContent(source)
    for span in counted(spans, f"reading {source}"):
        content.total += 1
        _read_session(data, span, content, own=own)
    if own:
        latest = {session.session_id: session for session in content.sessions}
        content.total -= len(content.sessions) - len(latest)
        content.sessions = list(latest.values())
    return content


def _read_session(data: bytes, span: Span, content: FileContent, *, own: bool) -> None:
    item = data[slice(*span)]
    is_object = item.startswith(b"{")
    session = _decode_own_form(item, own=own) if is_object else None
    if session is not None:
        content.sessions.append(session)
        return
    if not is_object and not content.room:  # it is only counted, as a file may have a million
        _refuse_invalid(data, span)
        content.add_problems((), 1)
        return
    from pytest_insight.exchange.validation import read_session  # slow to import

    index = content.total - 1
    try:
        value = _load(data, span)
    except JSONSyntaxError:
        raise
    except (ValueError, RecursionError) as exc:
        content.add_problems([Problem(index, f"sessions[{index}]", _reason(exc))])
        return
    reading = read_session(value, typed=True, most=content.room)
    if reading.session is not None:
        content.sessions.append(reading.session)
        content.add_ignored(reading.ignored)
        return
    named = value.get("session_id") if isinstance(value, dict) else None
    name = storable_text(named) if isinstance(named, str) else None
    problems = (Problem(index, _place(index, path), text, name) for path, text in reading.mistakes)
    content.add_problems(problems, reading.more)


def _decode_own_form(data: bytes, *, own: bool) -> TestSession | None:
    """Decode a session that is written as we write it; None if it must be read field by field."""
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


def _place(index: int, path: tuple[str | int, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{quote_name(part)}" for part in path)
    return f"sessions[{index}]{''.join(parts)}"


# The object or list around the sessions ---------------------------------------------------------


def _layout_spans(data: bytes) -> Iterator[Span]:
    """The sessions of a document in our layout, where every raw line break is structural."""
    start, end = len(NATIVE_START), len(data) - len(END)
    while start < end:
        found = data.find(b"\n" + SESSION_MARK, start, end)
        stop = following = found if found >= 0 else end
        while data[stop - 1] in b", ":  # either separator
            stop -= 1
        yield start, stop
        start = following + 1


def _find_sessions(data: bytes, source: str) -> tuple[Iterator[Span], bool]:
    """The sessions of any JSON, and whether it is a document of our own format."""
    walk = _Walk(data, (0, len(data)))
    if walk.is_at(b"["):
        return walk.elements(), False
    if not walk.is_at(b"{"):
        raise _no_sessions(_load(data, (0, len(data))), source)
    spans: dict[str, Span] = {}
    for key, span in walk.members():
        if key == "sessions" and key in spans:
            raise JSONSyntaxError(str(second_list_error(key)))
        if key != "sessions":
            _refuse_invalid(data, span)
        if len(spans) < MAX_TOP_KEYS or key in ("sessions", "format", "version"):
            spans[key] = span
    own = "format" in spans and _value(data, spans["format"]) == FORMAT
    if own:
        _check_version(_value(data, spans["version"]) if "version" in spans else None, source)
    if "sessions" not in spans:
        raise _no_sessions(spans, source)
    sessions = _Walk(data, spans["sessions"])
    if not sessions.is_at(b"["):
        found = quote_value(_value(data, spans["sessions"]))
        raise ExchangeError(f'"sessions" in {source} must be a list, not {found}', source)
    return sessions.elements(), own


def _check_version(version: Any, source: str) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ExchangeError(
            f'{source} has "format":"{FORMAT}" with an unknown version: expected '
            f'"version":{VERSION}, found {quote_value(version)}',
            source,
        )
    if version > VERSION:
        raise NewerFormatError(source, version, VERSION)


def _no_sessions(top: Any, source: str) -> ExchangeError:
    if not isinstance(top, dict):
        found = quote_value(top)
    elif top:
        names = ", ".join(quote_name(key) for key in sorted(top)[:5])
        found = f"an object with the keys {names}"
    else:
        found = "an empty object"
    return ExchangeError(
        f"{source} is JSON without sessions: expected a list of sessions or an object with a list "
        f'"sessions", found {found}',
        source,
    )


# JSON values ------------------------------------------------------------------------------------


def _load(data: bytes, span: Span) -> Any:
    """Parse one value of a file.

    Raises:
        JSONSyntaxError: it is not JSON.
        RecursionError, ValueError: as from `load_json`, but not for errors of syntax.
    """
    text = data[slice(*span)].decode("utf-8", "surrogatepass")
    try:
        return load_json(text)
    except json.JSONDecodeError as exc:
        offset = span[0] + len(text[: exc.pos].encode("utf-8", "surrogatepass"))
        raise _syntax_error(data, offset, exc.msg) from exc


def _value(data: bytes, span: Span) -> Any:
    """Parse one value; None if it has too many values or digits."""
    try:
        return _load(data, span)
    except JSONSyntaxError:
        raise
    except (ValueError, RecursionError):
        return None


def _refuse_invalid(data: bytes, span: Span) -> None:
    """Raise JSONSyntaxError if a value is not JSON, without keeping it in memory if possible."""
    try:
        msgspec.json.decode(memoryview(data)[slice(*span)], type=msgspec.Raw)
    except UNDECODABLE:
        _value(data, span)


def _reason(exc: ValueError | RecursionError) -> str:
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def _syntax_error(data: bytes, offset: int, message: str) -> JSONSyntaxError:
    if offset >= len(data.rstrip()) and data.strip():
        message += "; the file seems to be cut short"
    line = data.count(b"\n", 0, offset) + 1
    column = offset - data.rfind(b"\n", 0, offset)
    return JSONSyntaxError(f"{message}: line {line} column {column}")


class _Walk:
    """A position in a JSON text that moves from value to value, without parsing them.

    Checks the structure of one level; what is inside the values is checked when they are parsed.
    """

    def __init__(self, data: bytes, span: Span) -> None:
        self._data = data
        self._position, self._end = span
        self._skip_blank()

    def is_at(self, character: bytes) -> bool:
        """Return whether this character comes next."""
        return self._data.startswith(character, self._position, self._end)

    def elements(self) -> Iterator[Span]:
        """Go over the elements of a list.

        Raises:
            JSONSyntaxError: the list is not JSON.
        """
        for _ in self._parts(b"[", b"]"):
            yield self._take_value()

    def members(self) -> Iterator[tuple[str, Span]]:
        """Go over the keys and values of an object.

        Raises:
            JSONSyntaxError: the object is not JSON.
        """
        for _ in self._parts(b"{", b"}"):
            if not self.is_at(b'"'):
                raise self._error("expected a key in quotation marks")
            key = _load(self._data, self._take_value())
            self._take(b":")
            yield key, self._take_value()

    def _parts(self, opening: bytes, closing: bytes) -> Iterator[None]:
        """Stop before each part; the caller moves behind it."""
        self._take(opening)
        if not self.is_at(closing):
            yield
            while not self.is_at(closing):
                self._take(b",")
                yield
        self._take(closing)
        if self._position < self._end:
            raise self._error("unexpected data after the end")

    def _take(self, character: bytes) -> None:
        if not self.is_at(character):
            raise self._error(f"expected {character.decode()!r}")
        self._position += 1
        self._skip_blank()

    def _take_value(self) -> Span:
        start = self._position
        if self.is_at(b"[") or self.is_at(b"{"):
            self._skip_brackets()
        else:
            scalar = _SCALAR.match(self._data, start, self._end)
            if scalar is None:
                self._position = self._end if self.is_at(b'"') else start
                raise self._error("expected a value")
            self._position = scalar.end()
        span = start, self._position
        self._skip_blank()
        return span

    def _skip_brackets(self) -> None:
        depth = 1
        self._position += 1
        while depth:
            found = _UP_TO_BRACKET.match(self._data, self._position, self._end)
            self._position = found.end() if found else self._end
            if self.is_at(b"[") or self.is_at(b"{"):
                depth += 1
            elif self.is_at(b"]") or self.is_at(b"}"):
                depth -= 1
            else:  # the end, or a string that does not end
                self._position = self._end
                raise self._error("expected a closing bracket")
            if depth > MAX_JSON_DEPTH:
                raise self._error("nested too deeply")
            self._position += 1

    def _skip_blank(self) -> None:
        found = _BLANK.match(self._data, self._position, self._end)
        self._position = found.end() if found else self._position

    def _error(self, message: str) -> JSONSyntaxError:
        return _syntax_error(self._data, self._position, message)
