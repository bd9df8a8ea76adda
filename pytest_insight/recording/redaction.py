"""What is kept of a result's texts: which, how much of them, and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

from pytest_insight.document.plain_json import text_json

Capture = Literal["failed", "all", "none"]
"""Captured output is kept for tests that did not pass, for all, or for none."""

CAPTURES: tuple[str, ...] = get_args(Capture)
MAX_OUTPUT = 64 * 1024

SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
"""A variable whose name holds one of these, or ends in `_KEY`, holds a secret."""
SHORTEST_SECRET = 8
"""Characters. Shorter values ("test", "1234") stand everywhere, and are no secrets."""
REDACTED = "***"

_FIELDS = {"stdout": "capstdout", "stderr": "capstderr", "log": "caplog"}
Sections = list[tuple[str, str]]


class Texts:
    """The rules of one run.

    Args:
        capture: whose captured output is kept.
        max_output: characters that a text may have; of a longer one head and tail are kept.
        secrets: values that are replaced wherever they stand.
        patterns: regular expressions; what they match is replaced too.
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
        # Each on its own: joined, one's groups and flags would mean something else in another.
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._last_name, self._last_json = "", b'""'
        self.add_secrets(secrets)

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Replace these values too, from now on."""
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one secret may be a part of another.
        self._secrets = sorted(forms.union(self._secrets), key=len, reverse=True)
        self._last_name, self._last_json = "", b'""'

    def hide(self, text: str) -> str:
        """The text without secrets, whatever its length."""
        for secret in self._secrets:  # many times as fast as one regular expression of all of them
            text = text.replace(secret, REDACTED)
        for pattern in self._patterns:
            text = pattern.sub(_hidden, text)
        return text

    def name_json(self, name: str) -> bytes:
        """JSON of a name without secrets; fast where one is asked for several times in a row."""
        if name != self._last_name:
            self._last_name = name
            if self._secrets or self._patterns:
                name = self.hide(name)
            self._last_json = text_json(name)
        return self._last_json

    def clean(self, text: str) -> str:
        """The text without secrets and no longer than allowed."""
        text = self.hide(text)  # before it is cut: half a secret would not be found
        limit = self._max_output
        if len(text) <= limit:
            return text
        head = limit // 2
        tail = len(text) - (limit - head)
        return f"{text[:head]}\n[... {tail - head} characters left out ...]\n{text[tail:]}"

    def redacted(self, value: Any, clean: Callable[[str], str] | None = None) -> Any:
        """A JSON value whose texts are without secrets.

        Args:
            value: the value; it is not changed.
            clean: what is done to each text in it, `hide` if left out. Of keys, secrets are hidden.
        """
        clean = clean or self.hide
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return {self.hide(str(key)): self.redacted(item, clean) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redacted(item, clean) for item in value]
        return value

    def keeps_output(self, *, passed: bool = False) -> bool:
        """Whether captured output is kept of a result that passed, or did not."""
        return self._capture == "all" or (self._capture == "failed" and not passed)

    def captured(self, sections: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Texts by field, as they are kept: a title is "Captured stdout call" and the like."""
        found: dict[str, str] = {}
        for title, text in sections:
            kind = title.removeprefix("Captured ").partition(" ")[0]
            if title.startswith("Captured ") and kind in _FIELDS:
                field = _FIELDS[kind]
                found[field] = found.get(field, "") + text
        return {field: self.clean(text) for field, text in found.items()}


def secrets_of(environment: Mapping[str, str]) -> set[str]:
    """The values of variables whose names look like those of secrets."""
    return {
        value
        for name, value in environment.items()
        if len(value) >= SHORTEST_SECRET and _is_secret(name.upper())
    }


def _is_secret(name: str) -> bool:
    # A loop: this is asked of every variable, and a generator takes twice as long.
    for word in SECRET_WORDS:
        if word in name:
            return True
    return name.endswith("_KEY")


def _forms(secret: str) -> Iterator[str]:
    """How a secret may stand in a text: as it is, as repr() shows it, line by line.

    pytest indents and marks each line of what it shows, so a key of several lines is nowhere in one
    piece.
    """
    lines = (line.strip() for line in secret.splitlines())
    # A file's line break at the end is seldom part of what is printed.
    for form in (secret, secret.strip(), repr(secret)[1:-1], repr(secret.strip())[1:-1], *lines):
        if len(form) >= SHORTEST_SECRET:
            yield form


def _hidden(match: re.Match[str]) -> str:
    """A pattern may match nothing ("x*"), of which there is some everywhere."""
    return REDACTED if match.group() else ""


def new_sections(sections: Sections, seen: Sections) -> Sections:
    """The sections that were not seen before: pytest's reports repeat those of earlier phases."""
    if seen and sections[: len(seen)] == seen:
        return sections[len(seen) :]
    return sections


def environment_secrets() -> set[str]:
    """The secrets of this process's environment, before a test changes it."""
    return secrets_of(os.environ)


def text_of(value: object) -> str:
    """The value where it is a text, else its repr."""
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception as exc:  # noqa: BLE001 - a stranger's __repr__ may fail in any way
        return f"<{type(value).__name__} whose repr() fails: {type(exc).__name__}>"
