"""Adding up what a database has added up in part already: by test and outcome."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.keys import time_of
from pytest_insight.summaries import TestSummary, counts_as_later, place


class Totals:
    """The results of one test. Times are microseconds since 1970 in UTC."""

    __slots__ = (
        "_durations",
        "_first",
        "_last",
        "_last_outcome",
        "_longest",
        "_outcomes",
        "_total",
    )

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._total = 0
        self._longest = 0.0
        self._first: int | None = None
        self._last = 0
        self._last_outcome = ""
        self._durations: array[float] | None = None

    def add(
        self, outcome: str, results: int, total: int, longest: float, first: int, last: int
    ) -> None:
        """Add all results of one outcome.

        Args:
            outcome: its name.
            results: how many.
            total: their durations, each by `whole_micros`.
            longest: the longest duration, in seconds.
            first: when the first began.
            last: when the last began.
        """
        self._outcomes[outcome] = results
        self._total += total
        if longest > self._longest:
            self._longest = longest
        if self._first is None:
            self._first, self._last, self._last_outcome = first, last, outcome
            return
        if first < self._first:
            self._first = first
        if last > self._last or (
            last == self._last and counts_as_later(outcome, self._last_outcome)
        ):
            self._last, self._last_outcome = last, outcome

    def extend(self, durations: Iterable[float]) -> None:
        """Add the single durations, for the percentiles: 8 bytes for each."""
        if self._durations is None:
            self._durations = array("d")
        self._durations.extend(durations)

    def summary(self, nodeid: str) -> TestSummary:
        """What they come to; there is one at least."""
        assert self._first is not None  # noqa: S101 - for the type checker
        outcomes = self._outcomes
        count = sum(outcomes.values())
        durations = None if self._durations is None else sorted(self._durations)
        return TestSummary(
            nodeid,
            count,
            outcomes if len(outcomes) == 1 else dict(sorted(outcomes.items())),
            mean=self._total / count / 1e6,
            p50=durations[place(50, count)] if durations else None,
            p95=durations[place(95, count)] if durations else None,
            maximum=self._longest,
            first_seen=time_of(self._first),
            last_seen=time_of(self._last),
            last_outcome=TestOutcome(self._last_outcome),
        )
