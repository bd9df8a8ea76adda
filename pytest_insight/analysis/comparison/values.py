"""What a comparison consists of: sides, changes, differences; all frozen."""

from __future__ import annotations

import enum

import msgspec

from pytest_insight.analysis.rates import Rate
from pytest_insight.analysis.runs import Run, SessionFacts


class Change(enum.StrEnum):
    """What became of a test, in the order in which changes are listed.

    A test that fails is one of the first six.
    """

    NEW_FAILURE = "new-failure"
    NEW_TEST_FAILING = "new-test-failing"
    FAILING_DIFFERENTLY = "failing-differently"
    WORSE = "worse"
    FLAKY = "flaky"
    STILL_FAILING = "still-failing"
    FIXED = "fixed"
    BETTER = "better"
    UNEXPECTED_PASS = "unexpected-pass"  # noqa: S105 - an outcome
    EXPECTED_FAILURE_AGAIN = "expected-failure-again"
    SLOWER = "slower"
    FASTER = "faster"
    NEW_TEST = "new-test"
    RENAMED = "renamed"
    GONE = "gone"


class SideKind(enum.StrEnum):
    """What a side of a comparison is."""

    SESSION = "session"
    RUN = "run"
    BRANCH = "branch"
    COMMIT = "commit"
    MERGE_BASE = "merge base"
    SPAN = "span"
    PROFILE = "profile"
    FILE = "file"
    QUERY = "query"


class Side(msgspec.Struct, frozen=True):
    """One of the two things that are compared.

    Attributes:
        name: as it was asked for: "main", "last~1", "results.json"; empty for the default.
        kind: what it is.
        sut: the SUT.
        sessions: the sessions that were looked at, in time order; at least one.
        branch: the branch of its sessions; empty if it is unknown, or if there are several.
        commit: the full hash of the commit that it stands for: that of the newest session; empty
            if it is unknown.
        has_changes: whether that session had uncommitted changes.
        tests: the number of its tests, skipped ones included.
        note: how it was chosen, if that was not asked for, and what could not be found out: "no
            session of main at the merge base 3f2a91c; the nearest one is 2 commits before it".
    """

    name: str
    kind: SideKind
    sut: str
    sessions: tuple[SessionFacts, ...]
    branch: str = ""
    commit: str = ""
    has_changes: bool = False
    tests: int = 0
    note: str = ""

    def __repr__(self) -> str:
        return f"Side({self.title!r}, {self.kind}, {len(self.sessions)} sessions)"

    @property
    def title(self) -> str:
        """The branch and the commit, else the name, else the session: "main dc0d61a"."""
        code = " ".join(filter(None, (self.branch, self.commit[:7])))
        if self.kind is SideKind.SPAN and not self.name:
            return f"{self.sessions[0].start:%Y-%m-%d} to {self.sessions[-1].start:%Y-%m-%d}"
        if self.kind in (SideKind.SPAN, SideKind.PROFILE, SideKind.FILE):
            return self.name
        if self.kind is SideKind.SESSION and not code:
            return self.sessions[-1].session_id
        return code or self.name or self.sessions[-1].session_id


class Pace(msgspec.Struct, frozen=True, gc=False):
    """How the duration of a test changed, apart from how fast the machines were.

    Attributes:
        was: the median duration in the base, in seconds.
        now: the duration that corresponds to the change: `was * ratio`, in seconds.
        ratio: how many times as long the test takes now; below 1 if it got faster.
        runs: the number of runs of the head; if 1, it may have been slow this time only.
    """

    was: float
    now: float
    ratio: float
    runs: int


class Rates(msgspec.Struct, frozen=True, gc=False):
    """How often a test failed on each side, if both have several runs.

    Attributes:
        base_bad: bad runs of the base.
        base_runs: decided runs of the base.
        head_bad: bad runs of the head.
        head_runs: decided runs of the head.
        p: the probability of such a difference by chance: Fisher's exact test, one-sided.
        q: that, corrected for the number of tests compared (Benjamini and Hochberg).
    """

    base_bad: int
    base_runs: int
    head_bad: int
    head_runs: int
    p: float
    q: float


class TestChange(msgspec.Struct, frozen=True):
    """What became of one test.

    Attributes:
        nodeid: the test; of a renamed one, the new name.
        change: what became of it.
        base: its newest decided run in the base; None if the base has no run of it.
        head: its run in the head; None if it was not run. If it was only skipped, that run.
        renamed_from: its name in the base, if that is another one; a renamed test may have any
            other change besides, and is "renamed" if it has none.
        detail: why, in a few words: "3 of 40, same code 2 times", "skipped: no database",
            "404 == 200, now 500 == 200".
        rate: how often it failed before, if it is flaky.
        pace: how its duration changed, whatever else did; None if it did not.
        rates: how often it failed on each side, if windows are compared.
    """

    __test__ = False

    nodeid: str
    change: Change
    base: Run | None = None
    head: Run | None = None
    renamed_from: str = ""
    detail: str = ""
    rate: Rate | None = None
    pace: Pace | None = None
    rates: Rates | None = None

    def __repr__(self) -> str:
        detail = f", {self.detail}" if self.detail else ""
        return f"TestChange({self.nodeid!r}, {self.change}{detail})"


class ChangeGroup(msgspec.Struct, frozen=True):
    """Changes with one cause, or of one kind if they have none.

    Attributes:
        change: what became of the tests.
        cause: the key of the cause of the head's failures; of the base's for "fixed".
        message: what it says: the headline of the first test.
        crash: where, as `path:line`.
        changes: of the tests, by nodeid.
    """

    change: Change
    cause: str
    message: str
    crash: str
    changes: tuple[TestChange, ...]


class NotRun(msgspec.Struct, frozen=True):
    """Tests that the head was not to run, did not come to, or lost in an incident: no changes.

    Attributes:
        reason: "deselected", "not selected" (another file or folder was named), "stopped" (`-x`, a
            crash, an interruption) or "incident" (it failed with most tests of its session).
        count: how many tests.
        detail: why, in a few words: "-k login", "stopped after 1 failure".
    """

    reason: str
    count: int
    detail: str = ""


class EnvironmentDifference(msgspec.Struct, frozen=True):
    """A fact about the machines or the installations that differs between the sides.

    Attributes:
        name: "python", "platform", "host", "workers", "pytest", "plugins.xdist".
        base: its values in the base, as in "3.11.9, 3.12.7"; empty if it has none.
        head: likewise in the head.
    """

    name: str
    base: str
    head: str


class WindowFacts(msgspec.Struct, frozen=True):
    """What a comparison of windows could show.

    Attributes:
        tests: how many tests have at least two runs on each side.
        base_runs: the median number of their runs in the base.
        head_runs: likewise in the head.
        smallest_difference: the smallest rise of the rate of failures of a test that never failed
            in the base that could have been shown with these numbers, 0.0 to 1.0; None if not even
            a test that always fails could.
    """

    tests: int
    base_runs: int
    head_runs: int
    smallest_difference: float | None
