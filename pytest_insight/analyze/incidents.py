"""The runs whose meaning depends on incidents, and what else failed in their sessions.

A verdict on a few tests needs no survey of all sessions: an incident matters only in those in which
one of the tests failed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.runs import Run, SessionFacts, in_time_order
from pytest_insight.filters import Selection, SessionIdIn, StartedBetween

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage


def find_notable(
    storage: BaseStorage, sessions: Collection[SessionFacts], rules: CauseRules
) -> list[Run]:
    """Return what failed in these sessions (`Survey.notable`)."""
    if not sessions:
        return []
    ids = frozenset(session.session_id for session in sessions)
    # A JSON store is read from its end.
    period = StartedBetween(min(session.start for session in sessions))
    return storage.survey(Selection((SessionIdIn(ids), period)), rules=rules).notable


def find_doubtful(runs: Sequence[Run], line: Line, *, more_red: int = 0) -> list[Run]:
    """Return the runs of a test that say something else if they are those of an incident.

    Those at the end of the line that are bad count all the same if they are enough, but are no
    evidence that a test is flaky.

    Args:
        runs: in time order, without those dated in the future.
        line: of which the last runs are judged.
        more_red: how many bad runs follow.
    """
    of_line = [run for run in runs if run.is_decided and line.has(run.session)]
    red = {id(run) for run in of_line[len(of_line) - count_red_runs(of_line) :]}
    if len(red) + more_red < BROKEN_RUNS:
        return list(runs)
    good = {run.session.context for run in runs if run.is_good} - {None}
    return [run for run in runs if id(run) not in red or run.session.context in good]


def by_test(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return the runs of each test in time order."""
    found: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: in_time_order(run.session)):
        found.setdefault(run.nodeid, []).append(run)
    return found


def count_red_runs(runs: Sequence[Run]) -> int:
    """Return how many runs at the end are bad."""
    return next((n for n, run in enumerate(reversed(runs)) if not run.is_bad), len(runs))
