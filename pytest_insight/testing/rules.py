"""The base class of all rules, and sample sessions for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.exchange.import_report import ImportReport
from pytest_insight.models import (
    CodeState,
    RecordedWarning,
    Source,
    TestOutcome,
    TestResult,
    TestSession,
)
from pytest_insight.storage import BaseStorage

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Rules:
    """Base class of a group of rules; `StorageContract` has all groups."""

    @pytest.fixture
    def storage(self) -> BaseStorage:
        """The storage under test, empty and not used by anything else; subclasses override it."""
        raise NotImplementedError("define the fixture `storage`: an empty storage of your backend")

    def reopened(self, storage: BaseStorage) -> BaseStorage:
        """Return another object for the same data, as a later process would create it.

        Override it unless the data only exists as long as the object.
        """
        return storage


def make_result(name: str = "test_x", outcome: str = "passed", **fields: Any) -> TestResult:
    """Return a result of `tests/test_a.py::<name>`."""
    defaults: dict[str, Any] = {
        "nodeid": f"tests/test_a.py::{name}",
        "outcome": TestOutcome(outcome),
        "start_time": START,
        "duration": 0.25,
    }
    return TestResult(**(defaults | fields))


def make_session(number: int = 0, /, **fields: Any) -> TestSession:
    """Return `api-<number>`, started `number` hours after `START`, with a pass and a failure."""
    start = START + timedelta(hours=number)
    defaults: dict[str, Any] = {
        "session_id": f"api-{number}",
        "sut_name": "api",
        "session_start_time": start,
        "session_duration": 2.5,
        "test_results": (
            make_result("test_x", start_time=start),
            make_result("test_y", "failed", start_time=start, longreprtext="assert 1 == 2"),
        ),
    }
    return TestSession(**(defaults | fields))


def full_session() -> TestSession:
    """Return a session in which no field has its default."""
    return TestSession(
        session_id="api-20261101-120000-0123abcd",
        sut_name="api",
        session_start_time=START + timedelta(microseconds=1),
        session_stop_time=START + timedelta(seconds=5),
        session_duration=4.75,  # a stopwatch and a wall clock may differ
        session_tags={"ci": "nightly", "empty": ""},
        testing_system={"host": "ci-1", "plugins": {"xdist": "3.8"}, "cpus": 8, "gpu": None},
        code_state=CodeState(commit="0123abcd" * 5, branch="main", digest="d1"),
        arguments=("-x", "tests/test_a.py"),
        collected=12,
        deselected=10,
        warnings=(RecordedWarning("UserWarning", "old", "tests/test_a.py:3", 2),),
        source=Source("junit", "pytest 9", "0123", ("no-log",)),
        exit_status=1,
        crashed=True,
        pinned=True,
        test_results=(
            TestResult(
                nodeid="tests/test_a.py::test_x[a/b-\u00e9]",
                outcome=TestOutcome.FAILED,
                start_time=START + timedelta(seconds=1),
                duration=0.1,
                phase="setup",
                message="assert 1 == 2",
                crash="tests/test_a.py:3",
                longreprtext="E   assert 1 == 2",
                capstdout="out\n",
                capstderr="err\n",
                caplog="WARNING log\n",
                has_warning=True,
                worker="gw3",
                properties=(("number", 1), ("number", 2.5), ("nested", {"a": [None, True]})),
            ),
            make_result("test_y"),
        ),
    )


def ids_of(sessions: list[TestSession]) -> list[str]:
    """Return the IDs of sessions in their order."""
    return [session.session_id for session in sessions]


def counts(report: ImportReport) -> ImportReport:
    """Return a report without the entries of single sessions and the name of the file."""
    return replace(report, entries=(), source="")


def fill(storage: BaseStorage, *numbers: int) -> list[TestSession]:
    """Save `make_session(number)` for each number; returns the sessions."""
    sessions = [make_session(number) for number in numbers]
    storage.save_sessions(sessions)
    return sessions
