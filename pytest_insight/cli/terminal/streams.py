"""Standard streams that are closed, full, without a reader, or in an encoding without a letter."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from pytest_insight._util.files import os_error_text
from pytest_insight._util.override import override
from pytest_insight.errors import InsightError

if TYPE_CHECKING:
    from typing_extensions import Buffer


def open_missing_streams() -> None:
    """Replace closed standard streams, and have the others escape what they cannot encode.

    Python sets a closed stream to None; messages would then go to stdout, into the data. Messages
    that cannot be written to standard error are lost, and change nothing else.
    """
    if sys.stdin is None:
        sys.stdin = _null_stream(os.O_RDONLY, "r")
    if sys.stdout is None:
        # Read-only, so that writing fails: the output would be lost.
        sys.stdout = _null_stream(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null_stream(os.O_WRONLY, "w")
    elif type(sys.stderr) is io.TextIOWrapper and sys.stderr.fileno() == _STDERR:
        buffer = io.BufferedWriter(_LenientFile(_STDERR, "wb", closefd=False))
        sys.stderr = io.TextIOWrapper(buffer, sys.stderr.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_STDERR = 2


class _LenientFile(io.FileIO):
    """A file that takes what cannot be written to it."""

    @override
    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError:  # full, or its reader has gone
            return memoryview(data).nbytes


@contextmanager
def stdout_errors_reported() -> Iterator[None]:
    """Flush stdout after the block, and report what cannot be written.

    A reader that has gone (`| head`) is no error: the block ends, and the exit status stays.

    Raises:
        InsightError: stdout cannot be written.
    """
    try:
        with _write_errors_reported():
            yield
    finally:
        with _write_errors_reported():
            sys.stdout.flush()


@contextmanager
def _write_errors_reported() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _discard_stdout()
    except SystemExit as exc:
        if not isinstance(exc.__context__, BrokenPipeError):
            raise
        _discard_stdout()  # Typer and Rich exit with status 1 if the reader has gone
    except OSError as exc:
        if exc.filename is not None:  # not about stdout, and a bug: files have their own errors
            raise
        _discard_stdout()
        raise InsightError(f"cannot write to standard output: {os_error_text(exc)}") from exc


def _discard_stdout() -> None:
    # Python flushes once more when it exits, and would complain about what is left.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _null_stream(flags: int, mode: str) -> TextIO:
    return cast("TextIO", os.fdopen(os.open(os.devnull, flags), mode))
