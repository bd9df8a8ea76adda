"""Find the tests that the history says something of, to select them for a run."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_insight._util.git import git_output
from pytest_insight.analysis import values
from pytest_insight.analysis.durations import BASELINE_RUNS, Durations
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.runs import WINDOW
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.analyze.branches import find_line
from pytest_insight.filters import Selection, StartedBetween, SutIs
from pytest_insight.recording.facts.ci import ci_facts

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

FAILED, SLOW = "failed", "slow"
WORDS = (FAILED, values.FLAKY, values.BROKEN, values.NEW_FAILURE, SLOW)
"""What can be selected."""
TIMED_RUNS = BASELINE_RUNS + 10
"""The runs of each test whose durations are compared."""


def find_tests(
    storage: BaseStorage, sut_name: str, words: Collection[str], folder: Path
) -> dict[str, set[str]] | None:
    """Return the nodeids of the tests for each word; None without a history of the SUT.

    The history are the last 30 days before the newest session.

    Args:
        storage: of the history.
        sut_name: the SUT.
        words: "failed" for the tests whose last run failed, "slow" for those that got slower, or a
            verdict; a test that failed in its first run is a new failure.
        folder: in the working tree.

    Raises:
        InsightError: the store cannot be read.
    """
    of_sut = SutIs(escape(sut_name))
    newest = storage.session_summaries(Selection((of_sut,), limit=1))
    if not newest:
        return None
    now = newest[0].session.session_start_time
    selection = Selection((of_sut, StartedBetween(now - WINDOW, now)))
    found: dict[str, set[str]] = {word: set() for word in words}
    survey = storage.survey(selection)
    if FAILED in found:
        last = storage.runs(selection, candidates=dict.fromkeys(survey.candidates, 1))
        found[FAILED] = {run.nodeid for run in last if run.is_bad}
    if found.keys() - {FAILED}:
        branches = {session.branch for session in survey.sessions}
        branch = _current_branch(folder)
        began = min((each.start for each in survey.sessions if each.branch == branch), default=now)
        line = find_line(branch, began, branches.__contains__, folder)
        _add_verdicts(found, storage, selection, line, now)
    return found


def _add_verdicts(
    found: dict[str, set[str]],
    storage: BaseStorage,
    selection: Selection,
    line: Line,
    now: datetime,
) -> None:
    """Add the tests of each word that is a verdict, or "slow"."""
    survey = storage.survey(selection, line=line)
    if found.keys() - {FAILED, SLOW}:
        runs = storage.runs(selection, candidates=survey.candidates)
        for each in analyze(survey, runs, now, line=line).verdicts:
            is_new = each.verdict == values.NEW_TEST and each.bad
            word = values.NEW_FAILURE if is_new else each.verdict
            found.get(word, set()).add(each.nodeid)
    if SLOW in found:
        counted = line.counted(now)
        # With the counts, only the newest sessions are read.
        timed = storage.runs(selection, candidates=survey.counts, last=TIMED_RUNS)
        timings = Durations(run for run in timed if counted(run.session)).timings()
        found[SLOW] = {nodeid for (_, nodeid), timing in timings.items() if timing.ratio > 1}


def _current_branch(folder: Path) -> str:
    name = git_output(folder, "symbolic-ref", "--quiet", "--short", "HEAD") or ""
    return name.strip() or ci_facts(os.environ).get("branch", "")
