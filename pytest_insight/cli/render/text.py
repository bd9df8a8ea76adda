"""Text for people: values as words, and foreign text made harmless."""

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
    """A text in pieces, each with its style as Rich names it ("" for none)."""

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.pieces)


def styled(*parts: str | Styled, style: str = "") -> Styled:
    """Parts one after the other; a plain one is made printable and gets the style."""
    pieces: list[tuple[str, str]] = []
    for part in parts:
        pieces += part.pieces if isinstance(part, Styled) else [(printable(part), style)]
    return Styled(tuple(pieces))


def outcome_text(outcome: str, text: str | None = None) -> Styled:
    """An outcome, or a text about it, in its colour."""
    return styled(text or outcome, style=OUTCOME_STYLES.get(outcome, ""))


def joined(parts: Iterable[Styled], between: str = ", ") -> Styled:
    """Styled texts with a plain one between them."""
    pieces: list[str | Styled] = []
    for part in parts:
        pieces += [between, part] if pieces else [part]
    return styled(*pieces)


# What a terminal would act on instead of showing: C0 and C1 controls, DEL, and the marks that
# change the direction of text (Unicode's bidi controls), which can make a text read as another.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, keep: str = "") -> str:
    """The text with every character that a terminal would act on shown as an escape."""
    if text.isprintable():  # nearly always, and ten times as fast
        return text
    return _CONTROLS.sub(
        lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text
    )


def harmless_json(text: str) -> str:
    """The same JSON, with what a terminal would act on written as JSON's escapes."""
    return _CONTROLS.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)


def duration_text(seconds: float) -> str:
    """A duration for people: "<1 ms", "12 ms", "0.25 s", "12.3 s", "2m05s", "1h02m"."""
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
    """How long ago, in the largest unit of which it is two or more: "45s", "90m", "3h", "13d"."""
    seconds = (now - time).total_seconds()
    if seconds < 0:
        return "ahead"  # of our clock
    for unit, length in _AGES:
        if seconds >= 2 * length:
            return f"{int(seconds / length)}{unit}"
    return f"{int(seconds)}s"


def time_text(time: datetime) -> str:
    """A time for people, in their own time zone, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def plural(count: int, word: str) -> str:
    """A count with its noun: "1 session", "2 sessions"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
