"""Options that several commands share."""

from __future__ import annotations

import enum
import inspect
import math
import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.completion.candidates import profiles, typed
from pytest_insight.cli.near_misses import near_value
from pytest_insight.cli.render.formats import FindFormat, ListFormat, ShowFormat
from pytest_insight.cli.terminal.damage import refuse_to_judge_damage
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import alternatives

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

PROFILE_HELP = "The profile to use, instead of the active one. Also accepted after the command."


def option(help_: str, *names: str, example: str = "", **more: Any) -> Any:
    """Return an option whose help ends with an example.

    Args:
        help_: what it does, in one sentence.
        names: the long name first.
        example: a value as a shell takes it; none for a flag.
        more: arguments of `typer.Option`.
    """
    if example:
        help_ = f"{help_} Example: {names[0]} {example}"
    else:
        more.setdefault("metavar", "")  # a flag has no value to name
    return typer.Option(*names, help=help_, **more)


def choice_option(
    help_: str, choices: type[enum.StrEnum], *names: str, metavar: str, **more: Any
) -> Any:
    """Return an option with a closed list of values; an error suggests the nearest one.

    Args:
        help_: as for `option`; `{choices}` in it stands for the values.
        choices: the values.
        names: as for `option`.
        metavar: what stands for the value; the values are in the help.
        more: as for `option`.
    """

    def parse(value: str) -> enum.StrEnum:
        try:
            return choices(value)
        except ValueError:
            hint = f"; did you mean {near!r}?" if (near := near_value(value, list(choices))) else ""
            raise UsageError(
                f"{names[0]} must be {alternatives(choices)}, not {value!r}{hint}"
            ) from None

    def complete(incomplete: str) -> list[str]:
        return [str(value) for value in choices if value.startswith(incomplete)]

    help_ = help_.replace("{choices}", alternatives(choices))
    return option(help_, *names, metavar=metavar, parser=parse, autocompletion=complete, **more)


def chosen_names(given: str, known: Sequence[str], what: str) -> list[str]:
    """Return the names in an option's value, which are separated by commas, each once.

    Args:
        given: the value.
        known: the names that there are.
        what: what they are names of: "verdict".

    Raises:
        UsageError: a name is not known, or no name is given.
    """
    names = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    for name in names or [given]:
        if name not in known:
            near = near_value(name, known)
            hint = f"did you mean {near!r}? There" if near else "there"
            raise UsageError(f"unknown {what} {name!r}; {hint} are {', '.join(known)}")
    return names


def number_option(help_: str, *names: str, whole: bool = False, unit: str = "", **more: Any) -> Any:
    """Return an option for a number of 0 or more.

    Args:
        help_: as for `option`.
        names: as for `option`.
        whole: whether it must be an integer.
        unit: what is counted, for the error.
        more: as for `option`.
    """

    def parse(value: str) -> float:
        try:
            number = int(value) if whole else float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            kind = f"a {'whole number' if whole else 'number'}{unit and f' of {unit}'}"
            example = f"{names[0]} {more['example']}"
            raise UsageError(f"{names[0]} takes {kind}, as in {example}, not {value!r}")
        if number < 0:
            raise UsageError(f"{names[0]} must be 0 or more, not {value}")
        return number

    more.setdefault("autocompletion", typed)
    return option(help_, *names, parser=parse, **more)


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
    choice_option(
        "Output format: {choices}.", ListFormat, "--format", "-f", example="json", metavar="FORMAT"
    ),
]
FindFormatOption = Annotated[
    FindFormat,
    choice_option(
        "Output format: {choices} (each nodeid once, for pytest).",
        FindFormat,
        "--format",
        "-f",
        example="nodeids",
        metavar="FORMAT",
    ),
]
ShowFormatOption = Annotated[
    ShowFormat,
    choice_option(
        "Output format: {choices}.", ShowFormat, "--format", "-f", example="json", metavar="FORMAT"
    ),
]
LimitOption = Annotated[
    int | None,
    number_option(
        "Show at most N rows (0 = all). Default: one screen in a table, else all.",
        "--limit",
        "-n",
        whole=True,
        example="50",
        metavar="N",
    ),
]
YesOption = Annotated[bool, option("Do not ask for confirmation.", "--yes", "-y")]
DryRunOption = Annotated[bool, option("Print what would be done, and do nothing.", "--dry-run")]
ExitCodeOption = Annotated[
    bool,
    option(
        "Exit with status 3 if anything matched, with 1 if no session is selected.", "--exit-code"
    ),
]


def exit_as_gate(query: Query, *, matched: bool, asked: bool) -> None:
    """Exit with status 3 if `--exit-code` asked for it and the query has matched anything.

    Raises:
        StorageError: there is no session whose tests could match, or a part of the store cannot be
            read, so that no match means nothing.
    """
    from msgspec.structs import replace

    from pytest_insight.cli.render.store import has_sessions
    from pytest_insight.errors import StorageError
    from pytest_insight.filters import HasTest

    if not asked:
        return
    if matched:
        raise typer.Exit(exit_status.MATCHED)
    refuse_to_judge_damage()
    storage = query.open_storage()
    # A question about sessions alone is answered by none; one about their tests needs some.
    given = query.selection
    of_tests = bool(given.test_filters) or any(
        isinstance(f, HasTest) for f in given.session_filters
    )
    asked_of = tuple(f for f in given.session_filters if of_tests and not isinstance(f, HasTest))
    asked_of += (HasTest(()),) if of_tests else ()  # with a result at all
    judged = replace(given, session_filters=asked_of, test_filters=())
    if next(storage.iter_sessions(judged, newest_first=True), None) is None:
        there = (
            "the options select no session" if has_sessions(storage) else "there are no sessions"
        )
        raise StorageError(
            f"--exit-code has nothing to judge: {there} in {storage.location}", storage.location
        )


def takes(**groups: type[msgspec.Struct]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of structs: `@takes(selection=SessionOptions)`.

    The command receives one object for each group; its help shows every field as an option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name not in groups:
                parameters.append(parameter.replace(annotation=hints[parameter.name]))
        for group in groups.values():
            group_hints = get_type_hints(group, include_extras=True)
            # Every field has a default, so that the two correspond.
            for name, default in zip(
                group.__struct_fields__, group.__struct_defaults__, strict=True
            ):
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(
                    inspect.Parameter(name, kind, default=default, annotation=group_hints[name])
                )
        parameters.sort(key=lambda parameter: parameter.name == "profile")  # last in the help

        @wraps(command)
        def run(*args: Any, **given: Any) -> None:
            for name, group in groups.items():
                fields = {field: given.pop(field) for field in group.__struct_fields__}
                given[name] = group(**fields)
            command(*args, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for Typer
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def named_profile(ctx: typer.Context, after_command: str | None) -> str | None:
    """Return the profile of the command line; the option after the command takes precedence."""
    before_command: str | None = ctx.find_root().obj
    return before_command if after_command is None else after_command


def storage_of(ctx: typer.Context, after_command: str | None) -> BaseStorage:
    """Return the storage that command line, environment and profiles determine.

    Recovers journals of crashed runs first.
    """
    from pytest_insight.storage.functions import get_storage_instance

    storage = get_storage_instance(profile_name=named_profile(ctx, after_command))
    _recover_journals(storage)
    return storage


def _recover_journals(storage: BaseStorage) -> None:
    from pytest_insight.locations import journal_folders

    # Nearly always the folders are empty, and then nothing more is imported.
    folders = [
        folder for folder in journal_folders(storage.file_path) if _may_have_journals(folder)
    ]
    if not folders:
        return
    from pytest_insight.cli.terminal.output import say
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.recording.journal.recovery import recover_journals

    place = str(storage.file_path) if storage.file_path else storage.url
    used = StorageProfile("", storage.storage_type, place)
    for recovery in recover_journals(*folders, used=used):
        say(recovery.message)


def _may_have_journals(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        # The recovery says why it cannot look, unless not even the folder above may be entered.
        return os.path.isdir(folder)  # noqa: PTH112
