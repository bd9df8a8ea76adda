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
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.durations import TIMED_RUNS, Durations
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.runs import WINDOW
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.analyze.branches import find_line
from pytest_insight.filters import Selection, StartedBetween, SutIs
from pytest_insight.recording.facts.ci import ci_facts
from pytest_insight.summaries import BAD

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

FAILED, SLOW = "failed", "slow"
"""What can be selected besides verdicts; see `selection.WORDS`."""


def find_tests(
    storage: BaseStorage,
    sut_name: str,
    words: Collection[str],
    folder: Path,
    rules: CauseRules = DEFAULT_RULES,
) -> dict[str, set[str]] | None:
    """Return the nodeids of the tests for each word; None without a history of the SUT.

    The history are the last 30 days before the newest session.

    Args:
        storage: of the history.
        sut_name: the SUT.
        words: "failed" for the tests whose last run failed, "slow" for those that got slower, or a
            verdict; a test that failed in its first run is a new failure.
        folder: in the working tree.
        rules: what makes two failures one cause.

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
    judges = bool(found.keys() - {FAILED})
    line = _line(storage, selection, now, folder) if judges else ALL_RUNS
    survey = storage.survey(selection, line=line, rules=rules)
    if FAILED in found:
        found[FAILED] = {
            nodeid for (_, nodeid), runs in survey.runs.items() if runs.outcome(runs.ran[-1]) in BAD
        }
    if found.keys() - {FAILED, SLOW}:
        for each in analyze(survey, now, line=line).verdicts:
            is_new = each.verdict == values.NEW_TEST and each.bad
            word = values.NEW_FAILURE if is_new else each.verdict
            found.get(word, set()).add(each.nodeid)
    if SLOW in found:
        counted = line.counted(now)
        timed = storage.durations(selection, survey.counts, last=TIMED_RUNS)
        timings = Durations(each for each in timed if counted(each.session)).timings()
        found[SLOW] = {nodeid for (_, nodeid), timing in timings.items() if timing.ratio > 1}
    return found


def _line(storage: BaseStorage, selection: Selection, now: datetime, folder: Path) -> Line:
    """Return the line of the current branch, which begins now if the history has no run of it."""
    began: dict[str, datetime] = {}
    for each in storage.session_summaries(selection):
        code = each.session.code_state
        began.setdefault((code and code.branch) or "", each.session.session_start_time)
    branch = _current_branch(folder)
    return find_line(branch, lambda: began.get(branch, now), began.__contains__, folder)


def _current_branch(folder: Path) -> str:
    name = git_output(folder, "symbolic-ref", "--quiet", "--short", "HEAD") or ""
    return name.strip() or ci_facts(os.environ).get("branch", "")
