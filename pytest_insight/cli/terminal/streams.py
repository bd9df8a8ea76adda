"""The standard streams: closed, full, without a reader, in an encoding without a letter."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import InsightError


def open_missing_streams() -> None:
    """Stand-ins for standard streams that are closed, and text that any of them can show.

    Python leaves a closed one None: messages would go to standard output then, into the data.
    """
    if sys.stdin is None:
        sys.stdin = _nothing(os.O_RDONLY, "r")
    if sys.stdout is None:
        # Writing to it fails, as it should: what was asked for would be lost.
        sys.stdout = _nothing(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _nothing(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an encoding that has not every letter


@contextmanager
def stdout_errors_told() -> Iterator[None]:
    """What a command prints arrives, or the command says why not.

    A reader that has gone (`| head`) is no error: it has what it wanted. The exit status that the
    block asks for stays.

    Raises:
        InsightError: standard output cannot be written.
    """
    try:
        with _told():
            yield
    finally:
        with _told():
            sys.stdout.flush()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _forget_stdout()
    except SystemExit as exc:
        if not isinstance(exc.__context__, BrokenPipeError):
            raise
        _forget_stdout()  # Rich, which prints help too, exits with status 1 there
    except OSError as exc:
        if exc.filename is not None:  # a file's, and a bug: files have errors of their own
            raise
        _forget_stdout()
        raise InsightError(f"cannot write to standard output: {os_error_text(exc)}") from exc


def _forget_stdout() -> None:
    # Python flushes once more at its end, and would complain about what is left.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _nothing(flags: int, mode: str) -> TextIO:
    return cast("TextIO", os.fdopen(os.open(os.devnull, flags), mode))
