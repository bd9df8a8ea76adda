"""`insight profile copy|rename|merge|path`: the sessions of profiles as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_insight.cli.commands.profile.settings import NameIfAnyArgument, tell_of_memory
from pytest_insight.cli.commands.sessions.undo import tell_of_undo
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import (
    DryRunOption,
    ProfileOption,
    no_profile_option,
    profile_meant,
    storage_of,
    takes,
)
from pytest_insight.cli.options.store import PlaceOptions
from pytest_insight.cli.render.merge_report import (
    MergeOption,
    ReportOption,
    Taken,
    list_fates,
    tell,
)
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import shown_progress
from pytest_insight.errors import InsightError, ProfileError

CopiedArgument = Annotated[
    str,
    typer.Argument(metavar="SOURCE", autocompletion=candidates.profiles, help="What to copy."),
]

SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        autocompletion=candidates.profiles,
        help="The profiles whose sessions to take.",
    ),
]
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", autocompletion=candidates.profiles, help="The profile that gets them."
    ),
]


def path(
    ctx: typer.Context,
    name: NameIfAnyArgument = None,
    profile: ProfileOption = None,
) -> None:
    """Print the path of a profile's store, and nothing else.

    Example: cp "$(insight profile path)" backup.json
    """
    from pytest_insight.storage.choice import choose

    found, _ = choose(profile_meant(ctx, name, profile))
    if found.path is None:
        named = f"the profile {found.name!r}" if found.name else "the storage in use"
        raise ProfileError(
            f"{named} has no path: its type is {found.storage_type}, which is no file",
            found.name,
        )
    print(found.path)


def rename(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="OLD", autocompletion=candidates.profiles, help="The profile.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    profile: ProfileOption = None,
) -> None:
    """Give a profile another name. A store in our folder gets it too; one elsewhere stays.

    Example: insight profile rename demo workshop
    """
    from pytest_insight.locations import PROFILE_VARIABLE, variable
    from pytest_insight.profiles.manager import ProfileManager

    no_profile_option(ctx, profile)
    now = ProfileManager().rename_profile(name, new)
    where = (
        f"its type is {now.storage_type}"
        if now.place == now.storage_type
        else f"its store is {now.place}"
    )
    say(f"the profile {name!r} is {new!r} now; {where}")
    if variable(PROFILE_VARIABLE) == name:
        say(f"but {PROFILE_VARIABLE}={name} names one that is no more: set it to {new}")


@takes(where=PlaceOptions)
def copy(
    ctx: typer.Context,
    source: CopiedArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name of the copy.")],
    *,
    profile: ProfileOption = None,
    where: PlaceOptions,
) -> None:
    """Make a new profile with the settings and the sessions of another one, of any storage type.

    Example: insight profile copy default before-upgrade --type sqlite
    """
    from dataclasses import replace

    from pytest_insight.profiles import rules
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.choice import open_storage
    from pytest_insight.storage.transfer import copy_into_new

    no_profile_option(ctx, profile)
    manager = ProfileManager()
    model = manager.get_profile(source)
    kind = where.named_type or model.storage_type
    copied = replace(
        model, name=new, storage_type=kind, file_path=rules.absolute_place(where.place)
    )
    if not where.store_password:
        rules.check_no_password(copied)
    rules.check_profile(copied)
    rules.check_name_is_free(new, manager.list_profiles())
    with (
        storage_of(ctx, source) as old,
        open_storage(copied) as storage,
    ):
        # The sessions first: whoever is killed leaves no profile that has only some of them.
        with shown_progress():
            count = copy_into_new(old, storage)
        manager.add_profile(copied)
        say(f"copied {plural(count, 'session')} of {old.location} to {storage.location}")
    say(f"created the profile {new!r} with the settings of {source!r}")
    tell_of_memory(copied)


def merge(
    ctx: typer.Context,
    sources: SourcesArgument,
    target: TargetArgument,
    *,
    strategy: MergeOption = None,
    report: ReportOption = None,
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
) -> None:
    """Take the sessions of profiles over into another one, as an import would; they keep theirs.

    Example: insight profile merge linux windows all --dry-run
    """
    from pytest_insight.storage.access import get_storage_instance
    from pytest_insight.storage.imports import choose_strategy, planner_for
    from pytest_insight.storage.transfer import is_same
    from pytest_insight.storage.transfer import merge as merge_storages
    from pytest_insight.storage.undo.records import Command

    no_profile_option(ctx, profile)
    storage = storage_of(ctx, target)
    chosen = choose_strategy(storage, strategy)
    # A mistake in the last name is found before the first one is merged.
    opened = [(name, get_storage_instance(profile_name=name)) for name in sources]
    for name, source in opened:
        if is_same(source, storage):
            raise InsightError(
                f"{name!r} and {target!r} have one store, {storage.location}: name another profile"
            )
    command = Command(f"profile merge {' '.join(sources)} {target}")
    planner = planner_for(storage, chosen) if dry_run else None
    taken = []
    for name, source in opened:
        with shown_progress():
            done = merge_storages(
                source, storage, chosen, command, dry_run=dry_run, planner=planner
            )
        taken.append(Taken(name, done))
        tell(taken[-1], storage, dry_run=dry_run)
    list_fates(taken, storage, report, dry_run=dry_run)
    tell_of_undo(command, target)
