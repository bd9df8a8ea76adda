"""`insight profile`: manage profiles (named stores)."""

from __future__ import annotations

from pytest_insight.cli import near_misses
from pytest_insight.cli.commands.profile import copy, settings, view
from pytest_insight.cli.lazy_group import command_group

app = command_group(
    "Manage profiles (named stores).",
    near_misses.PROFILE,
    list=view.list_,
    show=view.show,
    switch=settings.switch,
    delete=settings.delete,
    create=settings.create,
    set=settings.set_,
    path=view.path,
    copy=copy.copy,
    rename=settings.rename,
    merge=copy.merge,
)
