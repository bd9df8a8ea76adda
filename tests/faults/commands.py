"""Run the `insight` command with pipes, on a terminal, or with limited memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

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


def run(
    *arguments: str | Path | bytes,
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
    umask: int = -1,
) -> Ran:
    """Run the command with pipes; `before` is a command that starts it."""
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
    """Run the command with standard output and error on one very wide terminal."""
    environment = {**os.environ, "COLUMNS": "2000", "TERM": "xterm-256color", **(env or {})}
    shown = tools.on_terminal([INSIGHT, *arguments], environment, streams=["stdout", "stderr"])
    return Ran(shown.status, shown.text, shown.text)
