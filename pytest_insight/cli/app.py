"""The root of the command line: global options, groups, and the one place that reports errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, NoReturn

import typer

from pytest_insight.cli import exit_status, near_misses
from pytest_insight.cli.completion.bash_words import words_joined
from pytest_insight.cli.completion.candidates import profiles
from pytest_insight.cli.completion.installation import install
from pytest_insight.cli.lazy_group import NO_PAGER, LazyGroup, load_command
from pytest_insight.cli.options.common import PROFILE_HELP
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.damage import warnings_printed
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.pager import use_pager
from pytest_insight.cli.terminal.streams import open_missing_streams, stdout_errors_reported
from pytest_insight.cli.terminal.usage_errors import ANY_USAGE_ERROR, print_usage_error
from pytest_insight.errors import InsightError, InvalidImportError
from pytest_insight.locations import PROFILE_VARIABLE

COMMANDS = "pytest_insight.cli.commands"
PANELS = {
    "Ask": {
        "failures": f"{COMMANDS}.failures",
        "flaky": f"{COMMANDS}.flaky",
        "slow": f"{COMMANDS}.slow",
        "compare": f"{COMMANDS}.compare",
        "history": f"{COMMANDS}.history",
        "verdicts": f"{COMMANDS}.verdicts",
        "report": f"{COMMANDS}.report",
        "sessions": f"{COMMANDS}.sessions.group",
        "query": f"{COMMANDS}.query",
    },
    "Exchange": {"export": f"{COMMANDS}.export", "import": f"{COMMANDS}.import_"},
    "Keep": {"profile": f"{COMMANDS}.profile.group", "docs": f"{COMMANDS}.docs"},
}
"""The groups and commands of `insight` by panel of its help, each with the module of its `app`."""


class RootGroup(LazyGroup):
    """`insight` itself."""

    panels: ClassVar = {
        panel: {name: partial(load_command, module) for name, module in modules.items()}
        for panel, modules in PANELS.items()
    }
    alone: ClassVar = "Show the project in this folder at a glance."
    meant: ClassVar = near_misses.ROOT

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name and the command of the arguments; `version` is `--version`.

        Raises:
            UsageError: there is no such command.
        """
        _print_version(args[0] == "version" and not ctx.resilient_parsing)
        return super().resolve_command(ctx, args)

    def meant_by(self, name: str, others: Sequence[str]) -> str:
        """Return the command line that is meant; a nodeid or a file asks for its history."""
        if "::" in name or name.endswith(".py"):
            return near_misses.with_arguments("insight history TEST", [name])
        return super().meant_by(name, others)

    def main(self, *args: Any, **more: Any) -> NoReturn:
        """Run the command and exit; see `exit_status`.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            SystemExit: always otherwise.
        """
        open_missing_streams()
        for each in self.params:
            if each.name == "install_completion" and each.callback is not None:
                each.callback = partial(install, each.callback)
        status = exit_status.DONE
        try:
            with words_joined(), warnings_printed(), stdout_errors_reported():
                more["standalone_mode"] = False  # report errors here
                status = super().main(*args, **more) or 0
        except InsightError as exc:
            say(f"error: {exc}", lines=isinstance(exc, InvalidImportError))
            status = exit_status.of_error(exc)
        except typer.Abort:  # the end of the input instead of an answer
            raise KeyboardInterrupt from None
        except ANY_USAGE_ERROR as exc:
            status = print_usage_error(exc)
        if status == exit_status.INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            raise KeyboardInterrupt
        sys.exit(status)


app = typer.Typer(
    name="insight",
    cls=RootGroup,
    help="Remembers every pytest run: what failed, since when, is it flaky, what got slow.\n\n"
    "Record a run with `pytest --insight`, then ask: `insight`, `insight failures`.",
    pretty_exceptions_enable=False,  # an unexpected error is a bug: show its whole traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"pytest-insight {version('pytest-insight')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _global_options(
    ctx: typer.Context,
    profile_name: Annotated[
        str | None,
        option(
            PROFILE_HELP,
            "--profile",
            example="demo",
            metavar="NAME",
            envvar=PROFILE_VARIABLE,
            autocompletion=profiles,
        ),
    ] = None,
    no_pager: Annotated[
        bool,
        option(
            "Print long output directly instead of through a pager. Also accepted after the "
            "command.",
            NO_PAGER,
        ),
    ] = False,
    _version: Annotated[
        bool,
        option("Show the version and exit.", "--version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    use_pager(not no_pager)
    source = ctx.get_parameter_source("profile_name")
    # storage.choice evaluates the variable, because it defines the precedence.
    ctx.obj = profile_name if source is not None and source.name == "COMMANDLINE" else None
    if ctx.invoked_subcommand is None:
        from pytest_insight.cli.commands.overview import print_overview

        print_overview(storage_of(ctx, None))
