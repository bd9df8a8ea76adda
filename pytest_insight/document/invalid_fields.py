"""Say which field of a session cannot be saved, and what it must be."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from datetime import datetime
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec.structs import fields

from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import AwareTime, Count, NonEmpty, Seconds

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60

_WORDS: dict[Any, str] = {
    str: "a text",
    NonEmpty: "a text that is not empty",
    int: "a whole number",
    Count: "a whole number of zero or more",
    Seconds: "a finite number of seconds, zero or more",
    bool: "True or False",
    AwareTime: "a datetime with a time zone",
    TestOutcome: "an outcome like 'passed'",
    NoneType: "None",
    dict[str, str]: "a dictionary of texts",
    dict[str, Any]: "a dictionary of JSON values",
    tuple[tuple[str, Any], ...]: "pairs of a name and a JSON value",
}


def find_invalid_field(session: TestSession) -> str | None:
    """Return a sentence about the first field with a value that cannot be saved; None if none."""
    for name, value, kind in _values(session):
        if name != "test_results" and not _fits(value, kind):
            return f"{name} must be {_words(kind)}, not {_SHOWN.repr(value)}"
    for position, result in enumerate(session.test_results):
        where = f"test_results[{position}]"
        if not isinstance(result, TestResult):
            return f"{where} must be a TestResult, not {_SHOWN.repr(result)}"
        for name, value, kind in _values(result):
            if not _fits(value, kind):
                return f"{where}.{name} must be {_words(kind)}, not {_SHOWN.repr(value)}"
    return None


def _values(record: msgspec.Struct) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the value and the type of each field."""
    for field in fields(record):
        yield field.name, getattr(record, field.name), field.type


def _fits(value: object, kind: Any) -> bool:
    if kind is AwareTime:
        return isinstance(value, datetime) and value.utcoffset() is not None
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except UnicodeEncodeError:
        return True  # a lone surrogate, which is escaped when it is saved
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True


def _words(kind: Any) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    parts = get_args(kind)
    if get_origin(kind) is Annotated:
        return _words(parts[0])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if get_origin(kind) is tuple:
        return f"a sequence, each item {_words(parts[0])}"
    if parts:
        return " or ".join(map(_words, parts))
    return f"a {kind.__name__}"
