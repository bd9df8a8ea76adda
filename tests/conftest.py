"""Every test runs with a new home folder, without our variables, in an empty working directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.recording.facts.ci import SERVICES
from tests import postgresql

pytest_plugins = ["pytester"]

# A shell starts its background jobs with SIGINT ignored, and processes that tests start and
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A CI service may run us.
_ELSEWHERE = {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "GITHUB_STEP_SUMMARY"} | {
    service.sign for service in SERVICES
}

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: tests wait for disks, servers and processes, too."""
    return (os.cpu_count() or 1) + 1


class MakeSession(Protocol):
    """`make_session(3)`: the fourth session of a series, one hour after the third."""

    def __call__(self, number: int = 0, /, **fields: Any) -> TestSession: ...


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A server for all tests of this process; each test uses a new schema or database."""
    with postgresql.server() as running:
        yield running


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PYTEST_INSIGHT", "XDG_", "PG")) or name in _ELSEWHERE:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("PAGER", "cat")  # none: nobody would quit it
    monkeypatch.chdir(work)


@pytest.fixture
def make_session() -> MakeSession:
    def make(number: int = 0, /, **fields: Any) -> TestSession:
        start = START + timedelta(hours=number)
        defaults: dict[str, Any] = {
            "session_id": f"api-{number}",
            "sut_name": "api",
            "session_start_time": start,
            "session_duration": 2.5,
            "test_results": (
                TestResult("tests/test_a.py::test_x", TestOutcome.PASSED, start, 0.25),
                TestResult(
                    "tests/test_a.py::test_y",
                    TestOutcome.FAILED,
                    start + timedelta(seconds=1),
                    0.5,
                    longreprtext="assert 1 == 2",
                ),
            ),
        }
        return TestSession(**(defaults | fields))

    return make
