"""A session as rows of the tables, and back, without loss and in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from pytest_insight.document import decode_session
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage.sql.keys import key_of, micros
from pytest_insight.summaries import BAD

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
"""By the numbers that stand for them in stores; one that is not here is kept by its name."""
OTHER = 15
"""The number of those."""
_CODES = {str(outcome): code for code, outcome in OUTCOMES.items()}
BAD_CODES = ", ".join(str(_CODES[outcome]) for outcome in BAD)
"""The numbers of the bad ones, as SQL has them in a list."""
_MICROSECOND = timedelta(microseconds=1)

SESSION_COLUMNS = (
    *("id", "session_id", "sut", "started", "pinned", "branch", "commit_id"),
    *("results", "warnings", "outcomes", "header"),
)
STARTED = SESSION_COLUMNS.index("started")
RESULT_COLUMNS = (
    *("session", "test", "position", "outcome", "began", "duration"),
    *("warning", "detailed", "worker", "other"),
)
TEXT_COLUMNS = ("session", "position", "longrepr", "stdout", "stderr", "log", "properties")

_encode = msgspec.json.Encoder().encode
_decode_properties = msgspec.json.Decoder(tuple[tuple[str, Any], ...]).decode


class SessionRows(NamedTuple):
    """The rows of one session.

    Attributes:
        key: its key.
        session: its own row.
        tests: the nodeids of its results by their keys.
        results: their rows, in the order of the table's key.
        texts: the rows of those that have texts.
    """

    key: int
    session: Row
    tests: dict[int, str]
    results: list[Row]
    texts: list[Row]


class TestKeysClashError(Exception):
    """Two nodeids of one session have one key; they are its arguments. Never leaves storage."""

    __test__ = False


def code_of(outcome: str) -> int:
    """The number that stands for an outcome; `OTHER` for those of other plugins."""
    return _CODES.get(outcome, OTHER)


def rows_of(session: TestSession) -> SessionRows:
    """The rows of a checked session.

    Raises:
        TestKeysClashError: see there.
    """
    key, start = key_of(session.session_id), session.session_start_time
    tests: dict[int, str] = {}
    results: list[Row] = []
    texts: list[Row] = []
    warnings = 0
    for position, result in enumerate(session.test_results):
        test = key_of(result.nodeid)
        if tests.setdefault(test, result.nodeid) != result.nodeid:
            raise TestKeysClashError(tests[test], result.nodeid)
        text = _text_row(key, position, result)
        if text is not None:
            texts.append(text)
        code = code_of(result.outcome)
        began = (result.start_time - start) // _MICROSECOND
        warnings += result.has_warning
        results.append(
            (
                *(key, test, position, code, began, result.duration),
                *(int(result.has_warning), int(text is not None), result.worker or None),
                str(result.outcome) if code == OTHER else None,
            )
        )
    results.sort()  # by the table's key, which no two rows share: that is how they will lie
    return SessionRows(key, _session_row(key, session, warnings), tests, results, texts)


def _session_row(key: int, session: TestSession, warnings: int) -> Row:
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
        warnings,
        _encode(counts).decode(),
        _encode(header).decode(),
    )


def _text_row(key: int, position: int, result: TestResult) -> Row | None:
    longrepr, out, err = result.longreprtext, result.capstdout, result.capstderr
    log, properties = result.caplog, result.properties
    if not (longrepr or out or err or log or properties):
        return None
    encoded = _encode(properties).decode() if properties else None
    return (key, position, longrepr or None, out or None, err or None, log or None, encoded)


# Back -------------------------------------------------------------------------------------------


def session_of(header: str, rows: Sequence[Row]) -> TestSession:
    """A session from its header and the rows of its results, in the order of `RESULT_FIELDS`."""
    session = header_of(header)
    if not rows:
        return session
    return session.with_results(_results(session, rows))


def header_of(header: str) -> TestSession:
    """A session without its results."""
    return decode_session(header.encode())


RESULT_FIELDS = (
    "r.session, r.position, t.nodeid, r.outcome, r.began, r.duration, r.warning, r.worker, "
    "r.other, x.longrepr, x.stdout, x.stderr, x.log, x.properties"
)
"""What is read of a result; `r`, `t` and `x` are the tables of results, tests and texts."""


def _results(session: TestSession, rows: Sequence[Row]) -> Iterable[TestResult]:
    start = session.session_start_time
    for row in sorted(rows, key=_position):
        _, _, nodeid, code, began, duration, warning, worker, other, *texts = row
        outcome = TestOutcome(other) if code == OTHER else OUTCOMES[code]
        begin = start + timedelta(microseconds=began)
        if warning or worker or any(texts):
            longrepr, out, err, log, properties = texts
            yield TestResult(
                nodeid,
                outcome,
                begin,
                duration,
                longreprtext=longrepr or "",
                capstdout=out or "",
                capstderr=err or "",
                caplog=log or "",
                has_warning=bool(warning),
                worker=worker or "",
                properties=_decode_properties(properties.encode()) if properties else (),
            )
        else:
            yield TestResult(nodeid, outcome, begin, duration)


def _position(row: Row) -> int:
    position: int = row[1]
    return position
