"""Arguments and options of the profile commands: names of profiles, their stores and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.kinds import number_option, option
from pytest_insight.cli.store import named_profile
from pytest_insight.cli.terminal.usage_errors import UsageError

NameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        autocompletion=candidates.profiles,
        help="The profile, unless --profile names it.",
    ),
]
NameOrActiveArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        autocompletion=candidates.profiles,
        help="The profile. Default: the one in use.",
    ),
]
StrategyOption = Annotated[
    str | None,
    option(
        "Its merge strategy: skip_existing, replace_existing, keep_both or upgrade.",
        "--merge",
        example="keep_both",
        metavar="STRATEGY",
        autocompletion=candidates.strategies,
    ),
]
ExportFormatOption = Annotated[
    str | None,
    option(
        "The format of its exports.",
        "--export-format",
        example="csv",
        metavar="FORMAT",
        autocompletion=candidates.formats,
    ),
]
ExportDaysOption = Annotated[
    float | None,
    number_option(
        "Export only sessions from the last N days.",
        "--export-days",
        unit="days",
        example="30",
        metavar="N",
    ),
]
SwitchOption = Annotated[bool, option("Make it the active profile.", "--switch")]


class StoreOptions(msgspec.Struct, frozen=True):
    """The storage type of a profile, and its file or database."""

    type_: Annotated[
        str | None,
        option(
            "json, sqlite, postgresql or memory.",
            "--type",
            "-t",
            example="sqlite",
            metavar="TYPE",
            autocompletion=candidates.storage_types,
        ),
    ] = None
    path: Annotated[
        Path | None,
        option(
            "The file of its store. Default: one in ~/.pytest_insight.",
            "--path",
            "-p",
            example="./ci.json",
            metavar="FILE",
            readable=False,  # it may belong to someone else; the library reports what is wrong
        ),
    ] = None
    url: Annotated[
        str | None,
        option(
            "The URL of its database; the password comes from PGPASSWORD or ~/.pgpass.",
            "--url",
            example="postgresql://me@db/tests",
            metavar="URL",
        ),
    ] = None
    store_password: Annotated[
        bool, option("Store the password in --url with the profile.", "--store-password")
    ] = False

    @property
    def named_type(self) -> str | None:
        """The type that is given, else "postgresql" if a URL is given, else None."""
        return self.type_ or ("postgresql" if self.url else None)

    @property
    def storage_type(self) -> str:
        """The type that is given, else that of the URL or path."""
        return self.named_type or "json"

    @property
    def place(self) -> str | Path | None:
        """The URL or the path.

        Raises:
            UsageError: both are given, or the URL is invalid. The message does not repeat
                them: they may hold a password.
        """
        from pytest_insight.locations import is_url

        if self.url and self.path:
            raise UsageError("--path is for a file, --url for a database: leave one out")
        if self.url and not is_url(self.url):
            raise UsageError("--url must begin with postgresql://")
        return self.url or self.path


def profile_in_question(
    ctx: typer.Context, name: str | None, after_command: str | None
) -> str | None:
    """Return the profile named by the command's argument or by --profile, None if by neither.

    Raises:
        UsageError: they name two profiles.
    """
    option_value = named_profile(ctx, after_command)
    if name is None:
        return option_value
    if option_value not in (None, name):
        raise UsageError(f"{name!r} and --profile {option_value!r} contradict each other")
    return name


def required_profile(ctx: typer.Context, name: str | None, after_command: str | None) -> str:
    """Return the profile named by the command's argument or by --profile.

    Raises:
        UsageError: they name two profiles, or none.
    """
    found = profile_in_question(ctx, name, after_command)
    if found is None:
        raise UsageError("name the profile, as an argument or with --profile NAME")
    return found


def refuse_profile_option(ctx: typer.Context, after_command: str | None) -> None:
    """Check that --profile is not given to a command that takes several profiles.

    Raises:
        UsageError: it is given.
    """
    given = named_profile(ctx, after_command)
    if given is not None:
        raise UsageError(
            f"this command takes its profiles as arguments: name {given!r} there, or leave "
            "--profile out"
        )
