"""Run the `insight` command with pipes or on a terminal, and measure its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from pytest_insight.cli.app import app
from tests import tools

INSIGHT = Path(sys.executable).with_name("insight")

_MEASURED = """
import atexit, re, sys
from pathlib import Path
from pytest_insight.cli import main
peak = Path(sys.argv.pop(1))
status = Path("/proc/self/status")
atexit.register(lambda: peak.write_text(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]))
main()
"""
"""Runs the command and writes its peak memory, measured inside the process itself."""


class Ran(NamedTuple):
    """The result of a command.

    Attributes:
        status: its exit status.
        out, err: what it printed; the same where both are one terminal.
        peak: peak memory in MiB; 0 if it was not measured.
    """

    status: int
    out: str
    err: str
    peak: int = 0


def run(*arguments: str | Path | bytes, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command in this process, with nothing on its standard input."""
    with patched(env):
        result = CliRunner().invoke(app, words(arguments), input=b"", prog_name="insight")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_apart(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
    umask: int = -1,
) -> Ran:
    """Run the command in a process of its own; `before` is a command that starts it."""
    ran = subprocess.run(
        [*before, str(INSIGHT), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=120,
        check=False,
        umask=umask,
    )
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def measured(peak: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command and measure its memory, which is written to the file `peak`."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(peak), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=120,
        check=False,
    )
    return Ran(
        ran.returncode, ran.stdout.decode(), ran.stderr.decode(), int(peak.read_text()) >> 10
    )


def on_a_terminal(*arguments: str | Path | bytes, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command in this process, with stdout and stderr on one very wide terminal."""
    variables = {"COLUMNS": "2000", "TERM": "xterm-256color", **(env or {})}
    with patched(variables) as patch, tools.terminal(2000) as (stdout, shown):
        copy = os.dup(stdout.fileno())
        with os.fdopen(copy, "w", encoding="utf-8", errors="backslashreplace") as stderr:
            patch.setattr(sys, "stdout", stdout)
            patch.setattr(sys, "stderr", stderr)
            with pytest.raises(SystemExit) as ended:
                app(words(arguments), prog_name="insight")
    text = shown.decode().replace("\r\n", "\n")
    return Ran(int(ended.value.code or 0), text, text)


@contextmanager
def patched(env: Mapping[str, str] | None) -> Iterator[pytest.MonkeyPatch]:
    """Set environment variables for a block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        yield patch


def words(arguments: Iterable[str | Path | bytes]) -> list[str]:
    """Return arguments as Python has them in `sys.argv`: bytes that are no text are surrogates."""
    return [os.fsdecode(argument) for argument in arguments]
