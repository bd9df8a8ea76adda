"""Hide passwords in messages: of URLs or connection strings that are given instead of names."""

from __future__ import annotations

import re

HIDDEN = "***"

# Every command imports this, and few need it: `re` compiles the patterns when they are used.

_SCHEME = r"\b([A-Za-z][A-Za-z0-9+.-]+:/{1,2}+)"
# Up to the last "@" of the URL; "USER" is in our own hints.
_USER_INFO = rf"{_SCHEME}(?!USER@)[^\s'\"]*@"
# Without "@": a "port" that is not a number.
_PORT = rf"{_SCHEME}([^\s'\"/:@\[]*):(?!\d*(?:[^\w]|$)|PORT)[^\s'\"]+"
_SETTING = (
    r"\b((?:ssl)?password|passwd|pwd|oauth_client_secret)\s*=\s*"
    r"(?:\\?(['\"]).*?\\?\2|[^\s&;'\"]+)"
)
_CONNECTION_STRING = (
    r"(?=[\s'\"]*\w+\s*=)(?:.*[\s'\"])?(?:host|hostaddr|dbname|user|password|service)\s*="
)


def hide_passwords(text: str) -> str:
    """Return a text without what may be a password in a URL or a connection string."""
    if ":/" in text:
        text = re.sub(_USER_INFO, rf"\1{HIDDEN}@", text)
        text = re.sub(_PORT, rf"\1\2:{HIDDEN}", text)
    if "=" not in text:
        return text
    return re.sub(_SETTING, rf"\1={HIDDEN}", text, flags=re.IGNORECASE)


def is_connection_string(text: str) -> bool:
    """Return whether a text is a connection string of libpq: `host=... password=...`."""
    return re.match(_CONNECTION_STRING, text, re.DOTALL) is not None
