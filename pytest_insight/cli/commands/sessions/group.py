"""`insight sessions`: list, inspect and clean up recorded runs."""

from __future__ import annotations

from pytest_insight.cli import near_misses
from pytest_insight.cli.commands.sessions import deletion, integrity, pins, undo, view
from pytest_insight.cli.lazy_group import command_group

app = command_group(
    "List, inspect and clean up recorded runs.",
    near_misses.SESSIONS,
    {
        "Ask": {"list": view.list_, "show": view.show},
        "Keep": {
            "pin": pins.pin,
            "unpin": pins.unpin,
            "prune": deletion.prune,
            "clear": deletion.clear,
            "undo": undo.undo,
            "verify": integrity.verify,
            "repair": integrity.repair,
        },
    },
)
