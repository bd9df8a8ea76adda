"""Tests by sessions: what each session says of each test, as one letter."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeVar

from pytest_insight.analysis.runs import GOOD, SessionFacts, Tests
from pytest_insight.models import TestSession

K = TypeVar("K")

LETTERS = {
    "passed": ".",
    "failed": "F",
    "error": "E",
    "skipped": "s",
    "xfailed": "x",
    "xpassed": "X",
    "rerun": "R",
}
"""pytest's own, and one of pytest-rerunfailures."""
RECOVERED = "R"
OTHER = "?"
NOT_RUN = " "


class Matrix(NamedTuple):
    """The outcomes of tests in sessions.

    Attributes:
        sessions: in time order.
        rows: by SUT, then by nodeid: a letter for each of `sessions`, of `LETTERS` or `RECOVERED`,
            `OTHER` (an outcome of another plugin) and `NOT_RUN`.
    """

    sessions: list[SessionFacts]
    rows: dict[str, dict[str, str]]


def letter_of(outcome: str, attempts: int) -> str:
    """Return the letter of a run."""
    if attempts > 1 and outcome in GOOD:
        return RECOVERED
    return LETTERS.get(outcome, OTHER)


def add_passed(
    rows: dict[K, bytearray], tests: Iterable[K], places: Collection[int], width: int
) -> None:
    """Write into the rows of tests that they passed in the sessions at some places.

    Args:
        rows: as long as `width` each; missing ones are added.
        tests: the tests.
        places: of the sessions.
        width: the number of all sessions.
    """
    passed = ord(LETTERS["passed"])
    alone = bytearray(NOT_RUN.encode() * width)
    for place in places:
        alone[place] = passed
    for test in tests:
        row = rows.get(test)
        if row is None:
            rows[test] = bytearray(alone)
            continue
        for place in places:
            row[place] = passed


def matrix(sessions: Iterable[TestSession]) -> Matrix:
    """Return the matrix of sessions, which come in time order; one is in memory at a time."""
    facts: list[SessionFacts] = []
    suts: dict[str, dict[str, bytearray]] = {}
    passed, gap = ord(LETTERS["passed"]), NOT_RUN.encode()
    for number, session in enumerate(sessions):
        tests = Tests(session)
        facts.append(tests.facts)
        rows = suts.setdefault(session.sut_name, {})
        for nodeid in tests.names:
            row = rows.get(nodeid)
            if row is None:
                row = rows[nodeid] = bytearray(gap * number)
            elif len(row) < number:
                row.extend(gap * (number - len(row)))
            row.append(passed)
        for nodeid in tests.others:
            run = tests.run(nodeid)
            rows[nodeid][number] = ord(letter_of(run.outcome, run.attempts))
    return Matrix(
        facts,
        {
            sut: {name: row.decode().ljust(len(facts), NOT_RUN) for name, row in rows.items()}
            for sut, rows in suts.items()
        },
    )
