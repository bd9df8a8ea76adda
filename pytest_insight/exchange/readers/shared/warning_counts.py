"""Count the warnings that a report lists one by one."""

from __future__ import annotations

from typing import Any

from pytest_insight.limits import MAX_WARNINGS
from pytest_insight.models import RecordedWarning


class WarningCounts:
    """Counts equal warnings; as many distinct ones are kept as in a recorded run."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], int] = {}

    def add(self, category: str | None, text: Any, path: str | None, line: int | None) -> None:
        """Count a warning that was given in a file; None for an unknown one."""
        message = text if isinstance(text, str) else str(text or "")
        key = (category or "", message, f"{path}:{line}" if path else "")
        if key in self._found or len(self._found) < MAX_WARNINGS:
            self._found[key] = self._found.get(key, 0) + 1

    def records(self, root: str = "") -> list[RecordedWarning]:
        """Return them.

        Args:
            root: what is left out at the beginning of paths.
        """
        return [
            RecordedWarning(category, text, place.removeprefix(root), count)
            for (category, text, place), count in self._found.items()
        ]
