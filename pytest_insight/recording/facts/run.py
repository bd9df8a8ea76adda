"""Facts about one run: its arguments, how many tests were collected, its warnings."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_insight.recording.reasons import place_in
from pytest_insight.recording.redaction import REDACTED, TextPolicy, to_text
from pytest_insight.recording.secrets import is_secret_name, names_tests

MAX_WARNINGS = 200
"""Distinct warnings that are kept; further ones are left out."""
MAX_WARNING_TEXT = 500
"""Characters."""


class RunFacts:
    """Collects what is known of a run beside its results; registered as a plugin.

    Args:
        config: of the run.
        texts: what is kept of texts.

    Attributes:
        collected: the number of tests that were collected; None as long as it is unknown.
        deselected: the number of those that are not to be run; None if xdist distributes them, as
            its workers do not tell.
    """

    def __init__(self, config: pytest.Config, texts: TextPolicy) -> None:
        self._texts = texts
        self._root = config.rootpath
        self._given = config.invocation_params.args
        self._warnings: dict[tuple[str, str, str], int] = {}
        self.collected: int | None = None
        self.deselected: int | None = None
        self._left_out = 0
        self._is_distributed = getattr(config.option, "dist", "no") != "no"

    def arguments(self) -> list[str]:
        """Return pytest's arguments; the values of options with the name of a secret are hidden."""
        found: list[str] = []
        secret = False
        for argument in map(to_text, self._given):
            option, equals, _ = argument.partition("=")
            is_option = option.startswith("-")
            if secret and not is_option and not names_tests(argument):
                found.append(REDACTED)
            elif is_option and equals and is_secret_name(option):
                found.append(f"{option}={REDACTED}")
            else:
                found.append(self._texts.hide(argument))
            secret = is_option and not equals and is_secret_name(option)
        return found

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count the tests that are not to be run."""
        self._left_out += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests that are to be run; with xdist, each worker does."""
        if not self._is_distributed:
            self.collected = len(session.items) + self._left_out
            self.deselected = self._left_out

    @pytest.hookimpl(optionalhook=True)  # of xdist
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count the tests that a worker is to run; all workers have the same ones."""
        self.collected = len(ids)

    def add_warning(self, message: warnings.WarningMessage) -> None:
        """Add a warning."""
        text = self._texts.hide(str(message.message))
        place = place_in(self._root, message.filename, message.lineno)
        key = (message.category.__name__, text[:MAX_WARNING_TEXT], self._texts.hide(place))
        if key in self._warnings or len(self._warnings) < MAX_WARNINGS:
            self._warnings[key] = self._warnings.get(key, 0) + 1

    def counts(self) -> dict[str, Any]:
        """Return the numbers that are known, by the name of their field."""
        found = {"collected": self.collected, "deselected": self.deselected}
        return {name: count for name, count in found.items() if count is not None}

    def warnings(self) -> list[dict[str, Any]]:
        """Return the warnings as they are stored."""
        return [
            {"category": category, "text": text, "location": place, "count": count}
            for (category, text, place), count in self._warnings.items()
        ]
