"""Groups whose commands are imported and built only when they are used.

Building the parameters of every command, and importing what they need, would cost each command a
quarter of its start-up time. Help and completion, which show all commands, still do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import typer.main
from typer.core import TyperGroup

from pytest_insight.cli import exit_status


class LazyGroup(TyperGroup):
    """A group that knows the names of its commands and builds each when it is first used."""

    factories: ClassVar[dict[str, Callable[[], Any]]] = {}
    """By name, the function that builds the command."""

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


def load_command(module: str) -> Any:
    """Import a module and build the command of its `app`."""
    return typer.main.get_command(import_module(module).app)


def single_command(function: Callable[..., None]) -> typer.Typer:
    """Return an app whose only command is the function."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return app


def command_group(help_: str, **commands: Callable[..., None]) -> typer.Typer:
    """Return an app that is a group of commands.

    Args:
        help_: its help text.
        commands: each function by the name of its command, in the order of the help.
    """
    factories = {name: partial(_build, function) for name, function in commands.items()}
    group = type("Group", (LazyGroup,), {"factories": factories})
    app = typer.Typer(cls=group, help=help_, add_completion=False)
    app.callback(invoke_without_command=True)(_print_help)
    return app


def _build(function: Callable[..., None]) -> Any:
    return typer.main.get_command(single_command(function))


def _print_help(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(exit_status.USAGE)
