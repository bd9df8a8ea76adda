"""Read and compare the durations of the tests of a comparison."""

from __future__ import annotations

from collections.abc import Collection

from pytest_insight.analysis.comparison.newest_runs import Newest
from pytest_insight.analysis.comparison.paces import Paces, find_paces, timed_tests
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.durations import LEAST_BASELINE
from pytest_insight.compare.chosen_sessions import Chosen
from pytest_insight.compare.question import Question

_SINGLE = (SideKind.SESSION, SideKind.RUN, SideKind.BRANCH, SideKind.COMMIT, SideKind.FILE)
"""Heads that have one run of each test, unless windows are compared."""


def tests_to_time(base: Chosen, head: Chosen, new: Newest, question: Question) -> Collection[str]:
    """Return the tests whose durations are compared; none if the base has too few sessions."""
    if len(base.sessions) < LEAST_BASELINE:
        return ()
    if question.windows or head.kind not in _SINGLE:
        return new.runs.keys()
    return timed_tests(new.runs.values())


def read_paces(head: Chosen, old: Newest, new: Newest, timed: Collection[str]) -> Paces:
    """Return how durations changed.

    Args:
        head: the head.
        old: the newest runs of the base, and all runs of the tests that are compared.
        new: the newest runs of the head.
        timed: the tests that are compared.
    """
    if not timed:
        return Paces({}, None)
    if len(head.sessions) == 1 or len(timed) < len(new.runs):
        return find_paces(old.timed, (new.runs[name] for name in timed))
    sut = head.newest.sut_name
    most = len(head.sessions)
    of_head = head.storage.runs(head.selection, candidates={(sut, name): most for name in timed})
    return find_paces(old.timed, of_head)
