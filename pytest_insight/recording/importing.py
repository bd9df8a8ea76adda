"""How our modules are imported in a recorded run: past pytest's import hook.

pytest rewrites the asserts of every module of a plugin's distribution. What records has none, and
being looked at costs two to three million instructions a module: a third of what recording cost.
This module and its package are looked at, for they are imported to put an end to it: one million.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest


def import_past_pytest(config: pytest.Config) -> None:
    """Let Python alone find our modules, until this run has ended."""
    sys.meta_path.insert(0, _OurModules)
    config.add_cleanup(_no_longer_find_ours)


class _OurModules:
    """Finds our modules as Python does, before pytest's own import hook sees them."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = fullname.startswith("pytest_insight.")
        if ours and not fullname.startswith("pytest_insight.testing"):  # has asserts to explain
            return PathFinder.find_spec(fullname, path, target)
        return None


def _no_longer_find_ours() -> None:
    if _OurModules in sys.meta_path:  # a test may have put its own list there
        sys.meta_path.remove(_OurModules)
