"""The cause of a failure: its message with all values masked that differ from run to run.

Two forms of the message are kept as keys. The *exact form* masks times, temporary paths, addresses
and the like, but keeps whole numbers of up to three digits (`404 == 200`). The *shape* masks those,
too. Names in quotes, operators and types of exceptions are kept: `KeyError: 'user_id'` and
`KeyError: 'order_id'` are two causes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
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

    def _cause_of(self, phase: str, message: str) -> Cause:
        """Return the cause of a failure in a phase (empty for the call)."""
        exact, shape = self.forms(message)
        key, of_shape = (_digest(self.version, phase, form) for form in (exact, shape))
        return Cause(key, of_shape)

    def forms(self, message: str) -> tuple[str, str]:
        """Return the exact form of a message's headline, and its shape."""
        from pytest_insight.analysis.masks import mask_values  # few commands ask for causes

        line = message.partition("\n")[0].strip()[:MAX_HEADLINE]
        if line.startswith("AssertionError: assert "):
            line = line.removeprefix("AssertionError: ")
        for mask in self._masks:
            line = mask.sub(_without_group, line)
        return mask_values(line)


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


DEFAULT_RULES = CauseRules()
