"""Histories as pictures: `.` passed, `F` failed, `E` error, `s` skipped, `R` recovered.

`x` is an expected failure and `X` an unexpected pass. Each character is a session, a day after the
one before unless told otherwise, and has a commit of its own unless commits are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from pytest_insight.analysis.causes import DEFAULT_RULES
from pytest_insight.analysis.runs import Run, SessionFacts, in_time_order, is_notable
from pytest_insight.analysis.survey import Survey
from pytest_insight.analysis.verdicts import Analysis, analyze
from pytest_insight.models import TestOutcome

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OUTCOMES = {
    ".": TestOutcome.PASSED,
    "R": TestOutcome.PASSED,
    "F": TestOutcome.FAILED,
    "E": TestOutcome.ERROR,
    "s": TestOutcome.SKIPPED,
    "x": TestOutcome.XFAILED,
    "X": TestOutcome.XPASSED,
    "?": TestOutcome("of a plugin"),
}


def history(
    picture: str,
    nodeid: str = "t",
    *,
    message: str = "KeyError: 'a'",
    sessions: Sequence[SessionFacts] = (),
    **of_sessions: Any,
) -> list[Run]:
    """Return the runs of one test.

    Args:
        picture: a character for each session; spaces are sessions in which it was not run.
        nodeid: the test.
        message: why it fails.
        sessions: the sessions; made by `make_sessions(..., **of_sessions)` if there are none.
        of_sessions: see there.
    """
    cause = DEFAULT_RULES.cause_of("", message)
    runs = []
    for mark, session in zip(
        picture, sessions or make_sessions(len(picture), **of_sessions), strict=True
    ):
        run = Run(nodeid, session, OUTCOMES[mark], duration=0.1) if mark != " " else None
        if run and mark in "FER":
            why = {"message": message, "cause": cause.key, "shape": cause.shape}
            run = replace(run, attempts=1 + (mark == "R"), **why)
        runs += [run] if run else []
    return runs


def make_sessions(
    count: int,
    *,
    commits: str = "",
    branches: str = "",
    step: timedelta = DAY,
    end: datetime = NOW,
    **facts: Any,
) -> list[SessionFacts]:
    """Return sessions, the last one at `end`.

    Args:
        count: how many.
        commits: a character for each session, "-" for an unknown commit; empty for all different.
        branches: a character for each session; empty for "main".
        step: the time between them.
        end: when the last one started.
        facts: other fields.
    """
    return [
        SessionFacts(
            f"s{number}",
            "sut",
            end - step * (count - 1 - number),
            branches[number] if branches else "main",
            (commits[number] if commits else f"c{number}").replace("-", ""),
            **({"decided": 1} | facts),
        )
        for number in range(count)
    ]


def survey_of(runs: Sequence[Run], sessions: Sequence[SessionFacts] = ()) -> Survey:
    """Return the survey that a storage would give of these runs."""
    known = {each.session_id: each for each in (*sessions, *(run.session for run in runs))}
    decided: dict[str, dict[str, int]] = {}
    for run in runs:
        suite = decided.setdefault(run.sut_name, {})
        suite[run.nodeid] = suite.get(run.nodeid, 0) + run.is_decided
    return Survey(
        sorted(known.values(), key=in_time_order),
        [run for run in runs if is_notable(run)],
        decided,
        {},
        {},
    ).judging(runs)


def judge(
    runs: Sequence[Run], *, sessions: Sequence[SessionFacts] = (), **options: Any
) -> Analysis:
    """Return what `analyze` says of runs."""
    return analyze(survey_of(runs, sessions), options.pop("now", NOW), **options)
