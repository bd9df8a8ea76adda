"""The command's groups, each imported and built only when it is used.

Building the parameters of every command, and importing what they need, would cost each command a
quarter of its start-up. Help and completion, which show all of them, still do.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer.main
from typer.core import TyperGroup

MODULES = {
    "profile": "pytest_insight.cli.profile",
    "sessions": "pytest_insight.cli.sessions",
    "export": "pytest_insight.cli.export",
    "import": "pytest_insight.cli.import_",
    "query": "pytest_insight.cli.query",
}
"""The module of each group or command; it has an `app`."""


class LazyGroup(TyperGroup):
    """A group that knows the names of its commands, and makes one when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The names alone, for listings and for "did you mean".
        self.commands: dict[str, Any] = {**dict.fromkeys(MODULES), **self.commands}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as in the base class
        """The command, built the first time; None where there is none of that name."""
        if cmd_name in MODULES and self.commands[cmd_name] is None:
            command = typer.main.get_command(import_module(MODULES[cmd_name]).app)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands.get(cmd_name)
