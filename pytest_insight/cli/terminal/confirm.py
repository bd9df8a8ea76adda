"""Confirmation of commands that delete or replace something."""

from __future__ import annotations

import sys

import typer

from pytest_insight._util.printable import printable
from pytest_insight.cli import exit_status
from pytest_insight.cli.terminal.output import say
from pytest_insight.locations import with_display_paths


def confirm(question: str, yes: bool) -> bool:
    """Return whether to go on: `yes` is True, or the user answers yes.

    After a no, the caller returns and nothing is changed: it is an answer, not an error.

    Raises:
        typer.Exit: stdin is no terminal, so that no question can be asked (status 2).
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        say(f"error: {question} not a terminal: pass --yes to confirm, or look with --dry-run")
        raise typer.Exit(exit_status.USAGE)
    if typer.confirm(printable(with_display_paths(question)), err=True):
        return True
    say("nothing was changed")
    return False
