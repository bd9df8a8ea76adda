"""What is said of tests that fail together: in an outage, by a commit, and in runs of `--lf`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from msgspec.structs import replace

from pytest_insight.analysis.causes import DEFAULT_RULES
from pytest_insight.analysis.runs import Run, SessionFacts, is_notable
from pytest_insight.analysis.survey import survey_of
from pytest_insight.analysis.verdicts import analyze
from pytest_insight.models import TestOutcome
from tests.simulation.verdicts import DAYS, NOW, RUNS, random_commits

TESTS = 100
MESSAGE = "ConnectionError: broker"
CAUSE = DEFAULT_RULES.cause_of("", MESSAGE)


class Suite(NamedTuple):
    """What happens in a history of a suite.

    Attributes:
        hit: how many tests fail.
        red: the sessions in which they do.
        chosen: the sessions in which only they were run.
    """

    hit: int
    red: frozenset[int]
    chosen: frozenset[int] = frozenset()


def outage(rng: random.Random, commits: list[int]) -> Suite:
    """In two sessions in a row, on whatever code, 30 of 100 tests did not reach a service."""
    first = rng.randrange(5, RUNS - 10)
    return Suite(30, frozenset((first, first + 1)))


def outage_now(rng: random.Random, commits: list[int]) -> Suite:
    """The same in the last session."""
    return Suite(30, frozenset({RUNS - 1}))


def breakage(rng: random.Random, commits: list[int]) -> Suite:
    """A commit broke 30 of 100 tests, at least 3 runs ago."""
    first = rng.choice([c for c in set(commits) if c > 0 and commits.index(c) <= RUNS - 3])
    return Suite(30, frozenset(n for n, commit in enumerate(commits) if commit >= first))


def failed_again(rng: random.Random, commits: list[int]) -> Suite:
    """A commit broke 6 of 100 tests, which alone were run twice more on other code."""
    first = RUNS - 3
    commits[first:] = [commits[first - 1] + number for number in (1, 2, 3)]
    return Suite(6, frozenset(range(first, RUNS)), frozenset((RUNS - 2, RUNS - 1)))


TRUTHS: dict[str, Callable[[random.Random, list[int]], Suite]] = {
    "outage of 2 sessions": outage,
    "outage of the last session": outage_now,
    "30 tests broken by a commit": breakage,
    "6 tests broken, run again by --lf": failed_again,
}


def verdict_rates(truth: str, suites: int, seed: int) -> dict[str, float]:
    """Return the share of each verdict on the tests that failed, the most frequent first."""
    rng = random.Random(f"{seed} {truth}")
    counts: Counter[str] = Counter()
    for _ in range(suites):
        commits = random_commits(rng)
        suite = TRUTHS[truth](rng, commits)
        counts.update(_judge(suite, commits))
    return {name: count / counts.total() for name, count in counts.most_common()}


def _judge(suite: Suite, commits: list[int]) -> list[str]:
    step = timedelta(days=DAYS) / RUNS
    sessions: list[SessionFacts] = []
    runs: list[Run] = []
    for number, commit in enumerate(commits):
        tests = range(suite.hit if number in suite.chosen else TESTS)
        bad = suite.hit if number in suite.red else 0
        start = NOW - step * (RUNS - 1 - number)
        session = SessionFacts(f"{number:03}", "sut", start, "main", f"{commit}")
        sessions.append(replace(session, decided=len(tests), bad=bad))
        for test in tests:
            run = Run(f"{test:03}", sessions[-1], TestOutcome.PASSED)
            failed = {"message": MESSAGE, "cause": CAUSE.key, "shape": CAUSE.shape}
            runs.append(replace(run, outcome=TestOutcome.FAILED, **failed) if test < bad else run)
    decided = Counter(run.nodeid for run in runs)
    survey = survey_of(runs, [run for run in runs if is_notable(run)], {"sut": dict(decided)})
    return [each.verdict for each in analyze(survey, NOW).verdicts[: suite.hit]]
