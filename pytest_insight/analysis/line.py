"""The line of development whose runs are judged: a branch, and what it grew from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from pytest_insight.analysis.runs import SessionFacts
from pytest_insight.filters.sessions import latest_start


class Line(NamedTuple):
    """The line of development whose runs are judged.

    Attributes:
        branch: the branch; None for all runs, whatever their branch.
        default_branch: the branch whose runs before the branch point count as well.
        branch_point: when the branch left the default branch; None if no run of that counts.
    """

    branch: str | None = None
    default_branch: str | None = None
    branch_point: datetime | None = None

    def has(self, session: SessionFacts) -> bool:
        """Return whether the runs of a session count."""
        if self.branch is None or session.branch == self.branch:
            return True
        return (
            self.branch_point is not None
            and session.branch == self.default_branch
            and session.start <= self.branch_point
        )

    def counted(self, now: datetime) -> Callable[[SessionFacts], bool]:
        """Return a function that tells whether the runs of a session count.

        Those of sessions that are dated in the future (`filters.MAX_AHEAD`) do not.
        """
        latest = latest_start(now)
        return lambda session: session.start <= latest and self.has(session)


ALL_RUNS = Line()
