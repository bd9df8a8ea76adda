"""Warnings that point to the user's code."""

from __future__ import annotations

import sys
import warnings

_OURS = ("pytest_insight", "contextlib")


def warn_user(warning: Warning) -> None:
    """Issue a warning at the innermost line that is not ours."""
    level = 1
    frame = sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame = frame.f_back
        level += 1
    warnings.warn(warning, stacklevel=level)
