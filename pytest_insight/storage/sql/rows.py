"""A session as rows of the tables, and back, without loss and in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from pytest_insight.document.codec import decode_session
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage.sql.keys import key_of, micros
from pytest_insight.summaries import BAD, UNSTABLE

Row = tuple[Any, ...]

OUTCOMES = {
    0: TestOutcome.PASSED,
    1: TestOutcome.FAILED,
    2: TestOutcome.SKIPPED,
    3: TestOutcome.XFAILED,
    4: TestOutcome.XPASSED,
    5: TestOutcome.RERUN,
    6: TestOutcome.ERROR,
}
"""By the numbers that stand for them in stores; others have one that is made from their names."""
_FIRST_OTHER, _OTHERS = 16, 2**31 - 16
_CODES = {str(outcome): code for code, outcome in OUTCOMES.items()}
PASSED_CODE = _CODES[TestOutcome.PASSED]
BAD_CODES = ", ".join(str(_CODES[outcome]) for outcome in BAD)
"""The numbers of the bad ones, as SQL has them in a list."""
FLAKY_CODES = ", ".join(str(_CODES[outcome]) for outcome in UNSTABLE)
"""The numbers of those that make a test flaky which has passed too."""
WARNING, DETAILED = 1, 2
"""What the flags of a result are the sum of; see `schema`."""
MICROS_PER_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)

SESSION_COLUMNS = (
    *("id", "session_id", "sut", "started", "pinned", "branch", "commit_id"),
    *("results", "details", "warnings", "outcomes", "header"),
)
STARTED = SESSION_COLUMNS.index("started")
RESULT_COLUMNS = (
    *("session", "test", "position", "outcome", "began", "duration", "flags", "worker"),
)
DETAIL_COLUMNS = (
    *("session", "outcome", "position", "test", "began", "duration", "flags", "worker", "result"),
)

_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(TestResult).decode
_decode_results = msgspec.json.Decoder(list[TestResult]).decode


class SessionRows(NamedTuple):
    """The rows of one session.

    Attributes:
        key: its key.
        session: its own row.
        tests: the nodeids of its results by their keys.
        outcomes: the names of outcomes that other plugins made up, by their numbers.
        results: their rows, in the order of the table's key.
        details: the rows of those that have more to say, in the order of that table's key.
    """

    key: int
    session: Row
    tests: dict[int, str]
    outcomes: dict[int, str]
    results: list[Row]
    details: list[Row]


class KeysClashError(Exception):
    """Two names have one key; they are its arguments. Never leaves storage."""


def code_of(outcome: str) -> int:
    """The number that stands for an outcome; of one of another plugin, a hash of its name."""
    code = _CODES.get(outcome)
    return _FIRST_OTHER + key_of(outcome) % _OTHERS if code is None else code


def day_of(started: int) -> int:
    """The day of a session's start, in microseconds since 1970: how many there were since then."""
    return started // MICROS_PER_DAY


def is_plain(result: TestResult) -> bool:
    """Whether a narrow row says all there is: it passed, without texts and properties."""
    return result.outcome is TestOutcome.PASSED and not (
        result.longreprtext
        or result.capstdout
        or result.capstderr
        or result.caplog
        or result.properties
    )


def rows_of(session: TestSession) -> SessionRows:
    """The rows of a checked session.

    Raises:
        KeysClashError: see there.
    """
    key, start = key_of(session.session_id), session.session_start_time
    nodeids = [result.nodeid for result in session.test_results]
    keys = [key_of(nodeid) for nodeid in nodeids]
    tests = dict(zip(keys, nodeids, strict=True))
    if len(tests) != len(set(nodeids)):
        raise KeysClashError(*_clashing(tests, nodeids))
    results: list[Row] = []
    details: list[Row] = []
    outcomes: dict[int, str] = {}
    warnings = 0
    for position, (test, result) in enumerate(zip(keys, session.test_results, strict=True)):
        began = (result.start_time - start) // _MICROSECOND
        duration = result.duration
        worker = result.worker or None
        flags = 0
        if result.has_warning:
            flags = WARNING
            warnings += 1
        if is_plain(result):
            results.append((key, test, position, PASSED_CODE, began, duration, flags, worker))
            continue
        flags += DETAILED
        code = code_of(result.outcome)
        if code not in OUTCOMES:
            name = str(result.outcome)
            if outcomes.setdefault(code, name) != name:
                raise KeysClashError(outcomes[code], name)
        results.append((key, test, position, code, began, duration, flags, worker))
        text = _encode(result).decode()
        details.append((key, code, position, test, began, duration, flags, worker, text))
    results.sort()  # by the table's key, which no two rows share: that is how they will lie
    details.sort()
    own = _session_row(key, session, len(details), warnings)
    return SessionRows(key, own, tests, outcomes, results, details)


def _clashing(tests: Mapping[int, str], nodeids: Iterable[str]) -> tuple[str, str]:
    """Two nodeids of one key, the last of which is in `tests`."""
    return next((nodeid, kept) for nodeid in nodeids if (kept := tests[key_of(nodeid)]) != nodeid)


def _session_row(key: int, session: TestSession, details: int, warnings: int) -> Row:
    code = session.code_state
    counts = Counter(str(result.outcome) for result in session.test_results)
    header = msgspec.structs.replace(session, test_results=())
    return (
        key,
        session.session_id,
        session.sut_name,
        micros(session.session_start_time),
        int(session.pinned),
        code.branch if code else None,
        code.commit.lower() if code and code.commit is not None else None,
        len(session.test_results),
        details,
        warnings,
        _encode(counts).decode(),
        _encode(header).decode(),
    )


# Back -------------------------------------------------------------------------------------------


def session_of(header: str, rows: Sequence[Row]) -> TestSession:
    """A session from its header and what is read of its results, in any order.

    Args:
        header: the column of that name.
        rows: each with `NARROW_FIELDS` or with `DETAIL_FIELDS`.
    """
    session = header_of(header)
    if rows:  # nobody else has this object yet
        force_setattr(session, "test_results", tuple(_results(session, rows)))
    return session


def header_of(header: str) -> TestSession:
    """A session without its results."""
    return decode_session(header.encode())


DETAIL_FIELDS = "r.session, r.position, r.result"
"""What is read of a result in `insight_details`, as `r`."""
_DETAIL_WIDTH = DETAIL_FIELDS.count(",") + 1
NARROW_FIELDS = "r.session, r.position, t.nodeid, r.began, r.duration, r.flags, r.worker, x.result"
"""What is read of one in `insight_results`, as `r`; `t` is its test, `x` its line of details."""


def _results(session: TestSession, rows: Sequence[Row]) -> Iterable[TestResult]:
    ordered = sorted(rows, key=_position) if len(rows) > 1 else rows
    if len(ordered[0]) == _DETAIL_WIDTH:
        return _decode_results(f"[{','.join([row[2] for row in ordered])}]")
    start = session.session_start_time
    found = []
    for _, _, nodeid, began, duration, flags, worker, detail in ordered:
        if detail is not None:
            found.append(_decode_result(detail))
            continue
        begin = start + timedelta(microseconds=began)
        if flags or worker:
            passed = TestResult(
                *(nodeid, TestOutcome.PASSED, begin, duration),
                has_warning=bool(flags & WARNING),
                worker=worker or "",
            )
            found.append(passed)
        else:
            found.append(TestResult(nodeid, TestOutcome.PASSED, begin, duration))
    return found


def _position(row: Row) -> int:
    position: int = row[1]
    return position
