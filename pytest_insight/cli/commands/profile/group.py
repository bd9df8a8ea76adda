"""`insight profile`: manage profiles (named stores)."""

from __future__ import annotations

from pytest_insight.cli import near_misses
from pytest_insight.cli.commands.profile import copy, settings, view
from pytest_insight.cli.lazy_group import command_group

app = command_group(
    "Manage profiles (named stores).",
    near_misses.PROFILE,
    {
        "Ask": {"list": view.list_, "show": view.show, "path": view.path},
        "Change": {
            "create": settings.create,
            "set": settings.set_,
            "switch": settings.switch,
            "rename": settings.rename,
            "copy": copy.copy,
            "merge": copy.merge,
            "delete": settings.delete,
        },
    },
)
