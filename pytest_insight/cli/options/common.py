"""Options that several commands share, each written once."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
import typer

from pytest_insight.cli.completion.candidates import profiles

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

PROFILE_HELP = "The profile to use, instead of the active one. Also accepted after the command."

EXIT_MATCHED = 3
"""The exit status that `--exit-code` asks for."""


def option(help_: str, *names: str, example: str = "", **more: Any) -> Any:
    """An option with a sentence and an example in its help.

    Args:
        help_: the sentence.
        names: as it is given, the long name first.
        example: a value, as a shell takes it; none for a flag.
        more: what else `typer.Option` takes.
    """
    if example:
        help_ = f"{help_} Example: {names[0]} {example}"
    else:
        more.setdefault("metavar", "")  # a flag has no value to name
    return typer.Option(*names, help=help_, **more)


class ListFormat(enum.StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class FindFormat(enum.StrEnum):
    """How what a query found is printed: as a listing, or as the nodeids alone."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    NODEIDS = "nodeids"


class ShowFormat(enum.StrEnum):
    """How one thing is printed."""

    TABLE = "table"
    JSON = "json"


ProfileOption = Annotated[
    str | None,
    option(
        "The profile to use.",
        "--profile",
        example="demo",
        metavar="NAME",
        autocompletion=profiles,
    ),
]
FormatOption = Annotated[
    ListFormat,
    option("A table for people; JSON or CSV for programs.", "--format", "-f", example="json"),
]
FindFormatOption = Annotated[
    FindFormat,
    option(
        "A table for people; JSON or CSV for programs; nodeids, each once, for pytest.",
        "--format",
        "-f",
        example="nodeids",
    ),
]
ShowFormatOption = Annotated[
    ShowFormat,
    option("A table for people, or JSON for programs.", "--format", "-f", example="json"),
]
LimitOption = Annotated[
    int | None,
    option(
        "At most so many, the first ones; 0 for all. Without it, a table has one screen, "
        "everything else all.",
        "--limit",
        "-n",
        example="50",
        metavar="N",
        min=0,
    ),
]
YesOption = Annotated[bool, option("Do not ask.", "--yes", "-y")]
DryRunOption = Annotated[bool, option("Say what would be done, and do nothing.", "--dry-run")]
ExitCodeOption = Annotated[
    bool, option("Exit with status 3 where anything matched.", "--exit-code")
]


def takes(**groups: type[msgspec.Struct]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of structs: `@takes(selection=SessionOptions)`.

    The command gets one object for each group; its help shows every field as an option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name not in groups:
                parameters.append(parameter.replace(annotation=hints[parameter.name]))
        for group in groups.values():
            group_hints = get_type_hints(group, include_extras=True)
            # Every field has a default, so the two go together.
            for name, default in zip(
                group.__struct_fields__, group.__struct_defaults__, strict=True
            ):
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(
                    inspect.Parameter(name, kind, default=default, annotation=group_hints[name])
                )

        @wraps(command)
        def run(*args: Any, **given: Any) -> None:
            for name, group in groups.items():
                taken = {field: given.pop(field) for field in group.__struct_fields__}
                given[name] = group(**taken)
            command(*args, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def profile_named(ctx: typer.Context, after_command: str | None) -> str | None:
    """The profile that was named on the command line; the one nearer to the command wins."""
    before_command: str | None = ctx.find_root().obj
    return before_command if after_command is None else after_command


def profile_meant(ctx: typer.Context, name: str | None, after_command: str | None) -> str | None:
    """The profile that a command is about: its argument, or what --profile names.

    Raises:
        typer.BadParameter: they name two.
    """
    option_value = profile_named(ctx, after_command)
    if name is None:
        return option_value
    if option_value not in (None, name):
        raise typer.BadParameter(f"{name!r} and --profile {option_value!r} contradict each other")
    return name


def no_profile_option(ctx: typer.Context, after_command: str | None) -> None:
    """Refuse --profile on a command that is about several profiles.

    Raises:
        typer.BadParameter: it was given.
    """
    given = profile_named(ctx, after_command)
    if given is not None:
        raise typer.BadParameter(
            f"this command takes its profiles as arguments: name {given!r} there, or leave "
            "--profile out"
        )


def storage_of(ctx: typer.Context, after_command: str | None) -> BaseStorage:
    """The storage that the command line, the environment and the profiles say."""
    from pytest_insight.storage.access import get_storage_instance

    storage = get_storage_instance(profile_name=profile_named(ctx, after_command))
    _bring_in_what_died()
    return storage


def _bring_in_what_died() -> None:
    """Fold in the journals of runs that died, and say so."""
    from pytest_insight.cli.terminal.output import say
    from pytest_insight.errors import InsightError
    from pytest_insight.locations import journal_folder

    try:
        folder = journal_folder()
        if not folder.is_dir() or not any(folder.iterdir()):
            return  # nearly always: importing nothing for it
    except (InsightError, OSError) as exc:
        say(f"warning: cannot look for the journals of runs that died: {exc}")
        return
    from pytest_insight.recording.journal.recovery import recover_journals

    for recovery in recover_journals(folder):
        say(recovery.message)


PathArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        readable=False,  # who only writes need not read it
        help="The file to write; without one, standard output.",
    ),
]
