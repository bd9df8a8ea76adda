"""The message and the place of a failure, taken from its text; the ends of long texts.

The recorder and the readers of other programs' reports use the same rules, so that a
failure has the same message in a recorded and in an imported session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

MAX_OUTPUT = 64 * 1024
"""Characters that are kept of a failure's text or of captured output."""
MAX_MESSAGE_LINES = 3
MAX_MESSAGE = 1000
"""Characters of a message."""

DIED = "the process that ran this test died while it was running"
"""The text of a test that was running when its process ended."""

Sections = list[tuple[str, str]]
"""Pairs of a title, like "Captured stdout call", and a text."""
_FIELDS = {"stdout": "capstdout", "stderr": "capstderr", "log": "caplog"}

# Every recorded run imports this, and few need it: `re` compiles the patterns when they are used.

_LOCATION = r"(?P<path>\S.*?):(?P<line>\d+)(?:: (?P<message>\S.*))?"
"""How pytest ends the text of a failure that has no traceback (`ReprFileLocation`)."""
_FRAME = r'^ +File "(.+)", line (\d+)'
"""How Python begins a frame of a traceback."""
_EXCEPTION_MARK = "E   "
"""How pytest marks the lines of an exception below the code that raised it."""


class Failure(NamedTuple):
    """What the text of a failure says.

    Attributes:
        message: the last exception that it shows, else what its last line says of a place, else
            its first line.
        path, line: the place in its last line; empty if that shows none.
    """

    message: str = ""
    path: str = ""
    line: str = ""


def read_failure(text: str) -> Failure:
    """Return what the text of a failure says, as pytest shows it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return Failure()
    if lines[0].startswith("Traceback (most recent call last)"):  # pytest's --tb=native
        return _read_traceback(lines)
    place = re.fullmatch(_LOCATION, lines[-1])
    said = place["message"] if place else None
    message = _last_exception(lines) or said or lines[0]
    return Failure(message, place["path"], place["line"]) if place else Failure(message)


def _read_traceback(lines: list[str]) -> Failure:
    """Return the last exception in a traceback of Python, and the place that raised it."""
    frames = [number for number, line in enumerate(lines) if re.match(_FRAME, line)]
    last = frames[-1] if frames else 0
    shown = [line for line in lines[last + 1 :] if not line.startswith("  ")]
    place = re.match(_FRAME, lines[last])
    return Failure("\n".join(shown) or lines[-1].strip(), *(place.groups() if place else ()))


def frames_in(text: str) -> list[tuple[str, str]]:
    """Return path and line of the frames of a traceback of Python, the innermost one last."""
    return re.findall(_FRAME, text, re.MULTILINE)


def _last_exception(lines: list[str]) -> str:
    """Return the last exception that a text shows; empty if it shows none."""
    is_marked = [line.startswith(_EXCEPTION_MARK) for line in lines]
    if True not in is_marked:
        return ""
    end = len(lines) - is_marked[::-1].index(True)
    first = end - 1
    while first > 0 and is_marked[first - 1]:
        first -= 1
    shown = [line.removeprefix(_EXCEPTION_MARK).strip() for line in lines[first:end]]
    if shown[0].startswith('File "'):  # a syntax error: the code comes first
        return shown[-1]
    return "\n".join(shown)


def first_lines(message: str) -> str:
    """Return the lines of a message that are kept."""
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    return "\n".join(lines[:MAX_MESSAGE_LINES])[:MAX_MESSAGE]


def subtest_title(message: str | None, arguments: Iterable[tuple[str, str]]) -> str:
    """Return the name of a subtest as pytest shows it: `subtest [message] (n=1)`."""
    parts = ["subtest"]  # by which `analysis.failures.subtest_of` finds it
    parts += [f"[{message}]"] if message is not None else []
    values = ", ".join(f"{name}={value}" for name, value in arguments)
    parts += [f"({values})"] if values else []
    return " ".join(parts)


def without_middle(text: str, limit: int = MAX_OUTPUT) -> str:
    """Return a text with the middle left out if it is longer than the limit, in characters."""
    if len(text) <= limit:
        return text
    head = limit // 2
    tail = len(text) - (limit - head)
    return f"{text[:head]}\n[... {tail - head} characters left out ...]\n{text[tail:]}"


def captured_output(sections: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the captured texts of the sections of a report by the field of a result."""
    found: dict[str, str] = {}
    for title, text in sections:
        kind = title.removeprefix("Captured ").partition(" ")[0]
        if title.startswith("Captured ") and kind in _FIELDS:
            field = _FIELDS[kind]
            # As `report.caplog` joins them: a log has no final line break.
            separator = "\n" if field == "caplog" and field in found else ""
            found[field] = found.get(field, "") + separator + text
    return found


def new_sections(sections: Sections, seen: Sections) -> Sections:
    """Return the sections not seen before: reports repeat those of earlier phases."""
    if seen and sections[: len(seen)] == seen:
        return sections[len(seen) :]
    return sections
