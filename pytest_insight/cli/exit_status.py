"""The exit statuses of `insight`."""

from __future__ import annotations

from pytest_insight.errors import (
    InsightError,
    InvalidArgumentError,
    UnknownChoiceError,
    UnknownProfileError,
)

DONE = 0
ERROR = 1
"""An `InsightError`; also damage that `sessions verify` has found."""
USAGE = 2
"""A command line that can never work, whatever is stored: an unknown option, a bad value."""
MATCHED = 3
"""`--exit-code` was given, and something matched."""
INTERRUPTED = 128 + 2
"""SIGINT, as shells report it."""


def of_error(error: InsightError) -> int:
    """Return `USAGE` for a bad value, else `ERROR`.

    A profile that does not exist is no bad value: the same command works once it is created.
    """
    bad_value = isinstance(error, InvalidArgumentError | UnknownChoiceError)
    return USAGE if bad_value and not isinstance(error, UnknownProfileError) else ERROR
