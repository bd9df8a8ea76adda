"""Addresses of databases, and keeping the passwords in them to ourselves. Pure: no I/O."""

from __future__ import annotations

import re

# The password ends at the last "@" that can end it, so that one with an "@" in it is hidden whole.
_OF_USER = re.compile(r"(?P<before>\A[a-z]+://[^:/?#@]*):(?P<password>[^?]*)@")
_PARAMETER = re.compile(r"(?P<lead>[?&])(?P<name>(?:ssl)?password)=(?P<password>[^&]*)", re.I)
HIDDEN = "***"


def passwords(url: str) -> list[str]:
    """The passwords in it, as they stand there and decoded; [] where it has none."""
    from urllib.parse import unquote

    found = [match["password"] for match in _matches(url) if match["password"]]
    return list(dict.fromkeys([*found, *map(unquote, found)]))


def without_password(url: str) -> str:
    """The same address; who uses it has the password from elsewhere."""
    url = _OF_USER.sub(r"\g<before>@", url)
    head, mark, query = url.partition("?")
    if not mark:
        return url
    kept = [each for each in query.split("&") if not _PARAMETER.match(f"?{each}")]
    return f"{head}?{'&'.join(kept)}" if kept else head


def masked(url: str) -> str:
    """The address for people: `***` for each password."""
    url = _OF_USER.sub(rf"\g<before>:{HIDDEN}@", url)
    return _PARAMETER.sub(rf"\g<lead>\g<name>={HIDDEN}", url)


def _matches(url: str) -> list[re.Match[str]]:
    of_user = _OF_USER.match(url)
    return [*([of_user] if of_user else []), *_PARAMETER.finditer(url)]
