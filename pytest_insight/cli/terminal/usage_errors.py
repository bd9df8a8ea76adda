"""Errors in how the command was called: an unknown option, a missing argument, a bad value.

Typer contains its own copy of Click from version 0.26 on, so that no base class of usage errors can
be imported from both. Click documents `format_message`, `exit_code`, `ctx` and `option_name`.
"""

from __future__ import annotations

from typing import Any

import typer

from pytest_insight._util.override import override
from pytest_insight.cli import near_misses
from pytest_insight.cli.terminal.output import say


class UsageError(typer.BadParameter):
    """A wrong use of the command line; the message is complete, without one of Typer's prefixes."""

    @override
    def format_message(self) -> str:
        return self.message


def is_usage_error(error: Exception) -> bool:
    """Return whether Typer has raised the error about the command line."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def print_usage_error(error: Any) -> int:
    """Print a usage error on stderr and return its exit status."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "insight"
    say(f"error: {_message(error, ctx)}")
    say(f"see: {path} --help")
    return int(error.exit_code)


def _message(error: Any, ctx: Any) -> str:
    unknown = getattr(error, "option_name", None)
    meant = near_misses.OPTIONS.get(unknown) if unknown else None
    if meant and ctx is not None:
        option = meant.split()[0]
        if any(option in parameter.opts for parameter in ctx.command.params):
            return f"unknown option {unknown!r}; did you mean: {meant}?"
    return " ".join(error.format_message().split())
