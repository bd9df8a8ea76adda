"""What pytest counts a report as: read from its terminal, else asked of its hook."""

from __future__ import annotations

from typing import Any

import pytest

MAX_PHASES = 3
"""Phases of a test: a report may be looked up after all phases of its test were reported."""


class Outcomes:
    """Tells the outcomes of reports, as pytest's closing line counts them.

    Attributes:
        terminal_counts: the terminal's reports by outcome; empty without pytest's own terminal.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.terminal_counts: dict[str, list[Any]] = {}
        self._lengths: dict[str, int] = {}  # of the lists of the terminal, when last looked at

    def find_terminal(self) -> dict[str, list[Any]]:
        """Find the terminal, after all plugins were configured; return its counts.

        A plugin may have replaced the terminal by another class, whose counts, if any, have
        other keys (pytest-tldr: "F" and "."): they are not used.
        """
        plugins = self._config.pluginmanager
        terminal: Any = plugins.get_plugin("terminalreporter")
        # The class of this module: `pytest.TerminalReporter` is not in pytest 8.0.
        own_class: Any = getattr(plugins.get_plugin("terminal"), "TerminalReporter", ())
        if isinstance(terminal, own_class):
            self.terminal_counts = terminal.stats
        return self.terminal_counts

    def counted_as(self, report: pytest.TestReport) -> str:
        """Return what pytest counts a report as; empty if it does not count it."""
        counts = self.terminal_counts
        found = [
            outcome
            for outcome, reports in counts.items()
            if any(counted is report for counted in reports[: -MAX_PHASES - 1 : -1])
        ]
        if not found:
            return self._status(report)
        if len(found) > 1:
            # A plugin reported the same object before, with another outcome (pytest-retry).
            added = [each for each in found if len(counts[each]) > self._lengths.get(each, 0)]
            found = added or found
        outcome = found[0]
        self._lengths[outcome] = len(counts[outcome])
        return outcome

    def _status(self, report: pytest.TestReport) -> str:
        status = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        # With `-p no:terminal`, the default implementation is missing too.
        default = report.outcome if report.when == "call" else ""
        return str(status[0] if status else default)
