"""The store of a command: the profile that is named, and journals of crashed runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_insight.storage.base import BaseStorage


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
