"""The command as users have it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from pytest_insight.storage import JSONStorage
from tests.conftest import MakeSession

INSIGHT = Path(sys.executable).with_name("insight")


class Insight(Protocol):
    """`insight("sessions", "list")`: run it and return what it printed."""

    def __call__(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        status: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Printed: ...


class Printed:
    """What a command printed, and its exit status."""

    def __init__(self, process: subprocess.CompletedProcess[bytes]) -> None:
        self.status = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()
        self.raw_out = process.stdout


@pytest.fixture
def insight() -> Insight:
    def run(
        *arguments: str | Path,
        stdin: bytes = b"",
        status: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Printed:
        command = [str(INSIGHT), *map(str, arguments)]
        printed = Printed(
            subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                env={**os.environ, **(env or {})},
                check=False,
                timeout=60,
            )
        )
        assert printed.status == status, (command, printed.status, printed.out, printed.err)
        return printed

    return run


@pytest.fixture
def store(make_session: MakeSession) -> JSONStorage:
    """The default profile's store with three sessions."""
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(3))
    return storage
