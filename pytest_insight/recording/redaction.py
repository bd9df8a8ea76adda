"""Which texts of a result are kept, how much of them, and how secrets in them are hidden."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import isfinite
from threading import Lock
from typing import Any, Literal, get_args

from pytest_insight._util import report_text
from pytest_insight._util.report_text import MAX_OUTPUT, without_middle
from pytest_insight._util.storable import is_too_deep
from pytest_insight.document.fast_writer import encode_text, encode_value
from pytest_insight.recording.secrets import forms

Capture = Literal["failed", "all", "none"]
"""Keep the captured output of tests that did not pass, of all tests, or of none."""

CAPTURES: tuple[str, ...] = get_args(Capture)
REDACTED = "***"

SHORTEST_PART = 4
"""Characters of a secret that are hidden next to a mark that the rest of it was left out."""
_CUT = r"\n\[\.\.\. |\.\.\.\]\n|\.{3,}|\[\d+ chars\]"  # `re` compiles it when it is used
"""The marks that something was left out: those of `clean`, of pytest's reprs and of unittest."""

_PLAIN_TYPES = (str, bool, int, type(None))


class TextPolicy:
    """What is kept of the texts of one run.

    Args:
        capture: the tests whose captured output is kept.
        max_output: maximum characters of a text; the middle of a longer one is left out.
        secrets: values that are replaced by `***`.
        patterns: regular expressions; matches are replaced by `***`.
    """

    def __init__(
        self,
        capture: Capture = "failed",
        max_output: int = MAX_OUTPUT,
        secrets: Iterable[str] = (),
        patterns: Iterable[str] = (),
    ) -> None:
        self._capture = capture
        self._max_output = max_output
        self._secrets: list[str] = []
        # One by one: joined, the groups and flags of one would change the meaning of another.
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._lock = Lock()
        self._last_name: str | None = None
        self._last_json = b""
        self.add_secrets(secrets)

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Hide these values too from now on; may be called in another thread."""
        added = {form for secret in secrets for form in forms(secret)}
        with self._lock:
            # The longest first: one secret may be part of another.
            self._secrets = sorted(added.union(self._secrets), key=len, reverse=True)
            self._last_name = None  # after the secrets: see `encode_name`

    def hide(self, text: str) -> str:
        """Return a text with its secrets replaced, whatever its length."""
        return self._hide_parts(self._hide_whole(text))

    def _hide_whole(self, text: str) -> str:
        for secret in self._secrets:  # many times as fast as one regular expression for all
            text = text.replace(secret, REDACTED)
        for pattern in self._patterns:
            text = pattern.sub(_replacement, text)
        return text

    def _hide_parts(self, text: str) -> str:
        """Hide the beginning of a secret before a mark that text was left out, and its end after.

        pytest cuts the middle out of long values, and with it that of a secret in them.
        """
        if "..." not in text and " chars]" not in text:
            return text
        pieces, position = [], 0
        for mark in re.finditer(_CUT, text):
            start, end = mark.span()
            if start < position:
                continue
            begins = max((_head(text, start, each) for each in self._secrets), default=0)
            ends = max((_tail(text, end, each) for each in self._secrets), default=0)
            if begins:
                pieces += [text[position : max(start - begins, position)], REDACTED]
                position = start
            if ends:
                pieces += [text[position:end], REDACTED]
                position = end + ends
        return "".join((*pieces, text[position:]))

    def encode_name(self, name: str) -> bytes:
        """Return a name as JSON, secrets hidden; fast if asked for the same name repeatedly."""
        if name != self._last_name:
            self._last_name = name  # first: secrets that are added from now on clear it
            if self._secrets or self._patterns:
                name = self.hide(name)
            self._last_json = encode_text(name)
        return self._last_json

    def clean(self, text: str) -> str:
        """Return a text with its secrets hidden, cut to the maximum length."""
        return self._hide_parts(without_middle(self._hide_whole(text), self._max_output))

    def redact(self, value: Any, clean: Callable[[str], str] | None = None) -> Any:
        """Return a copy of a JSON value with the secrets in its texts and keys hidden.

        Args:
            value: it is not changed.
            clean: applied to each text that is not a key; `hide` if None.
        """
        clean = clean or self.hide
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return {self.hide(str(key)): self.redact(item, clean) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact(item, clean) for item in value]
        return value

    def keeps_output(self, *, passed: bool = False) -> bool:
        """Return whether the captured output of a result is kept."""
        return self._capture == "all" or (self._capture == "failed" and not passed)

    def captured_output(self, sections: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the captured texts by field.

        Args:
            sections: those of a report, with titles like "Captured stdout call".
        """
        found = report_text.captured_output(sections)
        return {field: self.clean(text) for field, text in found.items()}

    def encode_properties(self, pairs: Iterable[Any]) -> bytes:
        """Return what `record_property` was given as JSON: pairs of name and value."""
        kept = []
        for pair in pairs:
            try:
                name, value = pair
            except (TypeError, ValueError):
                name, value = "", pair  # a plugin appended something else to the list
            kept.append((self.hide(to_text(name)), self.redact(_to_json(value), self.clean)))
        return encode_value(kept)


def to_text(value: object) -> str:
    """Return a text as it is, and the repr of anything else."""
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception as exc:  # noqa: BLE001 - the __repr__ of a test may raise anything
        return f"<{type(value).__name__} whose repr() fails: {type(exc).__name__}>"


def _to_json(value: object) -> Any:
    """Return a value that JSON can hold: the value, its conversion by msgspec, or its repr."""
    if type(value) in _PLAIN_TYPES or (type(value) is float and isfinite(value)):
        return value
    import msgspec  # few tests record such values, and it works even if tests replace `datetime`

    try:
        plain = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return to_text(value)
    return to_text(value) if is_too_deep(plain) else plain


def _replacement(match: re.Match[str]) -> str:
    """Return `***`, or nothing for an empty match: a pattern like `x*` matches everywhere."""
    return REDACTED if match.group() else ""


def _head(text: str, mark: int, secret: str) -> int:
    """Return the length of the longest beginning of a secret that ends at a mark; 0 if none."""
    before = text[max(mark - len(secret) + 1, 0) : mark]
    position = before.find(secret[:SHORTEST_PART])
    while position >= 0:
        if secret.startswith(before[position:]):
            return len(before) - position
        position = before.find(secret[:SHORTEST_PART], position + 1)
    return 0


def _tail(text: str, mark: int, secret: str) -> int:
    """Return the length of the longest end of a secret that begins at a mark; 0 if none."""
    after = text[mark : mark + len(secret) - 1]
    position = after.rfind(secret[-SHORTEST_PART:])
    while position >= 0:
        length = position + SHORTEST_PART
        if secret.endswith(after[:length]):
            return length
        position = after.rfind(secret[-SHORTEST_PART:], 0, length - 1)
    return 0
