"""Runs of tests: what each session says of each test, as all of the analysis reads it.

A *run* of a test are its attempts in one session; the outcome that counts is the last one that was
not run again. A run is *good* (passed, xfailed), *bad* (failed, error; a pass whose teardown failed
is an error) or *undecided* (skipped and the rest); it has *recovered* if it is good, but not at
the first attempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pytest_insight.analysis.causes import DEFAULT_RULES, Cause, CauseRules, headline, is_guessed
from pytest_insight.analysis.wanted import Wanted
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import earlier_attempts
from pytest_insight.summaries import BAD

GOOD = (TestOutcome.PASSED, TestOutcome.XFAILED)
"""The outcomes that count as good."""
DECIDED = (*GOOD, *BAD)
"""Good and bad outcomes."""

LAST_RUNS = 200
"""How many runs of a test are looked at."""

WINDOW = timedelta(days=30)
"""How far back runs are looked at."""

UNKNOWN_DIGEST = "unknown"
"""What the recorder writes if it could not compute the digest of uncommitted changes."""


class SessionFacts(msgspec.Struct, frozen=True):
    """What the analysis knows of a session.

    Attributes:
        session_id: the session.
        sut_name: its SUT.
        start: when it started.
        branch: its branch; empty if it is unknown.
        commit: its commit; empty if it is unknown.
        digest: of its uncommitted changes; None for a clean working tree.
        environment: the minor version of Python and the operating system ("3.12 Linux"), each
            empty if it is unknown.
        seconds: how long it took.
        decided: the number of tests with a good or bad run.
        bad: the number of tests with a bad run.
    """

    session_id: str
    sut_name: str
    start: datetime
    branch: str = ""
    commit: str = ""
    digest: str | None = None
    environment: str = ""
    seconds: float = 0.0
    decided: int = 0
    bad: int = 0

    def __repr__(self) -> str:
        return f"SessionFacts({self.session_id!r}, {self.bad} of {self.decided} bad)"

    @property
    def context(self) -> tuple[str, str | None, str] | None:
        """The code state and the environment; None if the code state is not known exactly.

        Runs of a test in one context should have the same outcome.
        """
        if not self.commit or self.digest == UNKNOWN_DIGEST:
            return None
        return self.commit, self.digest, self.environment


class Run(msgspec.Struct, frozen=True, gc=False):
    """What one session says of one test.

    Attributes:
        nodeid: the test.
        session: the session.
        outcome: the outcome that counts: that of a failure if there is one, else that of the last
            attempt.
        attempts: how often the test was run in the session; more than 1 if it was run again.
        duration: of all attempts together, in seconds.
        phase: of the result that `message` is of.
        message: the first line of why the test did not pass; if it has recovered, of why the last
            attempt before did not. Empty for a pass.
        crash: where, as `path:line`.
        cause: the key of the cause (`analysis.causes`); empty unless the run is bad or recovered.
        shape: the key of the cause's shape, likewise.
        guessed: whether `message` was taken from the text of the failure, as in sessions of other
            programs.
    """

    nodeid: str
    session: SessionFacts
    outcome: TestOutcome
    attempts: int = 1
    duration: float = 0.0
    phase: str = ""
    message: str = ""
    crash: str = ""
    cause: str = ""
    shape: str = ""
    guessed: bool = False

    def __repr__(self) -> str:
        again = f", {self.attempts} attempts" if self.attempts > 1 else ""
        return f"Run({self.nodeid!r}, {self.session.session_id!r}, {self.outcome}{again})"

    @property
    def is_good(self) -> bool:
        """Whether it passed or failed as expected."""
        return self.outcome in GOOD

    @property
    def is_bad(self) -> bool:
        """Whether it failed or had an error."""
        return self.outcome in BAD

    @property
    def is_decided(self) -> bool:
        """Whether it is good or bad."""
        return self.outcome in DECIDED

    @property
    def is_recovered(self) -> bool:
        """Whether it is good, but not at the first attempt."""
        return self.attempts > 1 and self.is_good

    @property
    def sut_name(self) -> str:
        """The SUT of its session."""
        return self.session.sut_name


def is_notable(run: Run) -> bool:
    """Return whether a run can make the verdict of its test other than "stable"."""
    return run.is_bad or run.attempts > 1 or run.outcome == TestOutcome.XPASSED


def last_runs(
    newest_first: Iterable[TestSession | Tests],
    nodeids: Collection[str] | None = None,
    last: int | None = LAST_RUNS,
    candidates: Mapping[tuple[str, str], int] | None = None,
    rules: CauseRules = DEFAULT_RULES,
) -> Iterator[Run]:
    """Yield the runs of tests, the newest session first.

    Args:
        newest_first: the sessions; one is in memory at a time.
        nodeids: only of these tests; None for all.
        last: the most runs of each test within a SUT; None for all.
        candidates: only of these tests, by SUT and nodeid (`Survey.candidates`); not more runs than
            the numbers. No further session is read when all have been yielded.
        rules: what makes two failures one cause.
    """
    wanted = Wanted(nodeids, last, candidates)
    if wanted.is_finished:
        return
    for session in newest_first:
        for run in runs_of(session, rules, wanted.names):
            if wanted.take((run.sut_name, run.nodeid)):
                yield run
        if wanted.is_finished:
            return


def runs_of(
    session: TestSession | Tests,
    rules: CauseRules = DEFAULT_RULES,
    nodeids: Collection[str] | None = None,
) -> list[Run]:
    """Return the run of each test in a session, in the order of first results.

    Args:
        session: the session; the facts of its runs count the tests of the results it has.
        rules: what makes two failures one cause.
        nodeids: only the runs of these tests; None for all.
    """
    found = session if isinstance(session, Tests) else Tests(session)
    facts, passed, others = found.facts, TestOutcome.PASSED, found.others
    return [
        Run(result.nodeid, facts, passed, 1, result.duration)
        if result.nodeid not in others
        else found.run(result.nodeid, rules)
        for result in found.first_results()
        if nodeids is None or result.nodeid in nodeids
    ]


class Tests:
    """The tests of a session by their results.

    Most passed at the first attempt: nothing is made for each of those, which would take as long as
    decoding them.

    Attributes:
        facts: what the analysis knows of the session.
        names: the nodeids.
        others: the results that count, of the tests that did not simply pass.
    """

    def __init__(self, session: TestSession, all_names: Set[str] | None = None) -> None:
        """Find the tests.

        Args:
            session: the session, with all results of each test that did not simply pass.
            all_names: the nodeids of all tests; None if the session has all results.
        """
        self._results = results = session.test_results
        names = [result.nodeid for result in results]
        given = set(names)
        self._is_repeated = len(given) < len(names)
        self.names: Set[str] = given if all_names is None else all_names
        passed = TestOutcome.PASSED
        others = dict.fromkeys(r.nodeid for r in results if r.outcome is not passed)
        if self._is_repeated:
            others.update((name, None) for name, count in Counter(names).items() if count > 1)
        self._attempts: dict[str, list[TestResult]] = {name: [] for name in others}
        self._again: set[int] = set()
        if others:
            told = [result for result in results if result.nodeid in others]
            for result in told:
                self._attempts[result.nodeid].append(result)
            self._again = {id(told[position]) for position in earlier_attempts(told)}
        self.others = {name: self._counted(found) for name, found in self._attempts.items()}
        outcomes = [result.outcome for result in self.others.values()]
        bad = sum(outcome in BAD for outcome in outcomes)
        good = len(self.names) - len(outcomes) + sum(outcome in GOOD for outcome in outcomes)
        self.facts = facts_of(session, decided=good + bad, bad=bad)

    def first_results(self) -> Iterable[TestResult]:
        """Return the first result of each test."""
        if not self._is_repeated:
            return self._results
        found: dict[str, TestResult] = {}
        for result in self._results:
            found.setdefault(result.nodeid, result)
        return found.values()

    def run(self, nodeid: str, rules: CauseRules = DEFAULT_RULES) -> Run:
        """Return the run of one of the `others`."""
        attempts, counted = self._attempts[nodeid], self.others[nodeid]
        before = [result for result in attempts if id(result) in self._again]
        outcome = counted.outcome
        recovered = bool(before) and len(attempts) > 1 and outcome in GOOD
        told = before[-1] if recovered else counted
        message = "" if told.outcome == TestOutcome.PASSED else headline(told)
        cause = _NO_CAUSE
        if recovered or outcome in BAD:
            cause = rules.cause_of(told.phase, message)
        return Run(
            nodeid,
            self.facts,
            outcome,
            min(1 + len(before), len(attempts)),
            sum(result.duration for result in attempts),
            told.phase,
            message,
            told.crash,
            *cause,
            guessed=bool(message) and is_guessed(told),
        )

    def _counted(self, attempts: list[TestResult]) -> TestResult:
        """Return the result that counts: a failure if there is one, else the last attempt's."""
        final = [result for result in attempts if id(result) not in self._again] or attempts
        return next((result for result in final if result.outcome in BAD), final[-1])


def facts_of(session: TestSession, *, decided: int = 0, bad: int = 0) -> SessionFacts:
    """Return what the analysis knows of a session, with these counts of tests."""
    code = session.code_state
    return SessionFacts(
        session.session_id,
        session.sut_name,
        session.session_start_time,
        (code and code.branch) or "",
        (code and code.commit) or "",
        None if code is None else code.digest,
        environment_of(session.testing_system),
        session.session_duration,
        decided,
        bad,
    )


def environment_of(testing_system: Mapping[str, Any]) -> str:
    """Return the minor version of Python and the operating system: "3.12 Linux".

    A part that is unknown, or not a text, is left out.
    """
    python, platform = testing_system.get("python"), testing_system.get("platform")
    minor = ".".join(python.split(".")[:2]) if isinstance(python, str) else ""
    system = platform.partition("-")[0] if isinstance(platform, str) else ""
    return f"{minor} {system}".strip()


_NO_CAUSE = Cause("", "")


def in_time_order(facts: SessionFacts) -> tuple[datetime, str]:
    """Return what sessions are ordered by: the start time, then the ID."""
    return facts.start, facts.session_id
