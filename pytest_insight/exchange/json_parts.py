"""Walking over a JSON text: where its parts stand, without making objects of any of them.

The memory does not grow with the text, whatever is in it: two bytes of hostile JSON (`1,`) would
become a hundred times as many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import msgspec

from pytest_insight.document.codec import UNDECODABLE

_SPACE = 32
_BLANK = re.compile(rb"[ \t\r\n]*")
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_CUT = "it seems to be cut short"
_BYTE = re.compile(r"\(byte (\d+)\)")


class NotStrictError(ValueError):
    """The text is not JSON, or is what only the standard library takes (NaN)."""


def elements(data: memoryview) -> Iterator[bytes]:
    """Each element of a list.

    Raises:
        NotStrictError: when it comes to a part that is not JSON.
    """
    walk = _Walk(data)
    for _ in walk.parts(b"[", b"]"):
        yield bytes(walk.value())


def members(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Each key of an object with its value.

    Raises:
        NotStrictError: when it comes to a part that is not JSON.
    """
    walk = _Walk(data)
    for _ in walk.parts(b"{", b"}"):
        key = walk.key()
        walk.take(b":")
        yield key, walk.value()


class _Walk:
    """A place in a text: always at the beginning of a part, never in the blank before it."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0
        self._skip_blank()

    def parts(self, opening: bytes, closing: bytes) -> Iterator[None]:
        """Stand at each part of a list or object in turn; whoever asks walks over it."""
        self.take(opening)
        if not self._is_at(closing):
            yield
            while not self._is_at(closing):
                self.take(b",")
                yield
        self.take(closing)
        if self._position < len(self._data):
            raise NotStrictError(f"something follows its end at byte {self._position:,}")

    def take(self, expected: bytes) -> None:
        """Walk over a character that must come now."""
        if not self._is_at(expected):
            where = f"invalid character at byte {self._position:,}"
            raise NotStrictError(where if self._position < len(self._data) else _CUT)
        self._position += 1
        self._skip_blank()

    def value(self) -> memoryview:
        """Walk over a value."""
        start = self._position
        end = len(self._data)
        try:
            msgspec.json.decode(self._data[start:], type=msgspec.Raw)
        except UNDECODABLE as exc:
            trailing = _TRAILING.search(str(exc))
            if trailing is None:
                self._refuse(exc)
            end = start + int(trailing[1]) - 1
        while self._data[end - 1] in b" \t\r\n":
            end -= 1
        self._position = end
        self._skip_blank()
        return self._data[start:end]

    def key(self) -> str:
        """Walk over a key."""
        start = self._position
        if not self._is_at(b'"'):
            self.take(b'"')  # which says so
        try:
            return msgspec.json.decode(self.value(), type=str)
        except UNDECODABLE as exc:
            raise NotStrictError(f"invalid text at byte {start:,}") from exc

    def _is_at(self, character: bytes) -> bool:
        return self._position < len(self._data) and self._data[self._position] == character[0]

    def _skip_blank(self) -> None:
        if self._position < len(self._data) and self._data[self._position] <= _SPACE:
            found = _BLANK.match(self._data, self._position)
            self._position = found.end() if found else self._position

    def _refuse(self, exc: Exception) -> NoReturn:
        if isinstance(exc, RecursionError):
            raise NotStrictError("it is nested too deeply") from exc
        found = _BYTE.search(str(exc))
        at = self._position + int(found[1]) if found else 0
        raise NotStrictError(f"invalid character at byte {at:,}" if found else _CUT) from exc
