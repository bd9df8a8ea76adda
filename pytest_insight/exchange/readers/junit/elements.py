"""The elements of JUnit XML that are kept while a file is read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_insight._util.report_text import MAX_OUTPUT, without_middle
from pytest_insight.limits import MAX_HELD_TEXT

REASONS = frozenset({"failure", "error", "skipped"})
"""Why a test did not pass."""
OUTPUTS = frozenset({"system-out", "system-err"})
ATTEMPTS = frozenset({"flakyFailure", "flakyError", "rerunFailure", "rerunError"})
"""Earlier attempts, as Maven Surefire writes them (its XSD, `surefire-test-report.xsd`)."""


class Suite(msgspec.Struct):
    """The start of a `testsuites` or `testsuite` element.

    Attributes:
        line: its line in the file.
        attributes: its attributes.
        is_root: it is a `testsuites` element.
        is_nested: it is in another `testsuite`.
    """

    line: int
    attributes: Mapping[str, str]
    is_root: bool
    is_nested: bool


class Child(msgspec.Struct):
    """An element in a test case: why it did not pass, output, an earlier attempt.

    Attributes:
        kind: the name of the element.
        attributes: its attributes.
        text: its text.
        parts: of an attempt: the texts of the elements in it, by name.
    """

    kind: str
    attributes: Mapping[str, str]
    text: str = ""
    parts: dict[str, str] = {}


class Case(msgspec.Struct):
    """A `testcase` element.

    Attributes:
        line: its line in the file.
        attributes: its attributes.
        children: the elements in it, but for its properties.
        properties: pairs of name and value.
    """

    line: int
    attributes: Mapping[str, str]
    children: list[Child] = []
    properties: list[tuple[str, str]] = []

    def reasons(self) -> list[Child]:
        """Return why it did not pass; empty if it did."""
        return [child for child in self.children if child.kind in REASONS]


class BoundedText:
    """A text that comes in pieces; the middle of a long one is left out, as in a recorded run.

    However long it is, memory holds a few times `MAX_OUTPUT` characters of it.
    """

    def __init__(self) -> None:
        self._head = ""
        self._pieces: list[str] = []
        self._held = 0
        self._dropped = 0

    def append(self, piece: str) -> None:
        """Add a piece at the end."""
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > MAX_HELD_TEXT:
            text = "".join(self._pieces)
            if not self._head:
                self._head, text = text[: MAX_OUTPUT // 2], text[MAX_OUTPUT // 2 :]
            self._dropped += len(text) - MAX_OUTPUT // 2
            self._pieces = [text[-MAX_OUTPUT // 2 :]]
            self._held = MAX_OUTPUT // 2

    def text(self) -> str:
        """Return what is kept of the text."""
        rest = "".join(self._pieces)
        if not self._head:
            return without_middle(rest)
        tail = rest[-MAX_OUTPUT // 2 :]
        left_out = self._dropped + len(rest) - len(tail)
        return f"{self._head}\n[... {left_out} characters left out ...]\n{tail}"
