"""Run the `insight` command with pipes or on a terminal, and measure its memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from pytest_insight.cli import main
from pytest_insight.cli.app import app
from tests import tools
from tests.faults import kernel
from tests.faults.victims import forking

INSIGHT = Path(sys.executable).with_name("insight")


class Ran(NamedTuple):
    """The result of a command.

    Attributes:
        status: its exit status.
        out, err: what it printed; the same where both are one terminal.
        grown: how much memory it took besides what it began with, at most, in MiB; 0 if it was
            not measured.
    """

    status: int
    out: str
    err: str
    grown: int = 0


def run(*arguments: str | Path | bytes, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command in this process, with nothing on its standard input."""
    with patched(env):
        result = CliRunner().invoke(app, words(arguments), input=b"", prog_name="insight")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_as(
    before: tuple[str, ...], *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Ran:
    """Run the command in a new interpreter that another command starts (`before`)."""
    ran = subprocess.run(
        [*before, str(INSIGHT), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=120,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def run_apart(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    obeys_permissions: bool = False,
) -> Ran:
    """Run the command in a process of its own, forked from one that has imported everything.

    Args:
        arguments: of the command.
        env: more environment variables.
        umask: of the process; -1: as here.
        obeys_permissions: permissions of files hold for it, even if root runs it.
    """
    variables = {**os.environ, **(env or {})}
    with TemporaryDirectory() as folder:
        # Its reports are files: they hold what it wrote until it was killed, and need no thread.
        process = forking().Process(
            target=_run_here,
            args=(Path(folder), words(arguments), variables, umask, obeys_permissions),
            daemon=True,
        )
        process.start()
        process.join(120)
        assert process.exitcode is not None, f"{arguments} takes more than two minutes"
        out, err, grown = (Path(folder, name).read_bytes().decode() for name in REPORTS)
        return Ran(process.exitcode, out, err, int(grown) >> 10)


REPORTS = ("out", "err", "grown")


def _run_here(
    folder: Path,
    arguments: list[str],
    variables: dict[str, str],
    umask: int,
    obeys_permissions: bool,
) -> None:
    """Run the command in this process, with files for its output."""
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, name in enumerate(REPORTS[:2], 1):
        with Path(folder, name).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    if obeys_permissions:
        kernel.obey_permissions()
    before = _memory("VmRSS")
    with Path(folder, REPORTS[2]).open("w") as grown:
        if umask >= 0:
            os.umask(umask)
        sys.argv = ["insight", *arguments]
        try:
            main()
        finally:
            grown.write(str(_memory("VmHWM") - before))


def _memory(which: str) -> int:
    """Return the memory of this process now or at most (VmRSS, VmHWM) in KiB; 0 without /proc."""
    status = Path("/proc/self/status")
    found = re.search(rf"{which}:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


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
