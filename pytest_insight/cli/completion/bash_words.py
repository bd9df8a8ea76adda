"""Words that bash has split at `:` and `=`, as it does with every nodeid.

bash hands over the pieces as words, and completes only the last piece (its `COMP_WORDBREAKS`).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

_SEPARATOR = r"[:=]+"


@contextmanager
def words_joined() -> Iterator[None]:
    """Join the pieces if bash asks for candidates in the block; print of each what bash inserts."""
    words = os.environ.get("COMP_WORDS", "")
    if os.environ.get("_INSIGHT_COMPLETE") != "complete_bash" or not re.search(_SEPARATOR, words):
        yield
        return
    current = int(os.environ.get("COMP_CWORD", "0"))
    joined = _joined(words.split("\n")[: current + 1])
    os.environ |= {"COMP_WORDS": "\n".join(joined), "COMP_CWORD": str(len(joined) - 1)}
    word = joined[-1].partition("=")[2] if joined[-1].startswith("--") else joined[-1]
    there = word[: max(word.rfind(":"), word.rfind("=")) + 1]
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        for candidate in printed.getvalue().splitlines():
            print(candidate.removeprefix(there))


def _joined(pieces: list[str]) -> list[str]:
    """Return the words; those that consist of separators are between two pieces."""
    words: list[str] = []
    after_separator = False
    for piece in pieces:
        is_separator = re.fullmatch(_SEPARATOR, piece) is not None
        if words and (is_separator or after_separator):
            words[-1] += piece
        else:
            words.append(piece)
        after_separator = is_separator
    return words
