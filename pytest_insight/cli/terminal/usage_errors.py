"""Errors in how the command was called: an unknown option, a missing argument, a bad value.

Typer contains its own copy of Click from version 0.26 on, so that no base class of usage errors can
be imported from both. Click documents `format_message`, `exit_code` and `ctx`.
"""

from __future__ import annotations

from typing import Any

from pytest_insight.cli.terminal.output import say


def is_usage_error(error: Exception) -> bool:
    """Return whether Typer has raised the error about the command line."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def print_usage_error(error: Any) -> int:
    """Print a usage error on stderr and return its exit status."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "insight"
    say(f"error: {' '.join(error.format_message().split())}")
    say(f"see: {path} --help")
    return int(error.exit_code)
