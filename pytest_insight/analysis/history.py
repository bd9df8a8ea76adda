"""The history of tests: of each its runs, one for each session, in time order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.runs import Run, SessionFacts, in_time_order, runs_of
from pytest_insight.analysis.segments import Segment, find_segments
from pytest_insight.analysis.values import CauseCount, count_causes
from pytest_insight.filters.sessions import latest_start
from pytest_insight.models import TestSession


class History(NamedTuple):
    """All runs of one test.

    Attributes:
        nodeid: the test.
        sut_name: the SUT; equal nodeids of two SUTs are two tests.
        runs: in time order, but those dated in the future first; at least one.
    """

    nodeid: str
    sut_name: str
    runs: tuple[Run, ...]

    def __repr__(self) -> str:
        bad = sum(run.is_bad for run in self.runs)
        return f"<History: {self.nodeid!r}, {bad:,} of {len(self.runs):,} runs bad>"

    def _repr_html_(self) -> str:
        from pytest_insight.analysis.output.html import runs_html  # for notebooks

        return runs_html(self.runs)

    @property
    def durations(self) -> list[float]:
        """The durations of the runs, in seconds."""
        return [run.duration for run in self.runs]

    @property
    def branches(self) -> dict[str, list[Run]]:
        """The runs by branch, the branch with the most runs first."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.session.branch, []).append(run)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    @property
    def causes(self) -> tuple[CauseCount, ...]:
        """Why it failed or had to be run again, the most frequent cause first."""
        return count_causes(self.runs)

    @property
    def decided(self) -> list[Run]:
        """The runs that are good or bad."""
        return [run for run in self.runs if run.is_decided]

    @property
    def segments(self) -> list[Segment]:
        """The parts of the decided runs between which the rate of failures changed."""
        return find_segments([run.is_bad for run in self.decided])

    @property
    def median_duration(self) -> float:
        """The median of the durations, in seconds."""
        return median(run.duration for run in self.runs)


def histories(sessions: Iterable[TestSession], rules: CauseRules = DEFAULT_RULES) -> list[History]:
    """Return the history of each test, by SUT and nodeid.

    Nobody knows the age of a session that is dated in the future: it counts as older than others.

    Args:
        sessions: in any order; of each, the results to look at.
        rules: what makes two failures one cause.
    """
    found: dict[tuple[str, str], list[Run]] = {}
    for session in sessions:
        for run in runs_of(session, rules):
            found.setdefault((session.sut_name, run.nodeid), []).append(run)
    latest = latest_start(datetime.now(UTC))

    def age(run: Run) -> tuple[bool, tuple[datetime, str]]:
        session: SessionFacts = run.session
        return session.start <= latest, in_time_order(session)

    return [
        History(nodeid, sut, tuple(sorted(runs, key=age)))
        for (sut, nodeid), runs in sorted(found.items())
    ]
