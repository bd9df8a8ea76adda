"""The cause of a failure: its message with all values masked that differ from run to run.

Two forms of the message are kept as keys. The *exact form* masks times, temporary paths, addresses
and the like, but keeps whole numbers of up to three digits (`404 == 200`). The *shape* masks those,
too. Names in quotes, operators and types of exceptions are kept: `KeyError: 'user_id'` and
`KeyError: 'order_id'` are two causes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.models import TestResult

VERSION = "1"
"""The version of the rules; keys of another version are computed again from the message."""

MAX_HEADLINE = 500
"""Characters of a headline."""
_KEY_DIGITS = 16

SAME = "same"
SAME_WITH_OTHER_VALUES = "same with other values"
DIFFERENT = "different"


class Cause(NamedTuple):
    """The keys of a cause.

    Attributes:
        key: a digest of the phase and the exact form, in 16 hexadecimal digits.
        shape: likewise of the phase and the shape.
    """

    key: str
    shape: str


def likeness(one: Cause, other: Cause) -> str:
    """Return "same", "same with other values" or "different"."""
    if one.key == other.key:
        return SAME
    return SAME_WITH_OTHER_VALUES if one.shape == other.shape else DIFFERENT


def headline(result: TestResult) -> str:
    """Return the first line of a result's message, as people are shown it.

    If a result has no message (`is_guessed`), the line is taken from its text: the first line of
    the last exception that pytest marked, else the last line.
    """
    if result.message:
        return result.message.partition("\n")[0]
    lines = [line for line in result.longreprtext.splitlines() if line.strip()]
    marked = [number for number, line in enumerate(lines) if line.startswith("E  ")]
    if not marked:
        return (lines or [""])[-1].strip()
    first = marked[-1]
    while first > 0 and lines[first - 1].startswith("E  "):
        first -= 1
    return lines[first][1:].strip()


def is_guessed(result: TestResult) -> bool:
    """Return whether the headline is taken from the text, as in sessions of other programs."""
    return not result.message and bool(result.longreprtext)


class CauseRules:
    """What is masked in messages: the values that differ from run to run, and those of a project.

    Attributes:
        version: the version of the rules, with a digest of the project's masks if there are any.
    """

    def __init__(self, masks: Sequence[str] = ()) -> None:
        """Compile the masks of a project.

        Args:
            masks: regular expressions; what the one group of each matches is masked.

        Raises:
            InvalidArgumentError: one is not a regular expression with exactly one group.
        """
        self._masks = [_compiled(mask) for mask in masks]
        digest = f"-{_digest(*masks)}" if masks else ""
        self.version = VERSION + digest
        self.cause_of: Callable[[str, str], Cause] = lru_cache(4096)(self._cause_of)

    def exact_form(self, message: str) -> str:
        """Return the headline of a message with the values masked that differ between runs."""
        return self._forms(message)[0]

    def shape(self, message: str) -> str:
        """Return the exact form with small whole numbers masked as well."""
        return self._forms(message)[1]

    def _cause_of(self, phase: str, message: str) -> Cause:
        """Return the cause of a failure in a phase (empty for the call)."""
        exact, shape = self._forms(message)
        key, of_shape = (_digest(self.version, phase, form) for form in (exact, shape))
        return Cause(key, of_shape)

    def _forms(self, message: str) -> tuple[str, str]:
        line = message.partition("\n")[0].strip()[:MAX_HEADLINE]
        if line.startswith("AssertionError: assert "):
            line = line.removeprefix("AssertionError: ")
        for mask in self._masks:
            line = mask.sub(_without_group, line)
        numbers: dict[tuple[str, str], int] = {}
        exact = _values().sub(lambda found: _masked(found, numbers), line)
        return exact, _SMALL_NUMBER.sub("N", exact)


def _compiled(mask: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(mask)
    except (re.error, OverflowError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"the cause mask {mask!r} is not a regular expression: {exc}"
        ) from exc
    if compiled.groups != 1:
        raise InvalidArgumentError(
            f"the cause mask {mask!r} has {compiled.groups} groups; it must have exactly one, "
            "around what is to be masked"
        )
    return compiled


def _without_group(found: re.Match[str]) -> str:
    start, end = found.span(1)
    if start < 0:  # the group took no part in the match
        return found[0]
    at = found.start()
    return f"{found[0][: start - at]}<masked>{found[0][end - at :]}"


def _digest(*parts: str) -> str:
    from hashlib import sha256  # few commands ask for causes

    data = "\0".join(parts).encode("utf-8", "backslashreplace")
    return sha256(data).hexdigest()[:_KEY_DIGITS]


# One pass, the first alternative that matches; the order is part of the rules. Quantifiers are
# possessive if possible: a hostile message of 500 characters must not take long.
_TIME_OF_DAY = r"\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?Z\b|[+-]\d{2}:?\d{2}\b)?"
_SEPARATOR = r"(?:/|\\{1,2})"
_PART = r"[^\s/\\'\"<>|:;,()\[\]{}=`]++"
_NOT_IN_PATH = r"(?<![\w./\\~:-])"
_DRIVE = r"(?:[A-Za-z]:(?=[\\/]))"
_PATTERNS = {
    "uuid": r"(?<![\w-])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-])",
    "time": (
        rf"(?<![\w.-])\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{_TIME_OF_DAY})?(?![\w-])"
        r"|(?<![\w:.])\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?![\w:])"
        r"|\bdatetime\.(?:datetime|date|time)"
        r"\((?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+\)"
    ),
    "tmp": (
        rf"{_NOT_IN_PATH}(?:/private)?/(?:var/)?tmp(?P<unix>(?:/{_PART})+)/?"
        rf"|{_NOT_IN_PATH}(?:/private)?/var/folders/{_PART}/{_PART}/T(?P<mac>(?:/{_PART})+)/?"
        rf"|\b{_DRIVE}(?:{_SEPARATOR}{_PART})*?{_SEPARATOR}Temp"
        rf"(?P<windows>(?:{_SEPARATOR}{_PART})+)"
    ),
    "path": (
        rf"{_NOT_IN_PATH}(?:/{_PART}){{2,}}+/?"
        rf"|\b{_DRIVE}(?:{_SEPARATOR}{_PART}){{2,}}+"
    ),
    "url": r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s'\"<>`)\]}]++",
    "ip": (
        r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)(?P<ip_port>:\d{1,5})?+"
        r"|(?<![\w\])])\[[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*\](?P<ip6_port>:\d{1,5})?+"
        r"|(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}(?![\w:])"
    ),
    "port": r"(?<=localhost):\d{1,5}\b|(?<=\bport[ =:])\d{1,5}\b",
    "addr": r"\b0x[0-9a-fA-F]{6,}\b",
    "hex": (r"(?<![0-9A-Za-z])(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{7,}(?![0-9A-Za-z])"),
    "dur": (
        r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?\s?"
        r"(?:[nuµm]?s|secs?|seconds?|milliseconds?|m|mins?|minutes?|h|hours?|days?)\b"
    ),
    "number": (
        r"(?<![\w.])(?:\d+(?:\.\d+)+(?:e[+-]?\d+)?|\d+\.?e[+-]?\d+|\d{1,3}(?:,\d{3})+)(?![\w])"
        r"|(?<![0-9A-Za-z])\d{4,}(?![0-9A-Za-z])"
    ),
}


@cache
def _values() -> re.Pattern[str]:
    """Return the pattern of all values; compiled when needed, which takes some milliseconds."""
    return re.compile("|".join(f"(?P<{name}>{text})" for name, text in _PATTERNS.items()))


_SMALL_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?![\w])")
_IDENTITIES = {"uuid", "addr", "hex"}
"""Kinds of which equal values in one headline get one number, as in `<addr1> is not <addr2>`."""

_DIGITS = re.compile(r"\d+")
_LONG_NUMBER = re.compile(r"\d{4,}")
_RANDOM_NAME = re.compile(r"tmp[a-z0-9_]{6,}")
_PYTEST_FOLDER = re.compile(r"/pytest-of-[^/]+/pytest-(?:\d+|current)(?:/popen-gw\d+)?(?:/[^/]+)?")


def _masked(found: re.Match[str], numbers: dict[tuple[str, str], int]) -> str:
    """Return what stands for a value in the exact form.

    Args:
        found: the value.
        numbers: the number of each value so far, by its kind and text.
    """
    kind, text = _kind_of(found), found[0]
    if kind in _IDENTITIES:
        return f"<{kind}{_number(numbers, kind, text)}>"
    if kind == "tmp":
        inside = found["unix"] or found["mac"] or found["windows"]
        return f"<tmp>{_inside_temporary(inside)}"
    if kind == "path":
        return _short_path(text)
    if kind == "url":
        return _DIGITS.sub("N", text.partition("?")[0].rstrip(".,;:"))
    if kind == "ip":
        port = found["ip_port"] or found["ip6_port"] or ""
        host = text.removesuffix(port)
        shown = f":<port{_number(numbers, 'port', port[1:])}>" if port else ""
        return f"<ip{_number(numbers, kind, host)}>{shown}"
    if kind == "port":
        colon = ":" if text.startswith(":") else ""
        return f"{colon}<port{_number(numbers, kind, text.removeprefix(':'))}>"
    return "N" if kind == "number" else f"<{kind}>"


def _kind_of(found: re.Match[str]) -> str:
    return next(name for name in _PATTERNS if found[name] is not None)


def _number(numbers: dict[tuple[str, str], int], kind: str, text: str) -> int:
    known = numbers.get((kind, text))
    if known is None:
        known = numbers[kind, text] = 1 + sum(name == kind for name, _ in numbers)
    return known


def _inside_temporary(path: str) -> str:
    """Return a path below the folder for temporary files without its random parts."""
    path = re.sub(r"\\+", "/", path)
    found = _PYTEST_FOLDER.match(path)
    if found:
        path = path[found.end() :]
    else:
        parts = path.split("/")
        path = "" if _RANDOM_NAME.fullmatch(parts[-1]) else f"/{parts[-1]}"
    return _LONG_NUMBER.sub("N", path)


def _short_path(path: str) -> str:
    """Return the last part of an absolute path, or what is behind `site-packages/`."""
    parts = re.sub(r"\\+", "/", path).rstrip("/").split("/")
    for folder in ("site-packages", "dist-packages"):
        if folder in parts[:-1]:
            return "/".join(parts[parts.index(folder) + 1 :])
    return f".../{parts[-1]}"


DEFAULT_RULES = CauseRules()
