"""Decode the files of a folder of Allure results (`--alluredir`).

Only regular files directly in the folder are read: no symbolic links, and no attachments elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.readers.recognition import ALLURE_RESULT
from pytest_insight.exchange.readers.shared.json_values import decode, decoder_for
from pytest_insight.limits import MAX_ATTACHMENT_END

CONTAINER = "-container.json"
EXECUTOR = "executor.json"
ENVIRONMENT = "environment.properties"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # Windows has neither


class Details(msgspec.Struct):
    """Why a test or fixture did not pass."""

    message: str | None = None
    trace: str | None = None


class Attachment(msgspec.Struct):
    """A file that belongs to a result."""

    name: str | None = None
    source: str | None = None
    type: str | None = None


class Pair(msgspec.Struct):
    """A label or a parameter."""

    name: str | None = None
    value: str | None = None
    excluded: bool | None = None


class Step(msgspec.Struct):
    """A fixture, or a step of a test."""

    status: str | None = None
    details: Details | None = msgspec.field(default=None, name="statusDetails")
    start: float | None = None
    stop: float | None = None


class Result(Step):
    """One attempt at one test; times are milliseconds since 1970."""

    uuid: str = ""
    name: str | None = None
    full_name: str | None = msgspec.field(default=None, name="fullName")
    title_path: list[str] | None = msgspec.field(default=None, name="titlePath")
    history_id: str | None = msgspec.field(default=None, name="historyId")
    labels: list[Pair] | None = None
    parameters: list[Pair] | None = None
    attachments: list[Attachment] | None = None
    steps: list[Step] | None = None

    def label(self, name: str) -> str:
        """Return the first label with this name, else an empty text."""
        found = (each.value for each in self.labels or () if each.name == name)
        return next(found, None) or ""


class Container(msgspec.Struct):
    """Fixtures, and the results that they are of."""

    children: list[str] | None = None
    befores: list[Step] | None = None
    afters: list[Step] | None = None


class Executor(msgspec.Struct):
    """The CI build."""

    name: str | None = None
    type: str | None = None
    build_name: str | None = msgspec.field(default=None, name="buildName")
    build_order: int | str | None = msgspec.field(default=None, name="buildOrder")
    build_url: str | None = msgspec.field(default=None, name="buildUrl")


_RESULT = decoder_for(Result)
_CONTAINER = decoder_for(Container)
_EXECUTOR = decoder_for(Executor)


class Folder:
    """A folder of results.

    Attributes:
        names: of the regular files in it, sorted.
    """

    def __init__(self, path: Path) -> None:
        """List the files of a folder.

        Raises:
            ExchangeError: it cannot be read.
        """
        self._path = path
        try:
            with os.scandir(path) as entries:
                found = [each.name for each in entries if each.is_file(follow_symlinks=False)]
        except OSError as exc:
            raise ExchangeError(f"cannot read {path}: {os_error_text(exc)}", str(path)) from exc
        self.names = sorted(found)

    def results(self) -> Iterator[tuple[str, Result]]:
        """Yield the name of each result's file, and the result.

        Raises:
            InvalidValueError: a file is not such JSON.
        """
        for name in self.names:
            if name.endswith(ALLURE_RESULT):
                yield name, decode(self._read(name), _RESULT, name)

    def containers(self) -> Iterator[Container]:
        """Yield the containers; raises as `results`."""
        for name in self.names:
            if name.endswith(CONTAINER):
                yield decode(self._read(name), _CONTAINER, name)

    def executor(self) -> Executor:
        """Return what the folder says of the CI build; raises as `results`."""
        if EXECUTOR not in self.names:
            return Executor()
        return decode(self._read(EXECUTOR), _EXECUTOR, EXECUTOR)

    def environment(self) -> dict[str, str]:
        """Return the properties of the environment."""
        if ENVIRONMENT not in self.names:
            return {}
        lines = self._read(ENVIRONMENT).decode(errors="replace").splitlines()
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", "!")))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}

    def attachment(self, source: str | None) -> str | None:
        """Return the text of an attachment: of a large one, its beginning and its end.

        Returns None if it is no regular file in the folder.
        """
        if source is None or source not in self.names:  # so it has no folder in it
            return None
        try:
            descriptor = os.open(self._path / source, os.O_RDONLY | _NO_FOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    return None
                data = file.read(MAX_ATTACHMENT_END)
                if found.st_size > 2 * MAX_ATTACHMENT_END:
                    file.seek(-MAX_ATTACHMENT_END, os.SEEK_END)
                return (data + file.read(MAX_ATTACHMENT_END)).decode(errors="replace")
        except OSError:
            return None

    def _read(self, name: str) -> bytes:
        return Input.from_path(self._path / name).read()
