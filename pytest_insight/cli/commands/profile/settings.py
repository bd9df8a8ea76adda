"""`insight profile create|set`: the settings of profiles."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import ProfileOption, option, profile_meant, takes
from pytest_insight.cli.options.store import PlaceOptions
from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import ProfileError

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile

NameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        autocompletion=candidates.profiles,
        help="The profile; or say --profile.",
    ),
]
NameIfAnyArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        autocompletion=candidates.profiles,
        help="The profile; without, the one in use.",
    ),
]
StrategyOption = Annotated[
    str | None,
    option(
        "What its imports do with IDs it has: skip_existing, replace_existing, keep_both.",
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
    option("How many days its exports go back.", "--export-days", example="30", metavar="N"),
]
SwitchOption = Annotated[bool, option("Make it the active one.", "--switch")]


class Setting(enum.StrEnum):
    """What `profile set --unset` takes back, named as its option is."""

    TYPE = "type"
    PATH = "path"
    URL = "url"
    MERGE = "merge"
    EXPORT_FORMAT = "export-format"
    EXPORT_DAYS = "export-days"


_FIELDS = {
    Setting.TYPE: "storage_type",
    Setting.PATH: "file_path",
    Setting.URL: "file_path",
    Setting.MERGE: "merge_strategy",
    Setting.EXPORT_FORMAT: "export_format",
    Setting.EXPORT_DAYS: "export_days",
}
"""Those of a profile; its one place is a path or a URL."""


@takes(where=PlaceOptions)
def create(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Letters, digits, '.', '_' and '-'."),
    ] = None,
    *,
    merge: StrategyOption = None,
    export_format: ExportFormatOption = None,
    export_days: ExportDaysOption = None,
    switch: SwitchOption = False,
    profile: ProfileOption = None,
    where: PlaceOptions,
) -> None:
    """Create a profile. Its store comes with the first save; one that exists is used as it is.

    Example: insight profile create demo --type json
    """
    from pytest_insight.profiles.manager import ProfileManager

    name = one_profile(ctx, name, profile)
    manager = ProfileManager()
    created = manager.create_profile(
        name,
        where.storage_type,
        where.place,
        merge_strategy=merge,
        export_format=export_format,
        export_days=export_days,
        store_password=where.store_password,
    )
    if switch:
        manager.switch_profile(name)
    active = "; it is active now" if switch else ""
    say(f"created the profile {name!r} ({where_of(created)}){active}")
    tell_of_memory(created)


@takes(where=PlaceOptions)
def set_(
    ctx: typer.Context,
    name: NameIfAnyArgument = None,
    *,
    merge: StrategyOption = None,
    export_format: ExportFormatOption = None,
    export_days: ExportDaysOption = None,
    unset: Annotated[
        list[Setting] | None,
        option(
            "Take a setting back to its default; may be repeated.",
            "--unset",
            example="export-days",
        ),
    ] = None,
    switch: SwitchOption = False,
    profile: ProfileOption = None,
    where: PlaceOptions,
) -> None:
    """Change settings of a profile. Its sessions stay where they are, also where its place changes.

    Example: insight profile set demo --merge keep_both --unset export-days
    """
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.choice import choose

    given: dict[str, Any] = {
        _FIELDS[Setting.TYPE]: where.type_,  # a URL alone changes no type: that is to be said
        _FIELDS[Setting.PATH]: where.place,
        _FIELDS[Setting.MERGE]: merge,
        _FIELDS[Setting.EXPORT_FORMAT]: export_format,
        _FIELDS[Setting.EXPORT_DAYS]: export_days,
    }
    changes = _changes(given, unset or ())
    if not changes and not switch:
        raise typer.BadParameter("say what to change: --path, --merge, ...; see --help")
    manager = ProfileManager()
    before, _ = choose(profile_meant(ctx, name, profile))
    if not before.name:
        raise ProfileError("in use is no profile but what the environment says: name a profile")
    now = manager.update_profile(before.name, store_password=where.store_password, **changes)
    if switch:
        manager.switch_profile(now.name)
    say(f"changed the profile {now.name!r}{'; it is active now' if switch else ''}")
    if where_of(before) != where_of(now):
        say(
            f"its store is {where_of(now)} now; what is in {where_of(before)} was not moved: "
            "take it along with insight export and insight import"
        )


def _changes(given: dict[str, Any], unset: Iterable[Setting]) -> dict[str, Any]:
    """What is given, and None for what is taken back."""
    changes = {field: value for field, value in given.items() if value is not None}
    for key in unset:
        if given[_FIELDS[key]] is not None:
            raise typer.BadParameter(f"--unset {key.value} contradicts an option that sets it")
        changes[_FIELDS[key]] = None
    return changes


def one_profile(ctx: typer.Context, name: str | None, after_command: str | None) -> str:
    """The profile that a command is about, where it must be named.

    Raises:
        typer.BadParameter: as `profile_meant`; also where none is named.
    """
    meant = profile_meant(ctx, name, after_command)
    if meant is None:
        raise typer.BadParameter("say which profile: its name, or --profile NAME")
    return meant


def tell_of_memory(profile: StorageProfile) -> None:
    """Say what becomes of the sessions of a memory profile."""
    if profile.storage_type == "memory":
        say("a memory profile forgets its sessions when the process ends, so here at once")


def where_of(profile: StorageProfile) -> str:
    """Where its sessions are: a path, a URL without its password, or the type without either."""
    return profile.place
