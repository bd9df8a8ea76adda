"""Hide passwords in messages: of URLs or connection strings that are given instead of names."""

from __future__ import annotations

import re

HIDDEN = "***"

_SCHEME = r"\b([A-Za-z][A-Za-z0-9+.-]+:/{1,2}+)"
# Up to the last "@" of the URL; "USER" is in our own hints.
_USER_INFO = re.compile(rf"{_SCHEME}(?!USER@)[^\s'\"]*@")
# Without "@": a "port" that is not a number.
_PORT = re.compile(rf"{_SCHEME}([^\s'\"/:@\[]*):(?!\d*(?:[^\w]|$)|PORT)[^\s'\"]+")
_SETTING = re.compile(
    r"\b((?:ssl)?password|passwd|pwd|oauth_client_secret)\s*=\s*"
    r"(?:\\?(['\"]).*?\\?\2|[^\s&;'\"]+)",
    re.IGNORECASE,
)
_CONNECTION_STRING = re.compile(
    r"(?=[\s'\"]*\w+\s*=)(?:.*[\s'\"])?(?:host|hostaddr|dbname|user|password|service)\s*=",
    re.DOTALL,
)


def hide_passwords(text: str) -> str:
    """Return a text without what may be a password in a URL or a connection string."""
    if ":/" in text:
        text = _USER_INFO.sub(rf"\1{HIDDEN}@", text)
        text = _PORT.sub(rf"\1\2:{HIDDEN}", text)
    return _SETTING.sub(rf"\1={HIDDEN}", text) if "=" in text else text


def is_connection_string(text: str) -> bool:
    """Return whether a text is a connection string of libpq: `host=... password=...`."""
    return _CONNECTION_STRING.match(text) is not None
