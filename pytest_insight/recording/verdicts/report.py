"""Read and print what the history says of a run's failures, above pytest's closing line."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analyze.failure_history import FailureHistory, look_back
from pytest_insight.recording.settings import FULL
from pytest_insight.recording.verdicts.failures import failed_tests
from pytest_insight.recording.verdicts.summary import full_lines, short_line

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

TITLE = "what the history says"


class VerdictLines:
    """Prints the history of failures; registered as a plugin at the end of a run.

    Args:
        history: what the history says.
        form: "short" or "full".
    """

    def __init__(self, history: FailureHistory, form: str) -> None:
        self._history = history
        self._form = form

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # around the terminal's, which lists failures
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, Any, Any]:
        """Print the lines after pytest's own."""
        try:
            return (yield)
        finally:
            self._print(terminalreporter)

    def _print(self, terminal: Any) -> None:
        if self._form == FULL and self._history.tests:
            terminal.write_sep("=", TITLE)
            for line in full_lines(self._history, terminal._tw.fullwidth):
                _write(terminal, line)
        else:
            _write(terminal, [("insight: ", ()), *short_line(self._history)])


def _write(terminal: Any, line: Any) -> None:
    terminal.ensure_newline()
    for text, colors in line:
        terminal.write(text, **dict.fromkeys(colors, True))
    terminal.line("")


def verdict_lines(
    storage: Callable[[], BaseStorage],
    journal: bytes,
    fields: Mapping[str, Any],
    form: str,
    masks: Sequence[str],
    folder: Path,
    clock: Callable[[], float],
) -> VerdictLines | None:
    """Return what prints the lines about the failures of a run; None if there is nothing to say.

    Args:
        storage: returns that of the history; this run is not saved yet.
        journal: the lines of the journal.
        fields: the session without its results.
        form: "short" or "full".
        masks: what is masked in messages to tell causes; see `analysis.causes`.
        folder: in the working tree that was tested.
        clock: returns seconds.

    Raises:
        InsightError: the store cannot be read.
    """
    failed = failed_tests(journal, fields, CauseRules(masks))
    history = look_back(storage(), failed, folder, clock) if failed.runs else None
    return None if history is None else VerdictLines(history, form)
