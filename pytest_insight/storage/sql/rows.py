"""Encode sessions as rows of the tables and decode them, without loss and in the same order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from pytest_insight._util.times import EPOCH
from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.models.results import SUBTEST_OUTCOMES
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
"""The outcomes by the codes that stores use; the codes of other outcomes are hashes."""
_CODES = {str(outcome): code for code, outcome in OUTCOMES.items()}
_FIRST_OTHER_CODE, _OTHER_CODES = 16, 2**31 - 16
PASSED_CODE = _CODES[TestOutcome.PASSED]
BAD_CODES = ", ".join(str(_CODES[outcome]) for outcome in BAD)
"""The codes of `summaries.BAD`, as an SQL list."""
UNSTABLE_CODES = ", ".join(str(_CODES[outcome]) for outcome in UNSTABLE)
"""The codes of `summaries.UNSTABLE`, as an SQL list."""
WARNING, DETAILED = 1, 2
"""The bits of a result's flags; see `schema`."""

SESSION_COLUMNS = (
    *("id", "session_id", "sut", "started", "pinned", "branch", "commit_id"),
    *("results", "details", "warnings", "outcomes", "header"),
)
STARTED = SESSION_COLUMNS.index("started")
RESULT_COLUMNS = "session, test, position, outcome, began, duration, flags, worker"
DETAIL_COLUMNS = "session, outcome, position, test, began, duration, flags, worker, result"

_MICROSECOND = timedelta(microseconds=1)

_encode = msgspec.json.Encoder().encode
_decode_counts = msgspec.json.Decoder(dict[str, int]).decode
_decode_result = msgspec.json.Decoder(TestResult).decode
_decode_results = msgspec.json.Decoder(list[TestResult]).decode


class SessionRows(NamedTuple):
    """The rows of one session.

    Attributes:
        key: the session's key.
        session: the row of `insight_sessions`.
        tests: the nodeids of the results, by key.
        outcomes: the names of outcomes that other plugins define, by code.
        results: the rows of `insight_results`, sorted by primary key.
        details: the rows of `insight_details`, sorted by primary key.
    """

    key: int
    session: Row
    tests: dict[int, str]
    outcomes: dict[int, str]
    results: list[Row]
    details: list[Row]


class KeyCollisionError(Exception):
    """Two names have the same key; they are the exception's arguments. Never leaves `storage`."""


class DamagedRowsError(Exception):
    """The rows of a session are not as we write them. Never leaves `storage`."""


# Keys, times, codes -----------------------------------------------------------------------------


@lru_cache(maxsize=1 << 17)
def hash_key(text: str) -> int:
    """Return the key of a session ID or nodeid: a 64-bit hash, as a signed integer.

    Writers need not coordinate to assign it. Among a million texts, the chance that any two have
    the same key is 1 in 40 million; a writer detects that and refuses the second text.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def to_micros(time: datetime) -> int:
    """Return the exact number of microseconds since 1970-01-01 UTC."""
    return (time - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the UTC time that is this number of microseconds after 1970-01-01."""
    return EPOCH + timedelta(microseconds=micros)


def outcome_code(outcome: str) -> int:
    """Return the code of an outcome; for another plugin's outcome, a hash of its name."""
    code = _CODES.get(outcome)
    return _FIRST_OTHER_CODE + hash_key(outcome) % _OTHER_CODES if code is None else code


IS_INVENTED = (
    f"outcome >= {_FIRST_OTHER_CODE}"
    f" AND outcome NOT IN ({', '.join(str(outcome_code(name)) for name in SUBTEST_OUTCOMES)})"
)
"""SQL: whether a plugin has invented the outcome."""
RUN_AGAIN = (
    f"EXISTS (SELECT 1 FROM insight_details x WHERE x.session = s.id AND {IS_INVENTED}"
    " AND EXISTS (SELECT 1 FROM insight_results r WHERE r.session = x.session AND r.test = x.test"
    " AND r.position > x.position AND coalesce(r.worker, '') = coalesce(x.worker, '')))"
)
"""SQL: whether a result of the session `s` follows another one of its test that a plugin named."""


# Encoding ---------------------------------------------------------------------------------------


def encode_rows(session: TestSession) -> SessionRows:
    """Return the rows of a checked session.

    Raises:
        KeyCollisionError: two of its nodeids, or two of its outcomes, have the same key.
    """
    key, start = hash_key(session.session_id), session.session_start_time
    nodeids = [result.nodeid for result in session.test_results]
    keys = [hash_key(nodeid) for nodeid in nodeids]
    tests = dict(zip(keys, nodeids, strict=True))
    if len(tests) != len(set(nodeids)):
        raise KeyCollisionError(*_find_collision(tests, nodeids))
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
        if _is_plain(result):
            results.append((key, test, position, PASSED_CODE, began, duration, flags, worker))
            continue
        flags += DETAILED
        code = outcome_code(result.outcome)
        if code not in OUTCOMES:
            name = str(result.outcome)
            if outcomes.setdefault(code, name) != name:
                raise KeyCollisionError(outcomes[code], name)
        results.append((key, test, position, code, began, duration, flags, worker))
        text = _encode(result).decode()
        details.append((key, code, position, test, began, duration, flags, worker, text))
    results.sort()  # sorting tuples sorts by primary key, which is unique: inserts are sequential
    details.sort()
    row = _session_row(key, session, len(details), warnings)
    return SessionRows(key, row, tests, outcomes, results, details)


def _is_plain(result: TestResult) -> bool:
    """Return whether the columns of `insight_results` hold everything about a result."""
    return result.outcome is TestOutcome.PASSED and not (
        result.phase
        or result.message
        or result.crash
        or result.longreprtext
        or result.capstdout
        or result.capstderr
        or result.caplog
        or result.properties
    )


def _find_collision(tests: Mapping[int, str], nodeids: Iterable[str]) -> tuple[str, str]:
    """Return two nodeids with the same key, the second of which is in `tests`."""
    return next((nodeid, kept) for nodeid in nodeids if (kept := tests[hash_key(nodeid)]) != nodeid)


def _session_row(key: int, session: TestSession, details: int, warnings: int) -> Row:
    code = session.code_state
    counts = Counter(str(result.outcome) for result in session.test_results)
    header = msgspec.structs.replace(session, test_results=())
    return (
        key,
        session.session_id,
        session.sut_name,
        to_micros(session.session_start_time),
        int(session.pinned),
        code.branch if code else None,
        code.commit.lower() if code and code.commit is not None else None,
        len(session.test_results),
        details,
        warnings,
        _encode(counts).decode(),
        _encode(header).decode(),
    )


# Decoding ---------------------------------------------------------------------------------------

DETAIL_FIELDS = "r.session, r.position, r.result"
"""The selected columns of `insight_details r`."""
_DETAIL_WIDTH = DETAIL_FIELDS.count(",") + 1
RESULT_FIELDS = "r.session, r.position, t.nodeid, r.began, r.duration, r.flags, r.worker, x.result"
"""The selected columns of `insight_results r`, `insight_tests t` and `insight_details x`."""


def decode_rows(header: str, rows: Sequence[Row], session_id: str) -> TestSession:
    """Return a session.

    Args:
        header: the column `header` of its row.
        rows: the selected results in any order, as `RESULT_FIELDS` or as `DETAIL_FIELDS`.
        session_id: the column `session_id` of its row.

    Raises:
        DamagedRowsError: the rows are not as we write them.
    """
    session = decode_header(header)
    if session.session_id != session_id:
        raise DamagedRowsError(f"its header has the ID {session.session_id!r}")
    if rows:  # setting the field is safe: no other code has a reference to this session yet
        try:
            results = tuple(_session_results(session, rows))
        except (*UNDECODABLE, OverflowError, TypeError) as exc:
            raise DamagedRowsError(f"a result cannot be decoded: {exc}") from exc
        force_setattr(session, "test_results", results)
    return session


def check_count(rows: Sequence[Row], count: int) -> None:
    """Raise DamagedRowsError if there are more or fewer rows than a session has results."""
    if len(rows) != count:
        raise DamagedRowsError(f"it has {len(rows):,} results instead of {count!r}")


def decode_header(header: str) -> TestSession:
    """Return a session without its results.

    Raises:
        DamagedRowsError: the column is not as we write it.
    """
    try:
        return decode_session(header.encode())
    except (*UNDECODABLE, AttributeError) as exc:
        raise DamagedRowsError(f"its header cannot be decoded: {exc}") from exc


def decode_counts(header: str, outcomes: str) -> tuple[TestSession, dict[str, int]]:
    """Return a session without its results, and the number of results of each outcome.

    Raises:
        DamagedRowsError: a column is not as we write it.
    """
    try:
        return decode_header(header), _decode_counts(outcomes)
    except (*UNDECODABLE, TypeError) as exc:
        raise DamagedRowsError(f"its outcomes cannot be decoded: {exc}") from exc


def _session_results(session: TestSession, rows: Sequence[Row]) -> Iterable[TestResult]:
    ordered = sorted(rows, key=itemgetter(1)) if len(rows) > 1 else rows
    if len(ordered[0]) == _DETAIL_WIDTH:
        return _decode_results(f"[{','.join([row[2] for row in ordered])}]")
    start = session.session_start_time
    found = []
    for _, _, nodeid, began, duration, flags, worker, detail in ordered:
        if detail is not None:
            found.append(_decode_result(detail))
            continue
        if type(nodeid) is not str or type(duration) is not float or not 0 <= duration < inf:
            raise DamagedRowsError(f"a result has the nodeid {nodeid!r}, the duration {duration!r}")
        begin = start + timedelta(microseconds=began)
        if flags or worker:
            passed = TestResult(
                *(nodeid, TestOutcome.PASSED, begin, duration),
                has_warning=bool(flags & WARNING),
                worker=str(worker or ""),
            )
            found.append(passed)
        else:
            found.append(TestResult(nodeid, TestOutcome.PASSED, begin, duration))
    return found
