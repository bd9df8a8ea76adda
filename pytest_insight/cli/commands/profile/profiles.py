"""`insight profile`: named storages, and which of them is used."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pytest_insight.cli.commands.profile import data, settings
from pytest_insight.cli.commands.profile.settings import (
    NameArgument,
    NameIfAnyArgument,
    one_profile,
    where_of,
)
from pytest_insight.cli.commands.sessions.undo import tell_of_undo
from pytest_insight.cli.lazy_group import Commands
from pytest_insight.cli.options.common import (
    DryRunOption,
    FormatOption,
    LimitOption,
    ListFormat,
    ProfileOption,
    ShowFormat,
    ShowFormatOption,
    YesOption,
    option,
    profile_meant,
    profile_named,
)
from pytest_insight.cli.options.sorting import PROFILE_ORDERS, ProfileSort, ProfileSortOption
from pytest_insight.cli.render.listing import Column, listed, print_listing, print_table
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.confirm import confirmed
from pytest_insight.cli.terminal.output import print_json, say
from pytest_insight.locations import PROFILE_VARIABLE

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.storage.choice import Reason

_REASONS: dict[Reason, str] = {
    "argument": "by the option --profile",
    "environment": f"by {PROFILE_VARIABLE}",
    "active": "switched to",
    "default": "by default",
}
"""What made a profile the one in use, for people."""

group = Commands("Named storages, and which of them is used.")
app = group.app


@group.command("list")
def list_(
    ctx: typer.Context,
    *,
    sort: ProfileSortOption = ProfileSort.NAME,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    profile: ProfileOption = None,
) -> None:
    """List the profiles; the one in use is marked, with what made it so.

    Example: insight profile list
    """
    from pytest_insight.errors import UnknownProfileError
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.storage.choice import choose

    manager = ProfileManager()
    profiles = list(manager.list_profiles().values())
    in_use = where = ""
    reason: Reason = "default"
    try:
        chosen, reason = choose(profile_named(ctx, profile))
        in_use, where = chosen.name, where_of(chosen)
    except UnknownProfileError as exc:  # whoever made the mistake wants to see what there is
        say(f"warning: {exc}")

    def mark(profile: StorageProfile) -> str:
        return f"* {_REASONS[reason]}" if profile.name == in_use else ""

    print_listing(
        listed(profiles, limit, format_, PROFILE_ORDERS.get(sort)),
        [
            Column("Profile", lambda p: p.name, fit="fold"),
            Column("Type", lambda p: p.storage_type),
            Column("In use", mark, fit="fold"),
            Column("Store", where_of, fit="fold"),
        ],
        format_,
        fields=(*StorageProfile.__dataclass_fields__, "in_use"),
        as_json=lambda p: _fields(p) | {"in_use": p.name == in_use},
        caption=f"profiles of {manager.path}",
        nothing=str,
    )
    if not in_use and where:
        say(
            f"in use is no profile but {where}, named by "
            "PYTEST_INSIGHT_STORAGE_TYPE or PYTEST_INSIGHT_DB_PATH"
        )


@group.command("show")
def show(
    ctx: typer.Context,
    name: NameIfAnyArgument = None,
    profile: ProfileOption = None,
    format_: ShowFormatOption = ShowFormat.TABLE,
) -> None:
    """Show one profile with its settings.

    Example: insight profile show demo
    """
    from pytest_insight.storage.choice import choose

    shown, _ = choose(profile_meant(ctx, name, profile))
    if format_ is ShowFormat.JSON:
        print_json(_fields(shown))
        return
    print_table(
        [Column("Setting", lambda row: row[0]), Column("Value", lambda row: row[1], fit="fold")],
        [(key, str(value)) for key, value in _fields(shown).items() if value is not None],
    )


@group.command("switch")
def switch(ctx: typer.Context, name: NameArgument = None, profile: ProfileOption = None) -> None:
    """Make a profile the active one, from now on and for every process.

    Example: insight profile switch demo
    """
    from pytest_insight.locations import PROFILE_VARIABLE, variable
    from pytest_insight.profiles.manager import ProfileManager

    name = one_profile(ctx, name, profile)
    active = ProfileManager().switch_profile(name)
    say(f"the active profile is {name!r} now ({where_of(active)})")
    named = variable(PROFILE_VARIABLE)
    if named and named != name:
        say(f"but {PROFILE_VARIABLE}={named} comes first while it is set")


@group.command("delete")
def delete(
    ctx: typer.Context,
    name: NameArgument = None,
    data: Annotated[bool, option("Delete its sessions too; asks first.", "--data")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Forget a profile. Its sessions stay where they are, unless --data is given.

    Example: insight profile delete demo
    """
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.access import get_storage_instance
    from pytest_insight.storage.undo import operations
    from pytest_insight.storage.undo.records import Command

    name = one_profile(ctx, name, profile)
    manager = ProfileManager()
    found = manager.get_profile(name)
    count = 0
    if data:
        storage = get_storage_instance(profile_name=name)
        count = storage.count()
    what = f"the profile {name!r}" + (f" and its {plural(count, 'session')}" if data else "")
    if dry_run:
        say(f"would delete {what}")
        return
    if data and not confirmed(f"Delete {what} in {where_of(found)}?", yes):
        return
    command = Command("profile delete")
    if data:
        operations.delete_profile(manager, storage, name, command)
    else:
        manager.delete_profile(name)
    kept = "" if data or found.storage_type == "memory" else f"; its store stays: {found.place}"
    say(f"deleted {what}{kept}")
    tell_of_undo(command, name)


group.command("create")(settings.create)
group.command("set")(settings.set_)
for command in (
    data.path,
    data.copy,
    data.rename,
    data.merge,
):
    group.command(command.__name__)(command)


def _fields(profile: StorageProfile) -> dict[str, Any]:
    return asdict(profile) | {"file_path": profile.place if profile.path or profile.url else None}
