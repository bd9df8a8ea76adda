"""Groups whose commands are imported and built only when they are used.

Building the parameters of every command, and importing what they need, would cost each command a
quarter of its start-up time. Help and completion, which show all commands, still do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import typer.main
from typer.core import TyperCommand, TyperGroup

from pytest_insight.cli import exit_status
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import NEAR


class _PlainHelp:
    """Shows `--help` without a type: it takes no value."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of Click's Command
        if option is not None:
            option.metavar = ""
        return option


class _Command(_PlainHelp, TyperCommand):
    """A single command."""


class LazyGroup(_PlainHelp, TyperGroup):
    """A group that knows the names of its commands and builds each when it is first used."""

    factories: ClassVar[dict[str, Callable[[], Any]]] = {}
    """By name, the function that builds the command."""

    meant: ClassVar[Mapping[str, str]] = {}
    """The command line that people mean by the name of a command that does not exist."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The names alone are enough for lists of commands and for "did you mean".
        self.commands: dict[str, Any] = {**dict.fromkeys(self.factories), **self.commands}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as in the base class
        """Return the command, built on first use, or None if its name is unknown."""
        if cmd_name in self.factories and self.commands[cmd_name] is None:
            command = self.factories[cmd_name]()
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name and the command of the arguments, and the other arguments.

        Raises:
            UsageError: there is no such command; the message names the one that is meant.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise UsageError(self._unknown(args[0]), ctx=ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, name: str) -> str:
        import difflib  # only needed for an error

        meant = self.meant.get(name)
        if meant:
            return f"unknown command {name!r}; did you mean: {meant}?"
        near = difflib.get_close_matches(name, list(self.commands), n=1, cutoff=NEAR)
        answer = f"did you mean {near[0]!r}?" if near else f"choose {', '.join(self.commands)}"
        return f"unknown command {name!r}; {answer}"


def load_command(module: str) -> Any:
    """Import a module and build the command of its `app`."""
    return typer.main.get_command(import_module(module).app)


def single_command(function: Callable[..., None]) -> typer.Typer:
    """Return an app whose only command is the function."""
    app = typer.Typer(add_completion=False)
    app.command(cls=_Command)(function)
    return app


def command_group(
    help_: str, meant: Mapping[str, str], **commands: Callable[..., None]
) -> typer.Typer:
    """Return an app that is a group of commands.

    Args:
        help_: its help text.
        meant: as `LazyGroup.meant`.
        commands: each function by the name of its command, in the order of the help.
    """
    factories = {name: partial(_build, function) for name, function in commands.items()}
    group = type("Group", (LazyGroup,), {"factories": factories, "meant": meant})
    app = typer.Typer(cls=group, help=help_, add_completion=False)
    app.callback(invoke_without_command=True)(_print_help)
    return app


def _build(function: Callable[..., None]) -> Any:
    return typer.main.get_command(single_command(function))


def _print_help(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(exit_status.USAGE)
