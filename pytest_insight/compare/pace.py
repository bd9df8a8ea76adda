"""Read the durations that a comparison needs."""

from __future__ import annotations

from pytest_insight.analysis.comparison.newest import Newest
from pytest_insight.analysis.comparison.paces import Paces, find_paces, timed_tests
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.durations import BASELINE_RUNS, LEAST_BASELINE
from pytest_insight.compare.chosen import Chosen

_SINGLE = (SideKind.SESSION, SideKind.RUN, SideKind.BRANCH, SideKind.COMMIT, SideKind.FILE)
"""Heads that have one run of each test."""


def read_paces(base: Chosen, head: Chosen, new: Newest, *, is_every: bool) -> Paces:
    """Return how durations changed; nothing if the base has too few sessions to say.

    Args:
        base: the base.
        head: the head.
        new: the newest runs of the head.
        is_every: whether all tests have several runs in the head.
    """
    if len(base.sessions) < LEAST_BASELINE:
        return Paces({}, None)
    runs = new.runs
    every = is_every or head.kind not in _SINGLE
    names = list(runs) if every else timed_tests(runs.values())
    old_sut, new_sut = base.newest.sut_name, head.newest.sut_name
    wanted = {(old_sut, name): BASELINE_RUNS for name in names}
    of_base = base.storage.runs(base.selection, candidates=wanted)
    of_head = (
        head.storage.runs(
            head.selection, candidates={(new_sut, name): BASELINE_RUNS for name in names}
        )
        if every
        else (runs[name] for name in names)
    )
    return find_paces(of_base, of_head)
