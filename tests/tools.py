"""Programs of the machine that some tests need; `.ci/run` installs them."""

from __future__ import annotations

import shutil

import pytest


def tool(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")  # a user's machine need not have every shell
    return found
