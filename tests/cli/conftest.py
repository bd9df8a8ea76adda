"""Run the command: in the process of the tests, which is fast, or in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from typer.testing import CliRunner

from pytest_insight.cli.app import app
from pytest_insight.storage import JSONStorage
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
