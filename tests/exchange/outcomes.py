"""A session with results of every kind, for the writers of other programs' formats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession

START = datetime(2026, 11, 1, 12, 0, 0, 250_500, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def result(nodeid: str, outcome: str, second: float = 0, /, **fields: Any) -> TestResult:
    start = START + timedelta(seconds=second)
    return TestResult(nodeid, TestOutcome(outcome), start, **({"duration": 0.0625} | fields))


FAILURE = {
    "message": "AssertionError: assert 1 == 2",
    "crash": "tests/test_a.py:7",
    "longreprtext": "    def test_x():\n>       assert 1 == 2\nE       assert 1 == 2",
}
SEVEN = (
    result("tests/test_a.py::test_passed", "passed", 1),
    result("tests/test_a.py::test_failed[a::b/c]", "failed", 2, **FAILURE),
    result(
        "tests/test_a.py::test_skipped",
        "skipped",
        3,
        message="not today",
        crash="tests/test_a.py:12",
        longreprtext="not today",
    ),
    result("tests/test_a.py::TestC::test_xfailed", "xfailed", 4, message="bug 7"),
    result("tests/test_a.py::TestC::test_xpassed", "xpassed", 5),
    result("tests/sub.dir/test_b.py::test_error", "error", 6, phase="setup", **FAILURE),
    result("tests/sub.dir/test_b.py::test_flaky", "rerun", 7, capstdout="first\n", **FAILURE),
    result("tests/sub.dir/test_b.py::test_flaky", "rerun", 8, phase="setup", **FAILURE),
    result("tests/sub.dir/test_b.py::test_flaky", "passed", 9),
)
"""All seven outcomes, with a test that passed in its third attempt."""
RERUN_AND_FAILED = (
    result("tests/test_r.py::test_r", "rerun", 10, **FAILURE),
    result("tests/test_r.py::test_r", "failed", 11, **FAILURE),
)
PASSED_AND_ERROR = (
    result("tests/test_t.py::test_t", "passed", 12, duration=0.5),
    result("tests/test_t.py::test_t", "error", 13, phase="teardown", **FAILURE),
)
FAILED_AND_ERROR = (
    result("tests/test_u.py::test_u", "failed", 14, **FAILURE),
    result("tests/test_u.py::test_u", "error", 15, phase="teardown", message="OSError: gone"),
)
INVENTED = (result("tests/test_v.py::test_v", "quarantined", 16, message="known to fail"),)
NOT_COLLECTED = (result("tests/test_w.py", "error", 17, message="ImportError: no", duration=0.0),)
CUT_OFF = (result("tests/test_y.py::test_y", "rerun", 18, **FAILURE),)
"""A test whose run ended before its next attempt."""
OUTPUT = (
    result(
        "tests/test_o.py::test_o",
        "failed",
        19,
        capstdout="out & <out>\r\n",
        capstderr="err ]]>",
        caplog="WARNING \x1b[31mred\x1b[0m \0 \ufffe",
        properties=(("ticket", "A-1"), ("numbers", [1, 2.5])),
        worker="gw1",
        **FAILURE,
    ),
)
EVERYTHING = (
    *(*SEVEN, *RERUN_AND_FAILED, *PASSED_AND_ERROR, *FAILED_AND_ERROR),
    *(*INVENTED, *NOT_COLLECTED, *CUT_OFF, *OUTPUT),
)


def session(*results: TestResult, **fields: Any) -> TestSession:
    given: dict[str, Any] = {
        "session_id": "shop-20261101-120000-0a1b2c3d",
        "sut_name": "shop",
        "session_start_time": START,
        "session_duration": 20.5,
        "session_tags": {"ci": "nightly"},
        "testing_system": {
            "host": "build-7",
            "platform": "Linux-6.1.0-x86_64",
            "python": "3.12.4",
            "pytest": "9.2.0",
            "ci": {"provider": "github", "run_id": "77", "job": "test", "url": "https://ci/77"},
        },
        "code_state": CodeState(COMMIT, "main"),
        "exit_status": 1,
        "test_results": results,
    }
    return TestSession(**(given | fields))
