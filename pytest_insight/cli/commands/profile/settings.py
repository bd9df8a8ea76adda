"""`insight profile create|set|switch|rename|delete`: the profiles and their settings."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import DryRunOption, ProfileOption, YesOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import choice_option, option
from pytest_insight.cli.options.profile import (
    ExportDaysOption,
    ExportFormatOption,
    NameArgument,
    NameOrActiveArgument,
    StoreOptions,
    StrategyOption,
    SwitchOption,
    profile_in_question,
    refuse_profile_option,
    required_profile,
)
from pytest_insight.cli.render.store import pinned_text
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.terminal.confirm import confirm
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import ProfileError
from pytest_insight.locations import PROFILE_VARIABLE, variable
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile


class Setting(enum.StrEnum):
    """The settings that `profile set --unset` removes, named as their options."""

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
"""The field of a profile for each setting; a path and a URL are the same field."""
UnsetOption = Annotated[
    list[Setting] | None,
    choice_option(
        "Reset this setting: {choices}. Repeatable.",
        Setting,
        "--unset",
        example="export-days",
        metavar="SETTING",
    ),
]


@takes(store=StoreOptions)
def create(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Its name: letters, digits, '.', '_' and '-'."),
    ] = None,
    *,
    merge: StrategyOption = None,
    export_format: ExportFormatOption = None,
    export_days: ExportDaysOption = None,
    switch: SwitchOption = False,
    profile: ProfileOption = None,
    store: StoreOptions,
) -> None:
    """Create a profile. The first save creates its store; an existing store is used as it is.

    Example: insight profile create demo --type json
    """
    from pytest_insight.profiles.manager import ProfileManager

    name = required_profile(ctx, name, profile)
    manager = ProfileManager()
    created = manager.create_profile(
        name,
        store.storage_type,
        store.place,
        merge_strategy=merge,
        export_format=export_format,
        export_days=export_days,
        store_password=store.store_password,
    )
    if switch:
        manager.switch_profile(name)
    active = "; it is active now" if switch else ""
    say(f"created the profile {name!r} ({created.place}){active}")
    warn_of_memory(created)


@takes(store=StoreOptions)
def set_(
    ctx: typer.Context,
    name: NameOrActiveArgument = None,
    *,
    merge: StrategyOption = None,
    export_format: ExportFormatOption = None,
    export_days: ExportDaysOption = None,
    unset: UnsetOption = None,
    switch: SwitchOption = False,
    profile: ProfileOption = None,
    store: StoreOptions,
) -> None:
    """Change settings of a profile. Its sessions are not moved, even if its store changes.

    Example: insight profile set demo --merge keep_both --unset export-days
    """
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.choice import choose

    given: dict[str, Any] = {
        _FIELDS[Setting.TYPE]: store.type_,  # a URL alone does not change the type
        _FIELDS[Setting.PATH]: store.place,
        _FIELDS[Setting.MERGE]: merge,
        _FIELDS[Setting.EXPORT_FORMAT]: export_format,
        _FIELDS[Setting.EXPORT_DAYS]: export_days,
    }
    changes = _changes(given, unset or ())
    if not changes and not switch:
        raise UsageError("nothing to change: give --path, --merge, ...")
    manager = ProfileManager()
    before, _ = choose(profile_in_question(ctx, name, profile))
    if not before.name:
        raise ProfileError(
            "no profile is in use, because the environment describes a store: name a profile"
        )
    now = manager.update_profile(before.name, store_password=store.store_password, **changes)
    if switch:
        manager.switch_profile(now.name)
    say(f"changed the profile {now.name!r}{'; it is active now' if switch else ''}")
    if before.place != now.place:
        say(
            f"its store is {now.place} now; the sessions in {before.place} were not moved: copy "
            "them with insight export and insight import"
        )


def _changes(given: dict[str, Any], unset: Iterable[Setting]) -> dict[str, Any]:
    """Return the fields that are given, and None for those that are reset."""
    changes = {field: value for field, value in given.items() if value is not None}
    for setting in unset:
        if given[_FIELDS[setting]] is not None:
            raise UsageError(f"--unset {setting} contradicts an option that sets it")
        changes[_FIELDS[setting]] = None
    return changes


def switch(ctx: typer.Context, name: NameArgument = None, profile: ProfileOption = None) -> None:
    """Make a profile the active one, for every process.

    Example: insight profile switch demo
    """
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.profiles.project import find_project

    name = required_profile(ctx, name, profile)
    active = ProfileManager().switch_profile(name)
    say(f"the active profile is {name!r} now ({active.place})")
    named = variable(PROFILE_VARIABLE)
    if named and named != name:
        say(f"but {PROFILE_VARIABLE}={named} takes precedence as long as it is set")
    project = find_project()
    if project and project.profile not in {None, name}:
        say(f"but here insight_profile = {project.profile} in {project.title} takes precedence")


def rename(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="OLD", autocompletion=candidates.profiles, help="The profile's name."
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    profile: ProfileOption = None,
) -> None:
    """Rename a profile, and its store if it is in ~/.pytest_insight.

    Example: insight profile rename demo workshop
    """
    from pytest_insight.profiles.manager import ProfileManager

    refuse_profile_option(ctx, profile)
    now = ProfileManager().rename_profile(name, new)
    store = "type" if now.place == now.storage_type else "store"
    say(f"the profile {name!r} is {new!r} now; its {store} is {now.place}")
    if variable(PROFILE_VARIABLE) == name:
        say(f"but {PROFILE_VARIABLE}={name} names a profile that no longer exists: set it to {new}")


def delete(
    ctx: typer.Context,
    name: NameArgument = None,
    data: Annotated[bool, option("Delete its sessions too; asks first.", "--data")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Delete a profile. Its sessions are kept unless --data is given.

    Example: insight profile delete demo
    """
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.choice import open_storage
    from pytest_insight.storage.undo import operations
    from pytest_insight.storage.undo.records import Command

    name = required_profile(ctx, name, profile)
    manager = ProfileManager()
    found = manager.get_profile(name)
    what = f"the profile {name!r}"
    if data:
        storage = open_storage(found)
        ids = storage.session_ids()
        sessions = f"{plural(len(ids), 'session')}{pinned_text(storage, ids)}"
        what += f" and its {sessions if ids else 'empty store'}"
    if dry_run:
        say(f"would delete {what}")
        return
    if data and not confirm(f"Delete {what} in {found.place}?", yes):
        return
    was_active = manager.get_active_profile().name == name
    command = Command("profile delete")
    if data:
        operations.delete_profile(manager, storage, name, command)
    else:
        manager.delete_profile(name)
    kept = "" if data or found.storage_type == "memory" else f"; its store is kept: {found.place}"
    say(f"deleted {what}{kept}")
    if was_active:
        say(f"the active profile is now {manager.get_active_profile().name!r}")
    print_undo_hint(command, name)


def warn_of_memory(profile: StorageProfile) -> None:
    """Warn that a memory profile keeps nothing, if it is one."""
    if profile.storage_type == "memory":
        say("a memory profile loses its sessions when the process ends, so here at once")
