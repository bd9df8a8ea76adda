"""URLs of PostgreSQL databases, and the passwords in them.

libpq connects with the URL. One that it might read differently than `urllib.parse` is refused, so
that a password is never taken for a host or a database, which are printed:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pytest_insight.errors import InvalidProfileError
from pytest_insight.locations import is_url
from pytest_insight.passwords import HIDDEN

_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
"""The parameters that libpq marks as passwords."""


class _Parts(NamedTuple):
    scheme: str
    user: str
    password: str
    hosts: str
    path: str
    parameters: list[list[str]]


def check_url(url: str) -> None:
    """Raise InvalidProfileError, which does not quote the URL, if it cannot be used."""
    _split(url)


def display_url(url: str) -> str:
    """Return the scheme, host, port and database for people; `postgresql://***` if not valid."""
    try:
        parts = _split(url)
    except InvalidProfileError:
        return f"{_scheme(url)}://{HIDDEN}"
    return f"{parts.scheme}://{parts.hosts}{parts.path}"


def passwords(url: str) -> list[str]:
    """Return the passwords as they are written and decoded, longest first.

    Raises:
        InvalidProfileError: as `check_url`.
    """
    parts = _split(url)
    written = [parts.password, *(value for name, value in parts.parameters if _is_secret(name))]
    found = {each for password in written for each in (password, unquote(password)) if each}
    return sorted(found, key=len, reverse=True)


def without_password(url: str) -> str:
    """Return the same URL without its passwords.

    Raises:
        InvalidProfileError: as `check_url`.
    """
    parts = _split(url)
    user = f"{parts.user}@" if parts.user else ""
    query = "&".join("=".join(each) for each in parts.parameters if not _is_secret(each[0]))
    return f"{parts.scheme}://{user}{parts.hosts}{parts.path}{'?' if query else ''}{query}"


def _split(url: str) -> _Parts:
    try:
        parts = urlsplit(url)
        userinfo, at, hosts = parts.netloc.rpartition("@")
        user, _, password = userinfo.partition(":")
        parameters = [each.split("=") for each in parts.query.split("&") if parts.query]
        for host in hosts.split(","):  # libpq tries one after the other
            _ = urlsplit(f"//{host}").port  # raises ValueError if it is not a port
    except ValueError:  # its text may quote the password
        valid = False
    else:
        valid = (
            url.isprintable()
            and " " not in url
            and "#" not in url
            and "?" not in parts.query
            and url.count("@") == len(at)
            and not {"&", "="} & set(hosts + parts.path)
            and all(len(each) == 2 for each in parameters)
            and re.search("%(?![0-9A-Fa-f]{2})", url) is None
        )
    if not valid:
        raise InvalidProfileError(
            f"the URL {_scheme(url)}://{HIDDEN} is not valid: write it as "
            "postgresql://USER@HOST:PORT/DATABASE?NAME=VALUE, with special characters in a part "
            "percent-encoded ('@' as %40, '/' as %2F, ':' as %3A)"
        )
    return _Parts(parts.scheme, user, password, hosts, parts.path, parameters)


def _scheme(url: str) -> str:
    """Return the scheme; "postgresql" if it is not a URL, whose beginning may be a secret."""
    return url.partition("://")[0] if is_url(url) else "postgresql"


def _is_secret(parameter: str) -> bool:
    return unquote(parameter).casefold() in _SECRETS
