"""Groups whose commands are imported and built only when they are used.

Building the parameters of every command, and importing what they need, would cost each command a
quarter of its start-up time. Help and completion, which show all commands, still do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, NoReturn

import typer.main
from typer.core import TyperCommand, TyperGroup

from pytest_insight.cli import exit_status
from pytest_insight.cli.near_misses import with_arguments
from pytest_insight.cli.terminal.output import as_text, is_fancy
from pytest_insight.cli.terminal.pager import use_pager
from pytest_insight.cli.terminal.usage_errors import ANY_USAGE_ERROR, UsageError
from pytest_insight.errors import near_names

NO_PAGER = "--no-pager"
"""A global option that every command takes, too, without listing it."""

Panels = Mapping[str, Mapping[str, Callable[..., Any]]]
"""The commands of a group by the headings of its help."""


class _OwnHelp:
    """A command or group whose help is ours (`render.help`)."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from pytest_insight.cli.render.help import help_lines

        formatter.write(as_text(help_lines(self, ctx)))
        ctx.color = is_fancy()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        except ANY_USAGE_ERROR as exc:
            exc.ctx = exc.ctx or ctx
            raise
        if not ctx.resilient_parsing:
            _refuse_blank_values(ctx)
        return rest


def _refuse_blank_values(ctx: Any) -> None:
    """Raise UsageError for an empty value: mostly an unset shell variable, never "everything"."""
    for parameter in ctx.command.params:
        given = ctx.params.get(parameter.name)
        for value in given if isinstance(given, list | tuple) else [given]:
            if isinstance(value, str) and not value.strip():
                is_option = parameter.param_type_name == "option"
                name = parameter.opts[0] if is_option else parameter.metavar
                rest = "give a value" if parameter.required else "give a value, or leave it out"
                raise UsageError(f"{name} is empty: {rest}", ctx=ctx)


class _Command(_OwnHelp, TyperCommand):
    """A single command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            UsageError: there are more than the command takes, or another error of Click's.
        """
        end = args.index("--") if "--" in args else len(args)
        if NO_PAGER in args[:end]:
            use_pager(False)
            args = [*(word for word in args[:end] if word != NO_PAGER), *args[end:]]
        ctx.allow_extra_args = True  # Click's own error lacks the name of the command
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise UsageError(f"`{ctx.command_path}` takes no argument {rest[0]!r}", ctx=ctx)
        return rest


class LazyGroup(_OwnHelp, TyperGroup):
    """A group that knows the names of its commands and builds each when it is first used."""

    panels: ClassVar[Panels] = {}
    """By panel and name, the function that builds the command."""

    alone: ClassVar[str] = ""
    """What the group does without a command, for its help; "" if it prints the help."""

    meant: ClassVar[Mapping[str, str]] = {}
    """The command line that people mean by the name of a command that does not exist."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._factories = {n: f for panel in self.panels.values() for n, f in panel.items()}
        # The names alone are enough for lists of commands and for "did you mean".
        self.commands: dict[str, Any] = {**dict.fromkeys(self._factories), **self.commands}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as in the base class
        """Return the command, built on first use, or None if its name is unknown."""
        if cmd_name in self._factories and self.commands[cmd_name] is None:
            command = self._factories[cmd_name]()
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name and the command of the arguments, and the other arguments.

        `help COMMAND` is `COMMAND --help`.

        Raises:
            UsageError: there is no such command; the message names the one that is meant.
        """
        if args[0] == "help":
            args = args[1:] if ctx.resilient_parsing else [*args[1:], "--help"]
        if not args:  # TAB after `help` completes commands of this group
            return None, None, []
        if args[0] == "--help":
            print_help(ctx)
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise UsageError(self._unknown(*args), ctx=ctx)
        return super().resolve_command(ctx, args)

    def meant_by(self, name: str, others: Sequence[str]) -> str:
        """Return the command line that is meant; "" if that is not known.

        Args:
            name: of a command that does not exist.
            others: the arguments after it.
        """
        return with_arguments(self.meant.get(name, ""), others)

    def _unknown(self, name: str, *others: str) -> str:
        meant = self.meant_by(name, others)
        if meant:
            return f"unknown command {name!r}; did you mean: {meant}?"
        near = near_names(name, self.commands, most=1)
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
    help_: str,
    meant: Mapping[str, str],
    panels: Mapping[str, Mapping[str, Callable[..., None] | str]],
) -> typer.Typer:
    """Return an app that is a group of commands.

    Args:
        help_: its help text.
        meant: as `LazyGroup.meant`.
        panels: the headings of its help, and each function by the name of its command; as
            "module:function", below `cli.commands`, it is imported when it is used.
    """
    factories = {
        panel: {name: partial(_build, function) for name, function in commands.items()}
        for panel, commands in panels.items()
    }
    group = type("Group", (LazyGroup,), {"panels": factories, "meant": meant})
    app = typer.Typer(cls=group, help=help_, add_completion=False)
    app.callback(invoke_without_command=True)(_print_help_alone)
    return app


def _build(function: Callable[..., None] | str) -> Any:
    if isinstance(function, str):
        module, _, name = function.partition(":")
        return _build(getattr(import_module(f"pytest_insight.cli.commands.{module}"), name))
    return typer.main.get_command(single_command(function))


def _print_help_alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        print_help(ctx, exit_status.USAGE)


def print_help(ctx: typer.Context, status: int = exit_status.DONE) -> NoReturn:
    """Print the help of the context's command, and exit with the status."""
    help_ = ctx.get_help()
    typer.echo(help_, color=ctx.color)
    raise typer.Exit(status)
