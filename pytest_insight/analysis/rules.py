"""The rules of verdicts, in the order in which they are tried; the first that applies decides.

Every number was chosen by simulation (`make simulate`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple

from pytest_insight.analysis.rates import highest_hidden_rate, wilson
from pytest_insight.analysis.runs import Run, in_time_order
from pytest_insight.analysis.segments import Segment, find_segments
from pytest_insight.analysis.values import (
    BROKEN,
    FAILED_ONCE,
    FIXED,
    FLAKY,
    NEW_FAILURE,
    NEW_TEST,
    STABLE,
    SUSPECT,
    TOO_FEW,
    UNSTABLE_XFAIL,
)
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import plural

RECENT_RUNS = 20
"""Only failures among the last 20 decided runs make a test suspect or fixed."""
BROKEN_RUNS = 3
ENOUGH_RUNS = 5
LEAST_CHANCE = 0.01
"""A flaky test is broken if the chance of a red run as long as its last one is lower."""
STABLE_AGAIN = timedelta(days=14)
STABLE_AGAIN_RUNS = 20


class RedRun(NamedTuple):
    """Bad runs in a row; positions among the decided runs.

    Attributes:
        first: the position of its first run.
        last: the position of its last run.
    """

    first: int
    last: int

    @property
    def length(self) -> int:
        """The number of runs."""
        return self.last - self.first + 1


class Found(NamedTuple):
    """What a rule found.

    Attributes:
        verdict: the verdict.
        detail: the evidence in a few words.
        evidence: the runs that the verdict is based on, in time order.
        since: the position of the run at which it began; None if it did not begin at one.
    """

    verdict: str
    detail: str
    evidence: Sequence[Run] = ()
    since: int | None = None


class Case:
    """The runs of one test on which a verdict is based; those of incidents are left out.

    Attributes:
        decided: the decided runs of the line of development, in time order; if the test was flaky
            and then stable again, only those since.
        evidence: the runs that show that the test is flaky, those of other branches included, in
            time order.
        contexts: in how many contexts the test was good and bad.
        everywhere: the runs of all branches.
        has_earlier: whether other tests were run before the first decided run.
    """

    def __init__(
        self, decided: Sequence[Run], everywhere: Sequence[Run], now: datetime, *, has_earlier: bool
    ) -> None:
        self.decided = decided
        self.everywhere = everywhere
        self.has_earlier = has_earlier
        self.evidence, self.contexts = find_flaky_evidence(everywhere)
        if self.evidence and (quiet := _quiet_since(decided, self.evidence, now)) is not None:
            self.decided = [run for run in decided if run.session.start > quiet]
            self.everywhere = [run for run in everywhere if run.session.start > quiet]
            self.evidence, self.contexts = find_flaky_evidence(self.everywhere)
        self.is_bad = [run.is_bad for run in self.decided]
        self.red_runs = find_red_runs(self.is_bad)

    @property
    def now_red(self) -> RedRun | None:
        """The red run that has not ended."""
        last = self.red_runs[-1] if self.red_runs else None
        return last if last is not None and last.last == len(self.decided) - 1 else None

    @property
    def recent_red_runs(self) -> list[RedRun]:
        """The red runs that touch the last `RECENT_RUNS` decided runs."""
        return [each for each in self.red_runs if each.last >= len(self.decided) - RECENT_RUNS]

    @cached_property
    def segments(self) -> list[Segment]:
        """The parts between which the rate of failures changed."""
        return find_segments(self.is_bad)

    @cached_property
    def is_unlikely_streak(self) -> bool:
        """Whether it failed more often in a row than a test with its rate of failures does."""
        red = self.now_red
        if red is None or not red.first:
            return False
        before = sum(run.is_bad or run.is_recovered for run in self.decided[: red.first])
        return bool(wilson(before, red.first)[1] ** red.length < LEAST_CHANCE)


def _quiet_since(decided: Sequence[Run], evidence: Sequence[Run], now: datetime) -> datetime | None:
    """Return when a flaky test failed last before it was stable again; None if it was not.

    A failure of a flaky test that shows nothing by itself is new evidence all the same.
    """
    good = {id(run) for run in decided if not run.cause}
    events = {id(run): run for run in (*decided, *evidence)}.values()
    found = last = None
    count = 0
    for run in sorted(events, key=lambda run: in_time_order(run.session)):
        start = run.session.start
        if id(run) in good:
            count += 1
        elif run.cause:
            if last is not None and _is_long(start - last, count):
                found = last
            last, count = start, 0
    return last if last is not None and _is_long(now - last, count) else found


def _is_long(time: timedelta, good_runs: int) -> bool:
    return time >= STABLE_AGAIN and good_runs >= STABLE_AGAIN_RUNS


def find_red_runs(is_bad: Sequence[bool]) -> list[RedRun]:
    """Return the longest possible red runs, in time order."""
    found: list[RedRun] = []
    for position, bad in enumerate(is_bad):
        if bad and found and found[-1].last == position - 1:
            found[-1] = RedRun(found[-1].first, position)
        elif bad:
            found.append(RedRun(position, position))
    return found


def find_flaky_evidence(runs: Sequence[Run]) -> tuple[list[Run], int]:
    """Return the runs that show that a test is flaky, and the number of contexts that do.

    These are the recovered ones, and those of contexts in which it was good and bad: the bad ones
    and the last good one.
    """
    bad = [run for run in runs if run.is_bad]
    contexts = {run.session.context for run in bad} - {None}
    commits = {run.session.commit for run in bad}  # most runs are of others: quick to tell
    good = {
        run.session.context: run
        for run in runs
        if run.session.commit in commits and run.is_good and run.session.context in contexts
    }
    shown = {id(run) for run in good.values()}
    shown.update(id(run) for run in bad if run.session.context in good)
    return [run for run in runs if id(run) in shown or run.is_recovered], len(good)


# The rules --------------------------------------------------------------------------------------


def new_test(case: Case) -> Found | None:
    """No decided run before, though others were run before."""
    if len(case.decided) != 1 or not case.has_earlier:
        return None
    (run,) = case.decided
    return Found(NEW_TEST, f"first run: {run.outcome}", case.decided, 0)


def flaky(case: Case) -> Found | None:
    """It recovered, or was good and bad in one context, unless it is broken now."""
    if not case.evidence or case.is_unlikely_streak:
        return None
    hits = sum(run.is_bad or run.is_recovered for run in case.decided)
    recovered = sum(run.is_recovered for run in case.decided)
    why = f"same code {_times(case.contexts)}"
    if not case.contexts:
        why = f"good when run again {_times(recovered)}"
    return Found(FLAKY, f"{hits} of {len(case.decided)}, {why}", case.evidence)


def broken(case: Case) -> Found | None:
    """The last 3 or more runs are bad, or the last segment is; or a flaky test is red too often."""
    red = case.now_red
    if red is None:
        return None
    unlikely = bool(case.evidence) and case.is_unlikely_streak
    if red.length < BROKEN_RUNS and not unlikely and not _ends_with_bad_segment(case):
        return None
    detail = plural(red.length, "run")
    if unlikely:
        detail = f"flaky before, now red {_times(red.length)} (chance < 1 %)"
    return Found(BROKEN, detail, case.decided[red.first :], red.first)


def new_failure(case: Case) -> Found | None:
    """One red run has just begun; before it the test was good."""
    red = case.now_red
    if red is None or not red.first or len(case.recent_red_runs) > 1:
        return None
    good = red.first - sum(case.is_bad[: red.first])
    detail = f"passed {good:,} of {red.first:,}"
    return Found(NEW_FAILURE, detail, case.decided[red.first :], red.first)


def suspect(case: Case) -> Found | None:
    """At least 2 separate red runs among the last 20 decided runs; on different or unknown code."""
    if len(case.recent_red_runs) < 2:
        return None
    recent = case.decided[-RECENT_RUNS:]
    bad = [run for run in recent if run.is_bad]
    return Found(SUSPECT, f"{len(bad)} of the last {len(recent)}", bad)


def fixed(case: Case) -> Found | None:
    """One red run of at least 2, and good ever since."""
    if len(case.recent_red_runs) != 1 or case.now_red is not None:
        return None
    (red,) = case.recent_red_runs
    if red.length < 2:
        return None
    good = len(case.decided) - 1 - red.last
    detail = f"red for {plural(red.length, 'run')}, good {_times(good)}"
    return Found(FIXED, detail, case.decided[red.first : red.last + 2], red.last + 1)


def failed_once(case: Case) -> Found | None:
    """One red run of length 1, and good ever since."""
    if len(case.red_runs) != 1 or case.red_runs[0].length != 1 or case.now_red is not None:
        return None
    run = case.decided[case.red_runs[0].first]
    return Found(FAILED_ONCE, f"1 of {len(case.decided)}", [run])


def unstable_xfail(case: Case) -> Found | None:  # a verdict, not pytest's marker
    """It was an expected failure and an unexpected pass in one context."""
    outcomes: dict[object, set[str]] = {}
    runs = [
        run
        for run in case.everywhere
        if run.outcome in (TestOutcome.XFAILED, TestOutcome.XPASSED)
        and run.session.context is not None
    ]
    for run in runs:
        outcomes.setdefault(run.session.context, set()).add(run.outcome)
    both = {context for context, found in outcomes.items() if len(found) == 2}
    if not both:
        return None
    evidence = [run for run in runs if run.session.context in both]
    return Found(UNSTABLE_XFAIL, f"xfailed and xpassed in {plural(len(both), 'context')}", evidence)


def stable_or_too_few(case: Case) -> Found:
    """Nothing else applies: stable after 5 runs."""
    return nothing_to_say(len(case.decided), sum(case.is_bad))


@lru_cache(maxsize=4096)  # as `rate_of`
def nothing_to_say(runs: int, bad: int = 0) -> Found:
    """Return "stable" or "too-few" for a number of decided runs."""
    if runs < ENOUGH_RUNS:
        passed = f"passed {runs - bad:,} of {runs:,}" if runs else "never passed or failed"
        return Found(TOO_FEW, f"{passed}; {ENOUGH_RUNS} runs are needed")
    below = "" if bad else f", a rate below {highest_hidden_rate(runs):.1%}"
    return Found(STABLE, f"passed {runs - bad:,} of {runs:,}{below}")


RULES: tuple[Callable[[Case], Found | None], ...] = (
    new_test,
    flaky,
    broken,
    new_failure,
    suspect,
    fixed,
    failed_once,
    unstable_xfail,
    stable_or_too_few,
)


def decide(case: Case) -> Found:
    """Return what the first rule that applies found."""
    return next(found for rule in RULES if (found := rule(case)) is not None)


def _ends_with_bad_segment(case: Case) -> bool:
    last = case.segments[-1]
    return len(case.segments) > 1 and last.bad == last.runs


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
