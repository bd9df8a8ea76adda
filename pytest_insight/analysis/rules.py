"""The rules of verdicts, in the order in which they are tried; the first that applies decides.

Every number was chosen by simulation (`make simulate`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple

from pytest_insight.analysis.compact_runs import CompactRuns, NumberedSessions
from pytest_insight.analysis.rates import highest_hidden_rate, wilson
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
        evidence: the numbers of the sessions that the verdict is based on, ascending.
        since: the position of the run at which it began; None if it did not begin at one.
    """

    verdict: str
    detail: str
    evidence: Sequence[int] = ()
    since: int | None = None


class Case:
    """The runs of one test on which a verdict is based; those of incidents are left out.

    A run is identified by the number of its session (`compact_runs`); a position is one among the
    decided runs.

    Attributes:
        runs: all runs, those that are left out included.
        decided: the decided runs of the line of development; if the test was flaky and then stable
            again, only those since.
        evidence: the runs that show that the test is flaky, those of other branches included.
        contexts: in how many contexts the test was good and bad.
        hits: the decided runs that are bad or recovered.
        is_bad: whether each decided run is bad.
        red_runs: the bad ones in a row.
        has_earlier: whether other tests were run before the first decided run.
    """

    def __init__(
        self,
        sessions: NumberedSessions,
        runs: CompactRuns,
        decided: Sequence[int],
        now: datetime,
        *,
        has_earlier: bool,
        left_out: Set[int] = frozenset(),
    ) -> None:
        """Find the evidence and the red runs.

        Args:
            sessions: all sessions.
            runs: of the test.
            decided: the decided runs of the line that count.
            now: when it is judged.
            has_earlier: whether other tests were run before the first decided run.
            left_out: runs that are no evidence.
        """
        self.sessions = sessions
        self.runs = runs
        self.decided = decided
        self.has_earlier = has_earlier
        self._left_out = left_out
        self._first = 0
        self.evidence, self.contexts = find_flaky_evidence(sessions, runs, left_out)
        if self.evidence and (quiet := self._quiet_since(now)) is not None:
            self._first = sessions.first_after(quiet)
            self.decided = [number for number in decided if number >= self._first]
            self.evidence, self.contexts = find_flaky_evidence(
                sessions, runs, left_out, self._first
            )
        kept = frozenset(self.decided)
        notable = {n: run for n, run in runs.notable.items() if n in kept}
        bad = {n for n, run in notable.items() if run.is_bad}
        self.hits = sorted(bad.union(n for n, run in notable.items() if run.is_recovered))
        self.is_bad = [number in bad for number in self.decided]
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
        before = bisect_left(self.hits, self.decided[red.first])
        return bool(wilson(before, red.first)[1] ** red.length < LEAST_CHANCE)

    @property
    def unstable_contexts(self) -> dict[object, list[int]]:
        """The contexts in which it was both an expected failure and an unexpected pass.

        With these runs.
        """
        found: dict[object, list[int]] = {}
        outcomes: dict[object, set[str]] = {}
        for number in sorted({*self.runs.notable, *self.runs.others}):
            outcome = self.runs.outcome(number)
            context = self.sessions.facts[number].context
            if (
                outcome in (TestOutcome.XFAILED, TestOutcome.XPASSED)
                and context is not None
                and number >= self._first
                and number not in self._left_out
            ):
                found.setdefault(context, []).append(number)
                outcomes.setdefault(context, set()).add(outcome)
        return {context: found[context] for context, both in outcomes.items() if len(both) == 2}

    def _quiet_since(self, now: datetime) -> datetime | None:
        """Return when it failed last before it was stable again; None if it was not.

        A failure of a flaky test that shows nothing by itself is new evidence all the same.
        """
        facts, decided = self.sessions.facts, self.decided
        counted = {*decided, *self.evidence}
        hits = sorted(n for n, run in self.runs.notable.items() if run.cause and n in counted)
        found = None
        for number, following in zip(hits, [*hits[1:], None], strict=True):
            start, end, stop = facts[number].start, now, len(decided)
            if following is not None:
                end, stop = facts[following].start, bisect_left(decided, following)
            good_runs = stop - bisect_right(decided, number)
            if end - start >= STABLE_AGAIN and good_runs >= STABLE_AGAIN_RUNS:
                found = start
        return found


def find_red_runs(is_bad: Sequence[bool]) -> list[RedRun]:
    """Return the longest possible red runs, in time order."""
    found: list[RedRun] = []
    for position, bad in enumerate(is_bad):
        if bad and found and found[-1].last == position - 1:
            found[-1] = RedRun(found[-1].first, position)
        elif bad:
            found.append(RedRun(position, position))
    return found


def find_flaky_evidence(
    sessions: NumberedSessions, runs: CompactRuns, left_out: Set[int] = frozenset(), first: int = 0
) -> tuple[list[int], int]:
    """Return the runs that show that a test is flaky, and the number of contexts that do.

    These are the recovered ones, and those of contexts in which it was good and bad: the bad ones
    and the last good one.

    Args:
        sessions: all sessions.
        runs: of the test.
        left_out: runs that do not count.
        first: those before do not count either.
    """
    counted = {
        number: run
        for number, run in runs.notable.items()
        if number >= first and number not in left_out
    }
    bad = {number: run.session.context for number, run in counted.items() if run.is_bad}
    good = {}
    for context in set(bad.values()):
        of_context = [
            number
            for number in (sessions.in_context(context) if context else ())
            if number >= first and number not in left_out and runs.is_good(number)
        ]
        if of_context:
            good[context] = of_context[-1]
    shown = set(good.values())
    shown.update(number for number, context in bad.items() if context in good)
    shown.update(number for number, run in counted.items() if run.is_recovered)
    return sorted(shown), len(good)


# The rules --------------------------------------------------------------------------------------


def new_test(case: Case) -> Found | None:
    """No decided run before, though others were run before."""
    if len(case.decided) != 1 or not case.has_earlier:
        return None
    outcome = case.runs.outcome(case.decided[0])
    return Found(NEW_TEST, f"first run: {outcome}", case.decided, 0)


def flaky(case: Case) -> Found | None:
    """It recovered, or was good and bad in one context, unless it is broken now."""
    if not case.evidence or case.is_unlikely_streak:
        return None
    hits = len(case.hits)
    recovered = hits - sum(case.is_bad)
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
    recent = list(zip(case.decided, case.is_bad, strict=True))[-RECENT_RUNS:]
    bad = [number for number, is_bad in recent if is_bad]
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
    contexts = case.unstable_contexts
    if not contexts:
        return None
    detail = f"xfailed and xpassed in {plural(len(contexts), 'context')}"
    return Found(UNSTABLE_XFAIL, detail, sorted(chain.from_iterable(contexts.values())))


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
