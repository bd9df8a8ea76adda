"""Run the command: in the process of the tests, which is fast, or in a separate process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from typer.testing import CliRunner

from pytest_insight.cli.app import app
from pytest_insight.storage import JSONStorage
from tests import tools
from tests.conftest import MakeSession

INSIGHT = Path(sys.executable).with_name("insight")


class Insight(Protocol):
    """`insight("sessions", "list")`: run it, check its exit status, return what it printed."""

    def __call__(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        status: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Printed: ...


class Printed(NamedTuple):
    """What a command printed."""

    raw_out: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw_out.decode()


@pytest.fixture
def insight() -> Insight:
    """The command in this process."""

    def run(
        *arguments: str | Path,
        stdin: bytes = b"",
        status: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Printed:
        words = list(map(str, arguments))
        result = CliRunner().invoke(app, words, input=stdin, env=env, prog_name="insight")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, (words, result.exit_code, result.stdout, result.stderr)
        return Printed(result.stdout_bytes, result.stderr)

    return run


Screen = Callable[..., list[str]]
"""`screen(80, "sessions", "list")`: the lines that it prints on a terminal, without styles."""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """The command in this process, with stdout on a terminal of some size."""

    def run(
        columns: int, *arguments: str, status: int = 0, rows: int = 1_000, styles: bool = False
    ) -> list[str]:
        with monkeypatch.context() as patch, tools.terminal(columns, rows) as (stdout, shown):
            patch.setattr(sys, "stdout", stdout)
            patch.setenv("COLUMNS", str(columns))
            patch.setenv("TERM", os.environ.get("TERM", "xterm-256color"))
            with pytest.raises(SystemExit) as ended:
                app(list(arguments), prog_name="insight")
        assert (ended.value.code or 0) == status
        text = shown.decode().replace("\r\n", "\n")
        return (text if styles else STYLES.sub("", text)).splitlines()

    return run


STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def insight_process() -> Insight:
    """The command in a separate process: for time zones, memory profiles and start-up."""

    def run(
        *arguments: str | Path,
        stdin: bytes = b"",
        status: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Printed:
        command = [str(INSIGHT), *map(str, arguments)]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env={**os.environ, **(env or {})},
            check=False,
            timeout=60,
        )
        assert done.returncode == status, (command, done)
        return Printed(done.stdout, done.stderr.decode())

    return run


@pytest.fixture
def store(make_session: MakeSession) -> JSONStorage:
    """The default profile's store with three sessions."""
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    return storage
