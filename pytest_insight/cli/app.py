"""The command's frame: the global options, the groups, and the one place that catches errors."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from pytest_insight.cli.completion.candidates import profiles
from pytest_insight.cli.lazy_group import RootGroup
from pytest_insight.cli.options.common import PROFILE_HELP, option, storage_of
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import interruptible
from pytest_insight.cli.terminal.streams import open_missing_streams, stdout_errors_told
from pytest_insight.errors import InsightError, InvalidImportError, StoreDamageWarning
from pytest_insight.locations import PROFILE_VARIABLE

EXIT_ERROR = 1
EXIT_INTERRUPTED = 128 + 2

app = typer.Typer(
    name="insight",
    cls=RootGroup,
    help="Remembers every pytest run: what failed, since when, is it flaky, what got slow.\n\n"
    "Record a run with `pytest --insight`, then ask: `insight sessions list`, "
    "`insight query tests --outcome failed --days 7`.",
    add_completion=False,  # ours: see `shells`
    pretty_exceptions_enable=False,  # an unexpected error is a bug: its traceback helps us mend it
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"pytest-insight {version('pytest-insight')}")
        raise typer.Exit


def _install_completion(wanted: bool) -> None:
    if wanted:
        from pytest_insight.cli.completion import shells

        shell = shells.in_use()
        say(f"{shell} completes insight from its next start on, by {shells.install(shell)}")
        raise typer.Exit


def _show_completion(wanted: bool) -> None:
    if wanted:
        from pytest_insight.cli.completion import shells

        print(shells.SCRIPTS[shells.in_use()], end="")
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
    _version: Annotated[
        bool,
        option("Show the version and exit.", "--version", callback=_print_version, is_eager=True),
    ] = False,
    _install: Annotated[
        bool,
        option(
            "Have the shell complete insight's commands and names, and exit.",
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
        ),
    ] = False,
    _show: Annotated[
        bool,
        option(
            "Show what makes the shell complete, and exit.",
            "--show-completion",
            callback=_show_completion,
            is_eager=True,
        ),
    ] = False,
) -> None:
    source = ctx.get_parameter_source("profile_name")
    # The variable is looked at where the precedence is stated (storage.choice), not here.
    ctx.obj = profile_name if source is not None and source.name == "COMMANDLINE" else None
    if ctx.invoked_subcommand is None:
        from pytest_insight.cli.commands.overview import print_overview

        print_overview(storage_of(ctx, None))


def run() -> None:
    """Run the command and exit; see `cli.main`."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", StoreDamageWarning)
    open_missing_streams()
    try:
        with interruptible(), stdout_errors_told():  # completions are printed without a command
            app()
    except InsightError as exc:
        say(f"error: {exc}", lines=isinstance(exc, InvalidImportError))
        sys.exit(EXIT_ERROR)
    except SystemExit as exc:
        if exc.code == EXIT_INTERRUPTED:  # as Typer, like shells, has it
            say("interrupted; what was not reported as done is as it was")
        raise


_warned: set[str] = set()


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Each once, however often a command reads a damaged store."""
    if str(message) not in _warned:
        _warned.add(str(message))
        say(f"warning: {message}")
