"""Wildcards in patterns, as the module `fnmatch` reads them: `*`, `?` and `[`."""

from __future__ import annotations

import re

_WILDCARD = re.compile(r"[*?[]")
_ESCAPED = re.compile(r"\[([*?[])\]")


def has_wildcard(text: str) -> bool:
    """Return whether a text has a wildcard, escaped or not."""
    return _WILDCARD.search(text) is not None


def literal(pattern: str) -> str | None:
    """Return the one text that a pattern matches, as `glob.escape` has got it; None for others."""
    bare = _ESCAPED.sub("", pattern)
    return None if _WILDCARD.search(bare) else _ESCAPED.sub(r"\1", pattern)
