"""The tests of one run that failed, of which the history is asked."""

from __future__ import annotations

from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.runs import Run, SessionFacts, facts_of, runs_of
from pytest_insight.models import TestSession


class FailedTests(NamedTuple):
    """The tests of one run that failed.

    Attributes:
        session: the facts of the run.
        runs: of each test that failed, in the order of first results.
        rules: what makes two failures one cause.
    """

    session: SessionFacts
    runs: list[Run]
    rules: CauseRules = DEFAULT_RULES

    @property
    def nodeids(self) -> set[str]:
        """The tests."""
        return {run.nodeid for run in self.runs}


def failures_of(session: TestSession, rules: CauseRules) -> FailedTests:
    """Return the tests that failed in a session that is saved."""
    runs = [run for run in runs_of(session, rules) if run.is_bad]
    facts = runs[0].session if runs else facts_of(session)
    return FailedTests(facts, runs, rules)
