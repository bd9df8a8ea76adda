"""Groups whose commands are imported and built only when they are used.

Building the parameters of every command, and importing what they need, would cost each command a
quarter of its start-up. Help and completion, which show all of them, still do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import typer.main
from typer.core import TyperGroup

from pytest_insight.cli.terminal.streams import stdout_errors_told
from pytest_insight.cli.terminal.usage_errors import usage_errors_told

Function = TypeVar("Function", bound=Callable[..., None])

MODULES = {
    "profile": "pytest_insight.cli.commands.profile.profiles",
    "sessions": "pytest_insight.cli.commands.sessions.runs",
    "export": "pytest_insight.cli.commands.export",
    "import": "pytest_insight.cli.commands.import_",
    "query": "pytest_insight.cli.commands.query",
    "docs": "pytest_insight.cli.commands.docs",
}
"""The module of each group or command of `insight`; it has an `app`."""


class LazyGroup(TyperGroup):
    """A group that knows the names of its commands, and makes one when it is asked for."""

    makers: ClassVar[dict[str, Callable[[], Any]]] = {}
    """What makes each command, by its name."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The names alone, for listings and for "did you mean".
        self.commands: dict[str, Any] = {**dict.fromkeys(self.makers), **self.commands}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as in the base class
        """The command, built the first time; None where there is none of that name."""
        if cmd_name in self.makers and self.commands[cmd_name] is None:
            command = self.makers[cmd_name]()
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands.get(cmd_name)


def _imported(module: str) -> Any:
    return typer.main.get_command(import_module(module).app)


def _built(function: Callable[..., None]) -> Any:
    return typer.main.get_command(alone(function))


def alone(function: Callable[..., None]) -> typer.Typer:
    """A function as a command of its own."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return app


class RootGroup(LazyGroup):
    """`insight` itself."""

    makers: ClassVar = {name: partial(_imported, module) for name, module in MODULES.items()}

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class, its own options parsed."""
        with usage_errors_told(), stdout_errors_told():
            return super().make_context(*args, **kwargs)
        raise typer.Exit  # whoever read our help has gone

    def invoke(self, ctx: Any) -> Any:
        """As the base class; the options of every command below are parsed here."""
        with usage_errors_told(), stdout_errors_told():
            return super().invoke(ctx)


class Commands:
    """The commands of one group, added by decorating functions.

    Attributes:
        app: the group, for Typer.
    """

    def __init__(self, help_: str) -> None:
        self._makers: dict[str, Callable[[], Any]] = {}
        group = type("Group", (LazyGroup,), {"makers": self._makers})
        self.app = typer.Typer(cls=group, help=help_, no_args_is_help=True, add_completion=False)
        self.app.callback()(_nothing)  # without one Typer takes an app for a command

    def command(self, name: str) -> Callable[[Function], Function]:
        """Add a function as the command of that name, which is built when it is used."""

        def add(function: Function) -> Function:
            self._makers[name] = partial(_built, function)
            return function

        return add


def _nothing() -> None:
    pass
