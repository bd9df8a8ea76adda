"""What the analysis reads of a session, as rows: its suite, and the runs that did not simply pass.

A *suite* is the set of the tests of a session. Most sessions of a SUT have the same one, so it is
stored once, as one value; how often each test was run is counted from the suites of the sessions.
A *reason* is why a run did not pass, as one line, with its cause. Many runs have the same reason.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES
from pytest_insight.analysis.runs import GOOD, Run, Tests
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.storage.sql.rows import (
    BAD_CODES,
    Row,
    hash_key,
    outcome_code,
)

RUN_COLUMNS = "session, test, outcome, attempts, duration, reason"
REASON_COLUMNS = "id, phase, message, crash, guessed, cause, shape, version"

IS_NOTABLE = f"(outcome IN ({BAD_CODES}, {outcome_code(TestOutcome.XPASSED)}) OR attempts > 1)"
"""SQL: whether a run may make the verdict of its test other than "stable"; see `is_notable`."""
DECIDED_CODES = ", ".join([BAD_CODES, *(str(outcome_code(each)) for each in GOOD)])
"""The codes of good and bad outcomes, as an SQL list."""


class RunRows(NamedTuple):
    """The rows of a session that the analysis reads.

    Attributes:
        suite: the key of its suite.
        tests: the suite, as `packed` returns it.
        decided: the number of tests with a good or bad run.
        bad: the number of tests with a bad run.
        runs: the rows of `insight_runs`, sorted by primary key.
        reasons: the rows of `insight_reasons`, by key.
    """

    suite: int
    tests: bytes
    decided: int
    bad: int
    runs: list[Row]
    reasons: dict[int, Row]


def run_rows(session: TestSession, suite: Iterable[int] | None = None) -> RunRows:
    """Return the rows of a checked session with all its results.

    Args:
        session: the session.
        suite: the keys of its tests, if they are known; fastest in ascending order.
    """
    found = Tests(session)
    key = hash_key(session.session_id)
    tests = packed(map(hash_key, found.names) if suite is None else suite)
    runs: list[Row] = []
    reasons: dict[int, Row] = {}
    for nodeid in found.others:
        run = found.run(nodeid)
        reason = _reason_of(run)
        number = None if reason is None else reason[0]
        if reason is not None:
            reasons[reason[0]] = reason
        code = outcome_code(run.outcome)
        runs.append((key, hash_key(nodeid), code, run.attempts, float(run.duration), number))
    runs.sort()
    return RunRows(_digest(tests), tests, found.facts.decided, found.facts.bad, runs, reasons)


def _reason_of(run: Run) -> Row | None:
    """Return the row of why a run did not simply pass; None if nothing is known."""
    if not (run.phase or run.message or run.crash):
        return None
    cause = DEFAULT_RULES.cause_of(run.phase, run.message)
    fields = (run.phase, run.message, run.crash, int(run.guessed))
    key = _digest("\0".join(map(str, fields)).encode())
    return (key, *fields, *cause, DEFAULT_RULES.version)


def _digest(data: bytes) -> int:
    """Return a hash of 64 bits, as a signed integer."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)


def packed(tests: Iterable[int]) -> bytes:
    """Return the keys of tests in ascending order, as little-endian integers of 64 bits."""
    numbers = array("q", sorted(tests))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def unpacked(data: bytes) -> array[int]:
    """Return the keys of tests that `packed` was given.

    Raises:
        ValueError: its length is not possible.
    """
    numbers = array("q")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
