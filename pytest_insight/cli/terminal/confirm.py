"""Asking before something is destroyed."""

from __future__ import annotations

import sys

import typer

from pytest_insight.cli.render.text import printable
from pytest_insight.cli.terminal.output import say

EXIT_USAGE = 2


def confirmed(question: str, yes: bool) -> bool:
    """Whether to go on: `--yes`, or a person who says so. Without either, exit with status 2.

    A "no" is an answer, not an error: the caller returns and nothing is done.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        say(f"error: {question} Nobody is there to answer; say --yes, or look with --dry-run")
        raise typer.Exit(EXIT_USAGE)
    if typer.confirm(printable(question), err=True):
        return True
    say("nothing was changed")
    return False
