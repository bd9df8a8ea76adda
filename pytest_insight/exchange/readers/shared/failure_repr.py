"""The text of a failure that pytest wrote as JSON (`TestReport._to_json`), as pytest shows it.

Rebuilt without pytest, because importing it takes longer than reading a report. The shapes are
those of `_pytest._code.code`: a part that is not of them is left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePath, PureWindowsPath
from typing import Any

from pytest_insight._util.report_text import frames_in, read_failure
from pytest_insight.exchange.readers.shared.phases import Reason

_WIDTH = 80
"""Columns: what pytest assumes of an output that is no terminal."""
_TEXT = r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\""
_SKIP = re.compile(rf"\((?:{_TEXT}), \d{{1,9}}, (?:{_TEXT})\)", re.DOTALL)
"""The `repr` of what pytest says of a skip: path, line and reason."""
_WORKER = re.compile(r"\[\w+\] \S+ -- Python .*\n+")
"""The line that pytest-xdist puts before a failure."""


def shown(text: str | None) -> list[Any] | str:
    """Return a failure that a tool wrote as text, for `reason_of`: that of a skip is a list."""
    bare = _without_worker(text or "")
    return list(ast.literal_eval(bare)) if _SKIP.fullmatch(bare) else text or ""


def _without_worker(text: str) -> str:
    found = _WORKER.match(text)
    return text[found.end() :] if found else text


def reason_of(longrepr: Any, expected: str = "") -> Reason:
    """Return why a phase did not pass.

    Args:
        longrepr: the failure as pytest wrote it: an object, a text, or for a skip a list of path,
            line and reason.
        expected: the reason why a failure was expected.
    """
    if isinstance(longrepr, list) and len(longrepr) == 3:
        path, line, why = map(str, longrepr)
        message, crash = why.removeprefix("Skipped: "), f"{path}:{line}"
        text = f"{path}:{line}: {why}"
    elif isinstance(longrepr, dict):
        text = "\n".join(_lines(longrepr)).strip()
        at = _dict(longrepr.get("reprcrash"))
        message, crash = _text(at.get("message")), _crash(longrepr, at)
        if not at:
            found = read_failure(text)
            message, crash = found.message, f"{found.path}:{found.line}" if found.path else ""
    else:
        text = longrepr if isinstance(longrepr, str) else ""
        found = read_failure(_without_worker(text))
        message, crash = found.message, f"{found.path}:{found.line}" if found.path else ""
    return Reason(expected or message, crash, "\n".join(filter(None, (expected, text))))


def _crash(longrepr: dict[str, Any], at: dict[str, Any]) -> str:
    """Return the place that raised the exception, or called the assertion of `unittest`."""
    frames = [
        (_text(place.get("path")), place.get("lineno"))
        for entry in _list(_dict(longrepr.get("reprtraceback")).get("reprentries"))
        if (place := _dict(_dict(_dict(entry).get("data")).get("reprfileloc")))
    ] or frames_in("\n".join(_lines(longrepr)))
    return crash_of(_text(at.get("path")), at.get("lineno"), frames)


def crash_of(path: str, line: Any, frames: list[tuple[str, Any]]) -> str:
    """Return a place as `path:line`; one in `unittest` becomes that of the frame that called it.

    Args:
        path: the file in which the exception was raised.
        line: its line there.
        frames: those that pytest shows, the innermost one last.
    """
    place = (path, line)
    if _parts(path)[-2:-1] == ("unittest",):
        for shown, number in frames:
            if not PurePath(shown).is_absolute() and "site-packages" not in _parts(shown):
                place = (shown, number)  # relative paths are inside the project
    return f"{place[0]}:{place[1]}" if place[0] else ""


def _parts(path: str) -> tuple[str, ...]:
    return PureWindowsPath(path).parts  # splits at both separators


def _lines(longrepr: dict[str, Any]) -> Iterator[str]:
    chain = _list(longrepr.get("chain"))
    for element in chain or [[longrepr.get("reprtraceback"), None, None]]:
        traceback, _, description = element if _is_triple(element) else (None, None, None)
        yield from _traceback(_dict(traceback))
        if description is not None:
            yield from ("", _text(description))
    for section in _list(longrepr.get("sections")):
        if _is_triple(section):
            name, content, separator = map(_text, section)
            yield _rule(separator, name)
            yield content


def _traceback(traceback: dict[str, Any]) -> Iterator[str]:
    entries = [_dict(entry) for entry in _list(traceback.get("reprentries"))]
    styles = [_text(_dict(entry.get("data")).get("style")) for entry in entries]
    for number, entry in enumerate(entries):
        style, following = styles[number], "".join(styles[number + 1 : number + 2])
        if style == "long":
            yield ""
        yield from _entry(_dict(entry.get("data")), style)
        if following and (style == "long" or (style == "short" and following == "long")):
            yield _rule("_ ")
    if extra := traceback.get("extraline"):
        yield _text(extra)


def _entry(entry: dict[str, Any], style: str) -> Iterator[str]:
    lines = [_text(line) for line in _list(entry.get("lines"))]
    place = _dict(entry.get("reprfileloc"))
    local = [_text(line) for line in _list(_dict(entry.get("reprlocals")).get("lines"))]
    if place:
        first = _text(place.get("message")).partition("\n")[0]
        shown = f"{_text(place.get('path'))}:{place.get('lineno')}: {first}"
    if style == "short":
        yield from [shown] if place else []
        yield from lines
        yield from (f"{' ' * 8}{line}" for line in local)
        return
    if style == "native" or "style" not in entry:
        yield from "".join(lines).splitlines()
        return
    yield from _arguments(_list(_dict(entry.get("reprfuncargs")).get("args")))
    yield from lines
    if local:
        yield from ("", *local)
    if place:
        yield from ("", shown) if lines else (shown,)


def _arguments(pairs: list[Any]) -> Iterator[str]:
    shown = ""
    found = [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2]
    for name, value in found:
        text = f"{_text(name)} = {_text(value)}"
        if len(text) + len(shown) + 2 > _WIDTH:
            yield from [shown] if shown else []
            shown = text
        else:
            shown = f"{shown}, {text}" if shown else text
    yield from [shown] if shown else []
    yield from [""] if found else []


def _rule(character: str, title: str = "") -> str:
    if not character:
        return title
    if not title:
        return character * (_WIDTH // len(character))
    fill = character * max((_WIDTH - len(title) - 2) // (2 * len(character)), 1)
    line = f"{fill} {title} {fill}"
    return line + character.rstrip() if len(line) + len(character.rstrip()) <= _WIDTH else line


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
