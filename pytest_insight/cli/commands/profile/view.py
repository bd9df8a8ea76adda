"""`insight profile list|show|path`: the profiles, their settings and their stores."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from pytest_insight._util.printable import printable
from pytest_insight.cli.options.common import (
    FormatOption,
    LimitOption,
    ProfileOption,
    ShowFormatOption,
)
from pytest_insight.cli.options.order import PROFILE_ORDERS, ProfileSort, ProfileSortOption
from pytest_insight.cli.options.profile import NameOrActiveArgument, profile_in_question
from pytest_insight.cli.render.formats import ListFormat, ShowFormat
from pytest_insight.cli.render.records import first_records, limit_of, print_records
from pytest_insight.cli.render.table import Column, print_table
from pytest_insight.cli.store import named_profile
from pytest_insight.cli.terminal.output import is_fancy, print_json, say
from pytest_insight.errors import ProfileError
from pytest_insight.locations import (
    DB_PATH_VARIABLE,
    PROFILE_VARIABLE,
    STORAGE_TYPE_VARIABLE,
    display_path,
)

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.storage.choice import Reason

_REASONS: dict[Reason, str] = {
    "argument": "by the option --profile",
    "environment": f"by {PROFILE_VARIABLE}",
    "active": "switched to",
    "default": "by default",
}
"""Why a profile is the one in use, for people; of a project, its file says it."""


def list_(
    ctx: typer.Context,
    *,
    sort: ProfileSortOption = ProfileSort.NAME,
    limit: LimitOption = None,
    format_: FormatOption = ListFormat.TABLE,
    profile: ProfileOption = None,
) -> None:
    """List the profiles, and mark the one in use.

    Example: insight profile list
    """
    from pytest_insight.errors import UnknownProfileError
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.storage.choice import choose

    manager = ProfileManager()
    profiles = list(manager.list_profiles().values())
    in_use = place = ""
    reason: Reason = "default"
    try:
        chosen, reason = choose(named_profile(ctx, profile))
        in_use, place = chosen.name, chosen.place
    except UnknownProfileError as exc:  # the list shows which names there are
        say(f"warning: {exc}")

    def mark(profile: StorageProfile) -> str:
        return f"* {_why(reason)}" if profile.name == in_use else ""

    print_records(
        first_records(profiles, limit_of(limit, format_), PROFILE_ORDERS.get(sort)),
        [
            Column("Profile", lambda p: p.name, fit="fold"),
            Column("Type", lambda p: p.storage_type),
            Column("In use", mark, fit="fold"),
            Column("Store", lambda p: _shown_place(p.place), fit="fold"),
        ],
        format_,
        fields=(*StorageProfile.__dataclass_fields__, "in_use"),
        as_json=lambda p: _fields(p) | {"in_use": p.name == in_use},
        noun="profile",
        notes=(display_path(manager.path),),
        nothing=str,
    )
    if not in_use and place:
        say(
            f"no profile is in use but {place}, named by {STORAGE_TYPE_VARIABLE} or "
            f"{DB_PATH_VARIABLE}"
        )


def _shown_place(place: str) -> str:
    """Return a path for a table: with `~` on a terminal, whole in a pipe."""
    return display_path(place) if is_fancy() else place


def _why(reason: Reason) -> str:
    from pytest_insight.profiles.project import find_project

    project = find_project() if reason == "project" else None
    return f"by {project.title}" if project else _REASONS[reason]


def show(
    ctx: typer.Context,
    name: NameOrActiveArgument = None,
    *,
    format_: ShowFormatOption = ShowFormat.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show one profile with its settings.

    Example: insight profile show demo
    """
    from pytest_insight.storage.choice import choose

    shown, _ = choose(profile_in_question(ctx, name, profile))
    if format_ is ShowFormat.JSON:
        print_json(_fields(shown))
        return
    print_table(
        [Column("Setting", lambda row: row[0]), Column("Value", lambda row: row[1], fit="fold")],
        [
            (key, _shown_place(str(value)))
            for key, value in _fields(shown).items()
            if value is not None
        ],
    )


def path(
    ctx: typer.Context,
    name: NameOrActiveArgument = None,
    profile: ProfileOption = None,
) -> None:
    """Print the path of a profile's store, and nothing else.

    Example: cp "$(insight profile path)" backup.json
    """
    from pytest_insight.storage.choice import choose

    found, _ = choose(profile_in_question(ctx, name, profile))
    if found.path is None:
        named = f"the profile {found.name!r}" if found.name else "the storage in use"
        raise ProfileError(
            f"{named} has no path: its type is {found.storage_type}, which keeps no file",
            found.name,
        )
    place = str(found.path)
    print(printable(place) if sys.stdout.isatty() else place)


def _fields(profile: StorageProfile) -> dict[str, Any]:
    return asdict(profile) | {"file_path": profile.place if profile.path or profile.url else None}
