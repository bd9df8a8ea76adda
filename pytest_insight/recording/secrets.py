"""Find the secrets of a run: values of variables, and passwords in URLs.

Secrets are looked for in the environment when a run starts, after collection (modules and `.env`
files are loaded then) and after each fixture that is shared by tests was set up. The workers of
pytest-xdist send those that they find to the controller, which records the run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from json import dumps
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest

WORDS = frozenset({"AUTH", "PASS", "PAT", "PRIVATE", "PWD"})
"""A variable holds a secret if one of the words in its name is one of these. PATH is not PAT."""
PARTS_OF_NAMES = (
    *("TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY"),
    *("ACCESSKEY", "ACCOUNTKEY"),  # in the connection strings of Azure
)
"""Or if its name contains one of these anywhere."""
ENDINGS = ("_KEY", "PASS", "PWD", "JWT", "COOKIE", "BEARER")
"""Or if its name ends with one of these."""
ORDINARY_ENDINGS = ("BYPASS", "COMPASS")
"""But not if it ends with one of these."""
WORKING_FOLDERS = frozenset({"PWD", "OLDPWD"})
"""Variables set by shells; no secrets."""
_ALIKE = str.maketrans("-.", "__")
"""Names are compared with hyphens and dots as underscores: options and tags have those."""

SHORTEST_SECRET = 8
"""Characters. Shorter values ("test", "1234") occur in ordinary text and are not hidden."""

CHANNEL = "insight_secrets"
"""The key in the `workerinput` of xdist for a channel; `plugin` has the same."""


class SecretHooks:
    """Looks for secrets that a run loads; registered as a plugin where tests run.

    What a test itself puts into the environment is not looked for.

    Args:
        found: called with each new secret that was found.
    """

    def __init__(self, found: Callable[[list[str]], None]) -> None:
        self._found = found
        self._known: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Look for what modules and plugins have loaded."""
        self._look()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look for what a module had loaded before its import failed or it was skipped."""
        if not report.passed:
            self._look()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        """Look for what a fixture with a wider scope than one test has loaded."""
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self._look()

    def _look(self) -> None:
        found = environment_secrets() - self._known
        if found:
            self._known |= found
            self._found(list(found))


def send_to_controller(workerinput: dict[str, Any]) -> SecretHooks:
    """Return the plugin of an xdist worker, which sends secrets on the channel it was given."""
    channel = workerinput.pop(CHANNEL)  # other plugins may copy or print the rest

    def send(secrets: list[str]) -> None:
        with suppress(OSError):  # the controller is gone
            channel.send(secrets)

    return SecretHooks(send)


def receive_from_worker(node: Any, found: Callable[[list[str]], None]) -> None:
    """Give an xdist worker that starts a channel for its secrets.

    They arrive before the events of the worker's tests: a connection keeps the order.

    Args:
        node: the worker's `WorkerController`.
        found: called with the secrets, in another thread.
    """
    channel = node.gateway.newchannel()
    channel.setcallback(found)
    node.workerinput[CHANNEL] = channel


def environment_secrets() -> set[str]:
    """Return the secrets in the environment of this process."""
    return secrets_of(os.environ)


def secrets_of(values: Mapping[str, str]) -> set[str]:
    """Return the secrets among named values, such as variables or tags.

    These are the values whose names look like those of secrets, and in all others the passwords in
    URLs and the values of secret names, as in `host=db password=...`.
    """
    found: set[str] = set()
    for name in list(values):  # other threads may change the environment
        value = values.get(name, "")
        if len(value) < SHORTEST_SECRET or name in WORKING_FOLDERS:
            continue
        if is_secret_name(name):
            found.add(value)
        elif "=" in value or "://" in value:
            found.update(secrets_in(value))
    return found


def secrets_of_arguments(arguments: Sequence[str]) -> set[str]:
    """Return the secrets in pytest's arguments: values of secret options, passwords in URLs."""
    found: set[str] = set()
    name = ""
    for argument in arguments:
        if ".py::" not in argument:  # a nodeid, in which any text may be a parameter
            found |= secrets_in(argument)
        if is_secret_name(name) and not argument.startswith("-") and not names_tests(argument):
            found.add(argument)
        name = argument if argument.startswith("-") and "=" not in argument else ""
    return {each for each in found if len(each) >= SHORTEST_SECRET}


def names_tests(argument: str) -> bool:
    """Return whether an argument is a file or folder of tests, after an option without a value.

    Its name is part of nodeids, which must stay as they are.
    """
    return os.path.exists(argument.partition("::")[0])  # noqa: PTH110 - as short


def secrets_in(text: str) -> set[str]:
    """Return the passwords in the URLs of a text and the values of secret names in it.

    Both as they are written and decoded.
    """
    found = {*_url_passwords(text), *_secret_parameters(text)}
    decoded = {unquote(each) for each in found if "%" in each}
    return {each for each in found | decoded if len(each) >= SHORTEST_SECRET}


def is_secret_name(name: str) -> bool:
    """Return whether the value of a variable, parameter or tag with this name is a secret."""
    name = name.lstrip("-").upper().translate(_ALIKE)
    for part in PARTS_OF_NAMES:  # a generator takes twice as long; this runs for every variable
        if part in name:
            return True
    if name.endswith(ENDINGS) and not name.endswith(ORDINARY_ENDINGS):
        return True
    return not WORDS.isdisjoint(re.split("[^A-Z0-9]", name))


def forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a secret may occur in a text.

    These are: unchanged, as repr() shows it, line by line, escaped in JSON and in URLs. pytest
    indents and prefixes each line it shows, so a key of several lines never occurs in one piece.
    """
    # A secret read from a file may end with a line break, which is usually not printed.
    for whole in dict.fromkeys((secret, secret.strip())):
        yield from _long_ones(_escaped(whole))
    if "\n" in secret or "\r" in secret:
        for line in secret.splitlines():
            yield from _long_ones(_escaped(line.strip()))


def _escaped(text: str) -> Iterator[str]:
    yield text
    if re.fullmatch(r"[\w.~-]*", text, re.ASCII):
        return  # has no character that is ever escaped
    yield repr(text)[1:-1]
    yield repr(f'{text}"')[1:-2]  # with all quotation marks escaped, as in a text with both kinds
    for ascii_only in (True, False):
        json = dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield json
        yield json.replace("/", "\\/")  # PHP
        yield re.sub("[&<>]", lambda match: f"\\u{ord(match[0]):04x}", json)  # Go, and in HTML
    for url in (
        quote(text, "", errors="replace"),
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
    ):
        yield url
        yield re.sub("%..", lambda match: match[0].lower(), url)


def _long_ones(texts: Iterable[str]) -> Iterator[str]:
    return (text for text in texts if len(text) >= SHORTEST_SECRET)


def _url_passwords(text: str) -> Iterator[str]:
    """Yield the passwords in the URLs of a text.

    One that equals its user is left out: images of databases have such ones (`postgres:postgres`),
    and the word occurs in ordinary text.
    """
    for rest in text.split("://")[1:]:
        url = rest.split(maxsplit=1)[0] if rest.strip() else ""
        authority = re.split("[/?#]", url, maxsplit=1)[0]
        if "@" not in authority and not re.fullmatch(r"[^:]*:\d+", authority):
            authority = url  # the password has one of these characters, unescaped
        user, _, password = authority.rpartition("@")[0].partition(":")
        if password != user:
            yield password


def _secret_parameters(text: str) -> Iterator[str]:
    """Yield the values of secret names: `?api_key=...`, `host=db password=...`, `Pwd=...;`."""
    for part in re.split(r"[\s?&;]", text):
        name, _, value = part.partition("=")
        if value and is_secret_name(name.strip()):
            value = value.strip("'\"")
            yield value
            yield re.split("[,#]", value, maxsplit=1)[0]
