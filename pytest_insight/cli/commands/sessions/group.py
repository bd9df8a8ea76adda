"""`insight sessions`: list, inspect and clean up recorded runs."""

from __future__ import annotations

from pytest_insight.cli import near_misses
from pytest_insight.cli.lazy_group import command_group

app = command_group(
    "List, inspect and clean up recorded runs.",
    near_misses.SESSIONS,
    {  # the modules are only imported for their own commands
        "Ask": {"list": "sessions.view:list_", "show": "sessions.view:show"},
        "Keep": {
            "pin": "sessions.pins:pin",
            "unpin": "sessions.pins:unpin",
            "prune": "sessions.deletion:prune",
            "clear": "sessions.deletion:clear",
            "undo": "sessions.undo:undo",
            "verify": "sessions.integrity:verify",
            "repair": "sessions.integrity:repair",
        },
    },
)
