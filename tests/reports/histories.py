"""Histories for reports: tests as pictures of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pytest_insight import analyze
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.query import Query
from pytest_insight.reports.report import Report, make_report
from pytest_insight.storage import InMemoryStorage

OUTCOMES = {".": "passed", "F": "failed", "E": "error", "s": "skipped", "x": "xfailed"}
NOW = datetime.now(UTC).replace(microsecond=0)
TEXT = "def test():\n>       pay()\nE       {message}\n\ntests/test_pay.py:7: Error"


def sessions(
    tests: Mapping[str, str],
    *,
    sut: str = "shop",
    message: str = "TimeoutError: redis",
    text: str = TEXT,
    took: Mapping[str, Sequence[float]] | None = None,
    url: str = "",
) -> list[TestSession]:
    """Return sessions, some hours apart, the last one now.

    Args:
        tests: the runs of each test, a letter for each session; a space was not run.
        sut: the SUT.
        message: of failures.
        text: the traceback of failures.
        took: how long tests took in each session.
        url: of the CI run.
    """
    count = max(map(len, tests.values()))
    found = []
    for number in range(count):
        start = NOW - timedelta(hours=3 * (count - number))
        results = []
        for nodeid, picture in tests.items():
            letter = picture[number : number + 1] or " "
            if letter == " ":
                continue
            bad = letter in "FE"
            seconds = took[nodeid][number] if took and nodeid in took else 0.1
            results.append(
                TestResult(
                    nodeid,
                    OUTCOMES[letter],
                    start,
                    seconds,
                    message=message if bad else "",
                    crash="tests/test_pay.py:7" if bad else "",
                    longreprtext=text.format(message=message) if bad else "",
                )
            )
        found.append(
            TestSession(
                f"{sut}-{number:03}",
                sut,
                start,
                session_duration=3.0,
                code_state=CodeState(f"{number + 10:x}a1b2c3d" * 5, "main"),
                testing_system={"ci": {"url": url}} if url else {},
                test_results=tuple(results),
            )
        )
    return found


def report(*histories: Iterable[TestSession]) -> Report:
    """Return the report about sessions."""
    storage = InMemoryStorage()
    for each in histories:
        storage.save_sessions(each)
    return make_report(storage, analyze.verdicts(Query(storage=storage)))
