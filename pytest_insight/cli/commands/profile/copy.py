"""`insight profile copy|merge`: copy sessions between profiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from pytest_insight.cli.commands.profile.settings import warn_of_memory
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import DryRunOption, ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.merge import MergeOption, ReportOption
from pytest_insight.cli.options.profile import StoreOptions, refuse_profile_option
from pytest_insight.cli.render.import_report import Source, list_sources, print_summary
from pytest_insight.cli.render.undo import print_undo_hint
from pytest_insight.cli.store import storage_of
from pytest_insight.cli.terminal.output import say
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.errors import InsightError
from pytest_insight.models.text import plural

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", autocompletion=candidates.profiles, help="The profile to copy."
    ),
]
CopyArgument = Annotated[str, typer.Argument(metavar="NEW", help="The name of the copy.")]
SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", autocompletion=candidates.profiles, help="The profiles to read."
    ),
]
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", autocompletion=candidates.profiles, help="The profile to import into."
    ),
]


@takes(store=StoreOptions)
def copy(
    ctx: typer.Context,
    source: SourceArgument,
    new: CopyArgument,
    *,
    profile: ProfileOption = None,
    store: StoreOptions,
) -> None:
    """Copy a profile with its settings and sessions, to any storage type.

    Example: insight profile copy default before-upgrade --type sqlite
    """
    from pytest_insight.profiles import rules
    from pytest_insight.profiles.manager import ProfileManager
    from pytest_insight.storage.choice import open_storage
    from pytest_insight.storage.transfer import copy_into_new

    refuse_profile_option(ctx, profile)
    manager = ProfileManager()
    model = manager.get_profile(source)
    kind = store.named_type or model.storage_type
    place = rules.absolute_place(store.place)
    copied = replace(model, name=new, storage_type=kind, file_path=place)
    if not store.store_password:
        rules.check_no_password(copied)
    rules.check_profile(copied)
    rules.check_name_is_free(new, manager.list_profiles())
    with storage_of(ctx, source) as old, open_storage(copied) as storage:
        # The sessions first: a process that is killed leaves no profile with only some of them.
        with progress_shown():
            count = copy_into_new(old, storage)
        manager.add_profile(copied)
        say(f"copied {plural(count, 'session')} of {old.location} to {storage.location}")
    say(f"created the profile {new!r} with the settings of {source!r}")
    warn_of_memory(copied)


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
    """Import the sessions of profiles into another profile. The sources are not changed.

    Example: insight profile merge linux windows all --dry-run
    """
    from pytest_insight.storage.functions import get_storage_instance
    from pytest_insight.storage.imports import choose_strategy
    from pytest_insight.storage.transfer import is_same, merge_all
    from pytest_insight.storage.undo.records import Command

    refuse_profile_option(ctx, profile)
    storage = storage_of(ctx, target)
    chosen = choose_strategy(storage, strategy)
    # Find an error in the last name before the first profile is merged.
    opened = [(name, get_storage_instance(profile_name=name)) for name in sources]
    for name, source in opened:
        if is_same(source, storage):
            raise InsightError(
                f"{name!r} and {target!r} have the same store, {storage.location}: name another "
                "profile"
            )
    command = Command(f"profile merge {' '.join(sources)} {target}")
    with progress_shown():
        reports = merge_all(
            [source for _, source in opened], storage, chosen, command, dry_run=dry_run
        )
    merged = [Source(name, report_) for (name, _), report_ in zip(opened, reports, strict=True)]
    list_sources(merged, storage.location, report, dry_run=dry_run)
    for each in merged:
        print_summary(each, storage.location, dry_run=dry_run)
    print_undo_hint(command, target)
