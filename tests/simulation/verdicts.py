"""Rates of each verdict for each truth, and of change points in histories without a change."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from pytest_insight.analysis.compact_runs import NumberedSessions, compact
from pytest_insight.analysis.rules import Case, decide
from pytest_insight.analysis.runs import Run, SessionFacts
from pytest_insight.analysis.segments import find_segments
from pytest_insight.models import TestOutcome

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RUNS = 60
DAYS = 30
"""The usual number of days; in 10 there is no time to become stable again."""
SAME_CODE = 0.3
"""The share of runs whose code is that of the run before."""

Truth = Callable[[random.Random, Sequence[int]], list[bool]]
"""Returns of each run whether it is bad, given the number of the commit of each run."""


def always_good(rng: random.Random, commits: Sequence[int]) -> list[bool]:
    """Nothing is wrong."""
    return [False] * len(commits)


def still_red(rng: random.Random, commits: Sequence[int]) -> list[bool]:
    """A commit broke the test, at least 3 runs ago."""
    first = rng.choice([c for c in set(commits) if c > 0 and commits.index(c) <= RUNS - 3])
    return [commit >= first for commit in commits]


def fixed(rng: random.Random, commits: Sequence[int]) -> list[bool]:
    """A commit broke the test, a later one mended it, at least 3 runs ago."""
    last = max(commit for commit in commits if commits.index(commit) <= RUNS - 3)
    first, end = sorted(rng.sample(range(1, last + 1), 2))
    return [first <= commit < end for commit in commits]


def just_fixed(rng: random.Random, commits: Sequence[int]) -> list[bool]:
    """The last commit, of one or a few runs, mended what at least 3 commits were red with."""
    first = rng.randrange(1, commits[-1] - 2)
    return [first <= commit < commits[-1] for commit in commits]


def flaky_until(runs_ago: int) -> Truth:
    """Return the truth of a test that failed by chance in 1 of 5 runs until it was mended."""

    def truth(rng: random.Random, commits: Sequence[int]) -> list[bool]:
        mended = len(commits) - runs_ago
        return [number < mended and rng.random() < 0.2 for number in range(len(commits))]

    return truth


def flaky(rate: float) -> Truth:
    """Return the truth of a test that fails by chance."""

    def truth(rng: random.Random, commits: Sequence[int]) -> list[bool]:
        return [rng.random() < rate for _ in commits]

    return truth


TRUTHS: dict[str, Truth] = {
    "always good": always_good,
    "regression, still red": still_red,
    "regression, fixed": fixed,
    "regression, just fixed": just_fixed,
    "flaky 2 %": flaky(0.02),
    "flaky 5 %": flaky(0.05),
    "flaky 20 %": flaky(0.2),
    "flaky 50 %": flaky(0.5),
    "flaky 20 %, mended 30 runs ago": flaky_until(30),
}


def verdict_rates(truth: str, histories: int, seed: int, days: int) -> dict[str, float]:
    """Return the share of each verdict, the most frequent first.

    Args:
        truth: one of `TRUTHS`.
        histories: how many to simulate.
        seed: of the random numbers.
        days: how long the 60 runs take.
    """
    rng = random.Random(f"{seed} {truth}")
    counts: Counter[str] = Counter()
    for _ in range(histories):
        commits = random_commits(rng)
        counts[judge(TRUTHS[truth](rng, commits), commits, days)] += 1
    return {name: count / histories for name, count in counts.most_common()}


def judge(is_bad: Sequence[bool], commits: Sequence[int], days: int) -> str:
    """Return the verdict on a history."""
    step = timedelta(days=days) / len(is_bad)
    runs = [
        Run(
            "t",
            SessionFacts(f"{n}", "sut", NOW - step * (len(is_bad) - 1 - n), "main", f"{commit}"),
            TestOutcome.FAILED if bad else TestOutcome.PASSED,
            cause="cause" if bad else "",
        )
        for n, (bad, commit) in enumerate(zip(is_bad, commits, strict=True))
    ]
    sessions = NumberedSessions([run.session for run in runs])
    every = range(len(runs))
    return decide(Case(sessions, compact(runs), every, NOW, has_earlier=True)).verdict


def false_change_points(rate: float, histories: int, seed: int, runs: int = 100) -> float:
    """Return the share of histories with one rate of failures that are split."""
    rng = random.Random(f"{seed} {rate}")
    split = 0
    for _ in range(histories):
        split += len(find_segments([rng.random() < rate for _ in range(runs)])) > 1
    return split / histories


def random_commits(rng: random.Random) -> list[int]:
    """Return the number of the commit of each run."""
    commits = [0]
    while len(commits) < RUNS:
        commits.append(commits[-1] + (rng.random() >= SAME_CODE))
    return commits
