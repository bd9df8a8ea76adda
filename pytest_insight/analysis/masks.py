"""Masks of what differs from run to run in messages: times, temporary paths, addresses, numbers.

Imported when a cause is asked for: compiling the patterns takes some milliseconds.
"""

from __future__ import annotations

import re


def mask_values(line: str) -> tuple[str, str]:
    """Return a line with the values masked that differ from run to run, and its shape.

    Equal identities have one number: `<addr1> is not <addr2>`. In the shape, whole numbers of up to
    three digits are masked as well.
    """
    numbers: dict[tuple[str, str], int] = {}
    exact = _VALUES.sub(lambda found: _masked(found, numbers), line)
    return exact, _SMALL_NUMBER.sub("N", exact)


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
_VALUES = re.compile("|".join(f"(?P<{name}>{text})" for name, text in _PATTERNS.items()))

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
