"""Text for people: values as words, and foreign text with its control characters escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

OUTCOME_STYLES = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
    "xfailed": "yellow",
    "xpassed": "magenta",
    "rerun": "cyan",
}


class Styled(NamedTuple):
    """A text in pieces, each with its Rich style ("" for none)."""

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.pieces)


def styled(*parts: str | Styled, style: str = "") -> Styled:
    """Concatenate parts; a plain string is made printable and gets the style."""
    pieces: list[tuple[str, str]] = []
    for part in parts:
        pieces += part.pieces if isinstance(part, Styled) else [(printable(part), style)]
    return Styled(tuple(pieces))


def outcome_text(outcome: str, text: str | None = None) -> Styled:
    """Return an outcome, or a text about it, in its colour."""
    return styled(text or outcome, style=OUTCOME_STYLES.get(outcome, ""))


def joined(parts: Iterable[Styled], separator: str = ", ") -> Styled:
    """Join styled texts with an unstyled separator."""
    pieces: list[str | Styled] = []
    for part in parts:
        pieces += [separator, part] if pieces else [part]
    return styled(*pieces)


# Characters that a terminal interprets instead of showing them: C0 and C1 controls, DEL, and
# Unicode's bidirectional controls, which can make a text look like another one. And surrogates,
# which cannot be encoded.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, keep: str = "") -> str:
    """Return the text with control characters as escapes, except those in `keep`."""
    if text.isprintable():  # nearly always, and ten times as fast
        return text
    return _CONTROLS.sub(
        lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text
    )


def escape_json(text: str) -> str:
    """Return the same JSON with control characters as JSON escapes."""
    return _CONTROLS.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)


def duration_text(seconds: float) -> str:
    """Return a duration for people: "<1 ms", "12 ms", "0.25 s", "12.3 s", "2m05s", "1h02m"."""
    if seconds < 0.0005:
        return "<1 ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


_AGES = (("y", 365.25 * 86_400), ("w", 7 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60))


def age_text(time: datetime, now: datetime) -> str:
    """Return an age in the largest unit that gives at least 2: "45s", "90m", "3h", "13d"."""
    seconds = (now - time).total_seconds()
    if seconds < 0:
        return "ahead"  # of our clock
    for unit, length in _AGES:
        if seconds >= 2 * length:
            return f"{int(seconds / length)}{unit}"
    return f"{int(seconds)}s"


def time_text(time: datetime) -> str:
    """Return a time in the local time zone, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def plural(count: int, word: str) -> str:
    """Return a count with its noun: "1 session", "2 sessions"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
