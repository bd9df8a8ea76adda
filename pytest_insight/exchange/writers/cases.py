"""The results of a session as test cases, for formats that hold each test once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import earlier_attempts

Status = Literal["error", "failed", "skipped", "other", "passed"]
WORST_FIRST: tuple[Status, ...] = ("error", "failed", "skipped", "other", "passed")
BAD: frozenset[Status] = frozenset({"error", "failed"})

_STATUS: dict[str, Status] = {
    TestOutcome.PASSED: "passed",
    TestOutcome.XPASSED: "passed",
    TestOutcome.FAILED: "failed",
    TestOutcome.RERUN: "failed",
    TestOutcome.ERROR: "error",
    TestOutcome.SKIPPED: "skipped",
    TestOutcome.XFAILED: "skipped",
    "subtests passed": "passed",
    "subtests failed": "failed",
    "subtests skipped": "skipped",
    "subtests xfailed": "skipped",
}


class Case(NamedTuple):
    """All results of one test in a session.

    Attributes:
        nodeid: the test.
        results: those that count, the worst first; at least one. A test has several if its
            teardown failed too, if it has subtests, or if several workers ran it.
        attempts: those after which it was run again, in time order.
    """

    nodeid: str
    results: tuple[TestResult, ...]
    attempts: tuple[TestResult, ...] = ()

    @property
    def file(self) -> str:
        """The file of the test, as pytest names it."""
        return self.nodeid.partition("::")[0]

    @property
    def status(self) -> Status:
        """The status of its worst result."""
        return status_of(self.results[0])

    @property
    def duration(self) -> float:
        """The seconds of its results, without the earlier attempts."""
        return sum(result.duration for result in self.results)


def status_of(result: TestResult) -> Status:
    """Return what a result means to programs that know few outcomes."""
    return _STATUS.get(result.outcome, "other")


def cases_of(session: TestSession) -> list[Case]:
    """Return the tests of a session, in the order of their first results."""
    earlier = earlier_attempts(session.test_results)
    if not earlier and len({result.nodeid for result in session.test_results}) == len(
        session.test_results
    ):
        return [Case(result.nodeid, (result,)) for result in session.test_results]
    found: dict[str, tuple[list[TestResult], list[TestResult]]] = {}
    for position, result in enumerate(session.test_results):
        last, attempts = found.setdefault(result.nodeid, ([], []))
        (attempts if position in earlier else last).append(result)
    return [_case(nodeid, *results) for nodeid, results in found.items()]


def _case(nodeid: str, last: list[TestResult], attempts: Iterable[TestResult]) -> Case:
    attempts = sorted(attempts, key=lambda result: result.start_time)
    if not last:  # the run ended before the next attempt
        last = [attempts.pop()]
    last.sort(key=lambda result: WORST_FIRST.index(status_of(result)))
    return Case(nodeid, tuple(last), tuple(attempts))


def line_in(result: TestResult, file: str) -> int | None:
    """Return the line of a result's failure if it is in this file."""
    path, _, line = result.crash.rpartition(":")
    return int(line) if path == file and line.isdecimal() and line.isascii() else None
