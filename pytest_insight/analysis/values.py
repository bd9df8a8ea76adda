"""What the analysis returns: verdicts with their evidence, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pytest_insight.analysis.rates import Rate
from pytest_insight.analysis.runs import Run

NEW_TEST = "new-test"
FLAKY = "flaky"
BROKEN = "broken"
NEW_FAILURE = "new-failure"
SUSPECT = "suspect"
FIXED = "fixed"
FAILED_ONCE = "failed-once"
UNSTABLE_XFAIL = "unstable-xfail"
STABLE = "stable"
TOO_FEW = "too-few"
SLOWER = "slower"
FASTER = "faster"
VERDICTS = (
    *(BROKEN, NEW_FAILURE, FLAKY, SUSPECT, UNSTABLE_XFAIL, FIXED, FAILED_ONCE),
    *(SLOWER, FASTER, NEW_TEST, TOO_FEW, STABLE),
)
"""All verdicts, the worst first. `rules` decides which one a test has; `output` and
`cli.render.verdicts` show it."""


class Since(msgspec.Struct, frozen=True, gc=False):
    """When something began.

    Attributes:
        session_id: the first session in which it was seen.
        commit: that session's commit; empty if it is unknown.
        time: when that session started.
        low: the last commit that surely was before it; empty if it is unknown.
        high: the first commit that surely was not.
    """

    session_id: str
    commit: str
    time: datetime
    low: str
    high: str

    def __repr__(self) -> str:
        return f"Since({self.commit[:7] or self.session_id!r}, {self.time:%Y-%m-%d %H:%M})"


class Timing(msgspec.Struct, frozen=True, gc=False):
    """How the duration of a test changed, apart from how fast the machine was.

    Attributes:
        was: the median duration before, in seconds.
        now: the duration that corresponds to the change: `was * ratio`, in seconds.
        ratio: how many times as long the test takes now; below 1 if it got faster.
        since: when that began.
        runs: in how many runs since then.
    """

    was: float
    now: float
    ratio: float
    since: Since
    runs: int

    def __repr__(self) -> str:
        return f"Timing({self.was:.3g} s, now {self.now:.3g} s, {self.ratio:.2f}x)"


class CauseCount(msgspec.Struct, frozen=True, gc=False):
    """A cause, and how often it was seen.

    Attributes:
        cause: its key.
        message: the first line of the message of the last run that it made fail.
        crash: the place of that, as `path:line`.
        count: in how many runs.
        last: when the last session with it started.
        guessed: whether the message was taken from the text of the failure.
    """

    cause: str
    message: str
    crash: str
    count: int
    last: datetime
    guessed: bool = False

    def __repr__(self) -> str:
        return f"CauseCount({self.message!r}, {self.count}x)"


class Excluded(msgspec.Struct, frozen=True, gc=False):
    """A run that does not count, and why.

    Attributes:
        session_id: its session.
        why: the incident, for people.
    """

    session_id: str
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """What the history of one test says of it.

    Attributes:
        nodeid: the test.
        sut: its SUT.
        verdict: one of the names above.
        runs: how many runs were judged: the decided ones.
        bad: how many of them were bad.
        recovered: how many of them were good, but not at the first attempt.
        rate: the rate of runs that were bad or recovered.
        since: when what the verdict says began; None if it did not begin at one time.
        causes: of the runs that were bad or recovered, the most frequent first.
        evidence: the IDs of the sessions that the verdict is based on, in time order.
        excluded: the runs that did not count.
        timing: how its duration changed; None if it did not.
        detail: the evidence in a few words, as in "passed 41 of 41".
    """

    nodeid: str
    sut: str
    verdict: str
    runs: int
    bad: int
    recovered: int
    rate: Rate
    since: Since | None = None
    causes: tuple[CauseCount, ...] = ()
    evidence: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    timing: Timing | None = None
    detail: str = ""

    def __repr__(self) -> str:
        detail = f", {self.detail}" if self.detail else ""
        return f"Verdict({self.nodeid!r}, {self.verdict}, {self.bad} of {self.runs} bad{detail})"


def count_causes(runs: Iterable[Run]) -> tuple[CauseCount, ...]:
    """Return the causes of runs in time order, the most frequent first, then the last one."""
    counts: dict[str, int] = {}
    last: dict[str, Run] = {}
    for run in runs:
        if run.cause:
            counts[run.cause] = counts.get(run.cause, 0) + 1
            last[run.cause] = run
    found = [
        CauseCount(cause, run.message, run.crash, counts[cause], run.session.start, run.guessed)
        for cause, run in last.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.count, each.last), reverse=True))
