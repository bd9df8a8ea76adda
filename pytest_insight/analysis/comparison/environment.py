"""How the machines and installations of two sides differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_insight.analysis.comparison.values import EnvironmentDifference
from pytest_insight.models import TestSession

NAMES = ("python", "platform", "pytest", "workers", "host", "plugins")
"""The facts of `testing_system` that are compared."""
_PLUGIN = "plugins."


def environment_differences(
    base: Iterable[TestSession], head: Iterable[TestSession]
) -> list[EnvironmentDifference]:
    """Return the facts that differ; a side in which none of the sessions has one has an empty text.

    Nothing is compared if no session of a side tells any fact, and no plugins if none tells these.
    """
    old, new = _facts(base), _facts(head)
    if not old or not new:
        return []
    if not all(any(map(_is_plugin, facts)) for facts in (old, new)):
        old, new = ({n: v for n, v in each.items() if not _is_plugin(n)} for each in (old, new))
    names = sorted({*old, *new}, key=lambda name: (NAMES.index(name.partition(".")[0]), name))
    return [
        EnvironmentDifference(name, _text(old.get(name)), _text(new.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _facts(sessions: Iterable[TestSession]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for session in sessions:
        system = session.testing_system
        for name in NAMES:
            value = system.get(name)
            facts: dict[str, Any] = {name: value}
            if name == "plugins":
                facts = {
                    f"{_PLUGIN}{plugin}": version
                    for plugin, version in (value.items() if isinstance(value, dict) else ())
                }
            for key, each in facts.items():
                if each not in (None, ""):
                    found.setdefault(key, set()).add(str(each))
    return found


def _is_plugin(name: str) -> bool:
    return name.startswith(_PLUGIN)


def _text(values: set[str] | None) -> str:
    return ", ".join(sorted(values or ()))
