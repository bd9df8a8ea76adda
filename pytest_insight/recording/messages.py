"""The lines that a recorded run prints: one at its start if need be, some at its end."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest


class Messages:
    """Prints the lines of a run; registered as a plugin.

    Attributes:
        header: printed at the start, if not empty.
        notes: printed in the summary unless pytest is quiet.
        problems: printed in the summary, or after the run if there is no summary.
    """

    def __init__(self, header: str = "", problem: str = "") -> None:
        self.header = header
        self.notes: list[str] = []
        self.problems = [problem] if problem else []

    def pytest_report_header(self) -> str | None:
        """Return the line for the start of the run."""
        return _line(self.header) if self.header else None

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Print what was saved and where, and one line for each problem."""
        if config.get_verbosity() >= 0:
            for note in self.notes:
                terminalreporter.write_line(_line(note))
        for problem in self._taken_problems():
            terminalreporter.write_line(_line(problem), yellow=True)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Print the problems if there was no summary (`--no-summary`, `pytest.exit(...)`)."""
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        for problem in self._taken_problems():
            if terminal is not None:
                terminal.write_line(_line(problem), yellow=True)
            else:
                with suppress(OSError):  # full or closed: no other stream is left
                    os.write(2, f"{_line(problem)}\n".encode("utf-8", "backslashreplace"))

    def _taken_problems(self) -> list[str]:
        problems, self.problems = self.problems, []
        return problems


def _line(text: str) -> str:
    # Only for the last lines.
    from pytest_insight._util.printable import printable
    from pytest_insight.locations import with_display_paths

    return f"insight: {printable(with_display_paths(' '.join(text.splitlines())))}"
