"""Errors in how the command was called: an unknown option, a missing argument, a bad value."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import typer

from pytest_insight._util.override import override
from pytest_insight.cli import near_misses
from pytest_insight.cli.terminal.output import say

ANY_USAGE_ERROR: Any = typer.BadParameter.__base__
"""The class of all errors in the command line; Typer exports only those in values."""


class UsageError(typer.BadParameter):
    """A wrong use of the command line; the message is complete, without one of Typer's prefixes."""

    @override
    def format_message(self) -> str:
        return self.message


def print_usage_error(error: Any) -> int:
    """Print a usage error on stderr and return its exit status."""
    ctx = error.ctx
    path = ctx.command_path if ctx is not None else "insight"
    say(f"error: {_message(error, ctx)}")
    say(f"see: {path} --help")
    return int(error.exit_code)


def _message(error: Any, ctx: Any) -> str:
    """Return the message of one of Click's errors as one of our sentences."""
    if isinstance(error, UsageError):
        return error.message
    name = getattr(error, "option_name", None)
    options = _options(ctx) if ctx is not None else {}
    if name in options:
        return _value_message(name, options[name])
    if name:
        return f"unknown option {name!r}{_option_meant(name, list(options))}"
    if type(error).__name__ == "MissingParameter" and ctx is not None:
        argument = error.param
        return f"`{ctx.command_path}` needs {argument.metavar}: {_fragment(argument.help)}"
    return _fragment(" ".join(error.format_message().split()))


def _options(ctx: Any) -> dict[str, Any]:
    """Return the options of a command by each of their names."""
    parameters = ctx.command.get_params(ctx)
    return {name: each for each in parameters for name in each.opts if name.startswith("-")}


def _value_message(name: str, option: Any) -> str:
    if option.is_flag:
        return f"{name} takes no value"
    example = option.help.partition("Example: ")[2]
    return f"{name} needs a value{example and f', as in {example}'}"


def _option_meant(name: str, names: list[str]) -> str:
    words = near_misses.OPTIONS.get(name, "").split()
    # Only options that this command has.
    meant = " ".join(takewhile(lambda word: not word.startswith("-") or word in names, words))
    if meant:
        return f"; did you mean: {meant}?"
    near = near_misses.near_value(name, names)
    return f"; did you mean {near}?" if near else ""


def _fragment(sentence: str) -> str:
    """Return a sentence without its capital letter and full stop."""
    is_name = sentence[1:2].isupper()
    return (sentence if is_name else sentence[:1].lower() + sentence[1:]).rstrip(".")
