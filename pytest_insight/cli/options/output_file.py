"""The file that a command writes: its argument FILE or the option --output, else stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.terminal.usage_errors import UsageError

STDOUT = "-"


def file_argument(help_: str) -> Any:
    """Return the argument FILE; the help says what is written without it."""
    return typer.Argument(metavar="FILE", readable=False, help=help_)  # it is only written


def output_option(example: str) -> Any:
    """Return the option --output; the example is the name of a file."""
    return option(
        "The file to write, as the argument FILE.",
        "--output",
        "-o",
        example=example,
        metavar="FILE",
        readable=False,
    )


def file_to_write(path: Path | None, output: Path | None) -> Path | None:
    """Return the file that the argument or the option names; None for standard output.

    Raises:
        UsageError: both are given.
    """
    if path is not None and output is not None:
        raise UsageError(f"two files to write, {path} and {output}: leave one out")
    path = output if path is None else path
    return None if str(path) == STDOUT else path
