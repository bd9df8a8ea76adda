"""The sessions of `tests/data/format-*.json` and `format-*.csv`, written by hand.

Those files are what each version of the format looks like. They stay as they are: whatever comes
later must read them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from pytest_insight.models import (
    CodeState,
    RecordedWarning,
    Source,
    TestOutcome,
    TestResult,
    TestSession,
)

FOLDER = Path(__file__).parent.parent / "data"
JSON_FILE = FOLDER / "format-1.json"
CSV_FILE = FOLDER / "format-1.csv"
JSON_FILE_2 = FOLDER / "format-2.json"
CSV_FILE_2 = FOLDER / "format-2.csv"

SESSIONS = (
    TestSession(
        session_id="api-20261101-120000-0a1b2c3d",
        sut_name="api",
        session_start_time=datetime(2026, 11, 1, 12, 0, 0, 250000, tzinfo=UTC),
        session_stop_time=datetime(2026, 11, 1, 12, 0, 3, tzinfo=UTC),
        session_duration=2.5,
        session_tags={"ci": "nightly", "note": "=SUM(A1)"},
        testing_system={
            "host": "build-7",
            "python": "3.12.4",
            "plugins": {"pytest-xdist": "3.8.0"},
        },
        code_state=CodeState(commit="0123456789abcdef0123456789abcdef01234567", branch="main"),
        exit_status=1,
        test_results=(
            TestResult(
                nodeid="tests/test_a.py::test_x[a,b]",
                outcome=TestOutcome.PASSED,
                start_time=datetime(2026, 11, 1, 12, 0, 0, 500000, tzinfo=UTC),
                duration=0.25,
                has_warning=True,
                worker="gw0",
                properties=(("requirement", "R-1"), ("numbers", [1, 2.5, None])),
            ),
            TestResult(
                nodeid="tests/test_a.py::test_y",
                outcome=TestOutcome.FAILED,
                start_time=datetime(2026, 11, 1, 12, 0, 1, tzinfo=UTC),
                duration=1e-06,
                longreprtext='>  assert "a" == "b"\nE  AssertionError: ½ \U0001f9ea',
                capstdout="=1+1\n",
                capstderr="@warn\r\n",
                caplog="-- log",
                worker="gw1",
            ),
            TestResult(
                nodeid="tests/test_a.py::test_y",
                outcome=TestOutcome("flaky"),  # not one of pytest's own
                start_time=datetime(2026, 11, 1, 12, 0, 2, tzinfo=UTC),
            ),
        ),
    ),
    TestSession(
        session_id="web-20261101-130000-4e5f6a7b",
        sut_name="web",
        session_start_time=datetime(2026, 11, 1, 13, tzinfo=UTC),
        session_duration=0.0,
    ),
)
"""What version 1 can hold."""

_PASSED, _FAILED, _FLAKY = SESSIONS[0].test_results
SESSIONS_2 = (
    replace(
        SESSIONS[0],
        arguments=("-x", "--maxfail=2", "tests/test_a.py"),
        collected=12,
        deselected=9,
        warnings=(
            RecordedWarning("DeprecationWarning", "old is old", "tests/test_a.py:7", 3),
            RecordedWarning("UserWarning", "@once"),
        ),
        source=Source("junit", "pytest 9.0.1", "0123456789abcdef", ("no-log", "no-attempts")),
        test_results=(
            _PASSED,
            replace(
                _FAILED,
                phase="setup",
                message='AssertionError: assert "a" == "b"',
                crash="tests/test_a.py:31",
            ),
            replace(_FLAKY, phase="teardown"),
        ),
    ),
    SESSIONS[1],
)
"""What version 2 can hold."""
