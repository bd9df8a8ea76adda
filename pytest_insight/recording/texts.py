"""What is kept of a result's texts: which, how much of them, and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Capture = Literal["failed", "all", "none"]
"""Captured output is kept for tests that did not pass, for all, or for none."""

CAPTURES: tuple[str, ...] = get_args(Capture)
MAX_OUTPUT = 64 * 1024

SECRET_NAMES = ("*TOKEN*", "*SECRET*", "*PASSWORD*", "*PASSWD*", "*_KEY", "*CREDENTIAL*")
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
        # The longest first: one secret may be the beginning of another.
        parts = [re.escape(secret) for secret in sorted(set(secrets), key=len, reverse=True)]
        parts += [f"(?:{pattern})" for pattern in patterns]
        self._secret = re.compile("|".join(parts)) if parts else None

    def clean(self, text: str) -> str:
        """The text without secrets and no longer than allowed."""
        if self._secret is not None:
            text = self._secret.sub(REDACTED, text)
        limit = self._max_output
        if len(text) <= limit:
            return text
        head = limit // 2
        tail = len(text) - (limit - head)
        return f"{text[:head]}\n[... {tail - head} characters left out ...]\n{text[tail:]}"

    def redacted(self, value: Any) -> Any:
        """A JSON value with every text in it cleaned."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {self.clean(str(key)): self.redacted(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redacted(item) for item in value]
        return value

    def captured(self, sections: Iterable[tuple[str, str]], *, passed: bool) -> dict[str, Any]:
        """The kept texts by field: a section's title is "Captured stdout call" and the like."""
        if self._capture == "none" or (passed and self._capture == "failed"):
            return {}
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
        if len(value) >= SHORTEST_SECRET
        and any(fnmatchcase(name.upper(), pattern) for pattern in SECRET_NAMES)
    }


def new_sections(sections: Sections, seen: Sections) -> Sections:
    """The sections that were not seen before: pytest's reports repeat those of earlier phases."""
    if seen and sections[: len(seen)] == seen:
        return sections[len(seen) :]
    return sections


def environment_secrets() -> set[str]:
    """The secrets of this process's environment, before a test changes it."""
    return secrets_of(os.environ)
