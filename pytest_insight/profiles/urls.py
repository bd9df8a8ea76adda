"""Addresses of databases, and keeping the passwords in them to ourselves. Pure: no I/O.

What libpq, which connects, takes for a password is always found. Beyond that, so is what a person
can only have meant as one: a password with an unescaped `@` or `/`, which libpq ends too early or
takes for something else, and would then be printed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HIDDEN = "***"

# Of whatever scheme: others have the same form.
_SCHEME = r"\A[^/]*://"
_HOST = r"(?:\[[^\]]*\]|[^\[:/?,@][^:/?,@]*)?(?::[0-9]*)?"
# As libpq does it: user and password end at the first "@", whatever else is in them, unless a "/"
# comes before it. What follows has to be hosts with ports that are numbers, and a database whose
# name does not look like the rest of a password and a host; else something else was meant.
_AS_READ = re.compile(
    rf"(?P<before>{_SCHEME}(?:[^:@/]*(?=(?::[^@/]*)?@))?+)(?::(?P<password>[^@/]*)(?=@))?+"
    rf"(?P<rest>@?{_HOST}(?:,{_HOST})*(?:\Z|\?|/(?![^?]*@[^?]*/|[^?]*:[^?]*@)).*)",
    re.DOTALL,
)
# The last "@" before the query, so that a password with "@" or "/" in it is hidden whole: first
# where libpq too finds a password, which may have a "?", then where it takes it for something else.
_AS_MEANT = (
    re.compile(
        rf"(?P<before>{_SCHEME}[^:@/]*):(?P<password>[^@/]*(?:@[^?]*)?)(?P<rest>@.*)", re.DOTALL
    ),
    re.compile(rf"(?P<before>{_SCHEME}[^:?]*):(?P<password>[^?]*)(?P<rest>@.*)", re.DOTALL),
)

_NAMES = ("password", "sslpassword", "oauth_client_secret")
"""Parameters that libpq marks as passwords."""


def _escaped(name: str) -> str:
    """The pattern of the name, of which any character may be escaped, as `pass%77ord` is."""
    return "".join(f"(?:{char}|%{ord(char):x}|%{ord(char.upper()):x})" for char in name)


# In capitals libpq refuses it, and says so with the address. Spaces around the name it drops.
_NAMED = rf" *(?:{'|'.join(map(_escaped, _NAMES))}) *="
# What looks like one before the query, as part of a host, does not hide the one that begins it.
_VALUE = rf"(?:(?!\?{_NAMED})[^&])*"
_PARAMETER = re.compile(rf"(?P<lead>[?&])(?P<name>{_NAMED})(?P<password>{_VALUE})", re.IGNORECASE)
_PARAMETERS = re.compile(rf"(?P<lead>[?&])(?:{_NAMED}{_VALUE}(?:&|\Z|(?=\?)))+", re.IGNORECASE)


class _Parts(NamedTuple):
    """An address: `before:passwordrest`, or `beforerest` where password is None.

    Attributes:
        before: the scheme and the user.
        password: the user's, as it stands there.
        rest: `@`, where there is a user, and what follows: hosts, database and parameters.
    """

    before: str
    password: str | None
    rest: str


def passwords(url: str) -> list[str]:
    """The passwords in it, as they stand there and decoded; [] where it has none.

    One with an unescaped `@` or `/` is followed by its parts: libpq speaks of these.
    """
    from urllib.parse import unquote

    parts = _parts(url)
    of_parameters = [match["password"] for match in _PARAMETER.finditer(parts.rest)]
    of_user = parts.password or ""
    found = [of_user, *re.split("[@/]", of_user), *of_parameters]
    decoded = [unquote(each.strip(" ")) for each in found]  # libpq drops the spaces
    return [each for each in dict.fromkeys([*found, *decoded]) if each]


def without_password(url: str) -> str:
    """The same address; who uses it has the password from elsewhere."""
    parts = _parts(url)
    return parts.before + _PARAMETERS.sub(
        lambda match: match["lead"] if match.end() < len(match.string) else "", parts.rest
    )


def masked(url: str) -> str:
    """The address for people: `***` for each password."""
    parts = _parts(url)
    password = "" if parts.password is None else f":{HIDDEN}"
    rest = _PARAMETER.sub(rf"\g<lead>\g<name>{HIDDEN}", parts.rest)
    return f"{parts.before}{password}{rest}"


def _parts(url: str) -> _Parts:
    for form in (_AS_READ, *_AS_MEANT):
        if match := form.match(url):
            return _Parts(**match.groupdict())
    return _Parts("", None, url)
