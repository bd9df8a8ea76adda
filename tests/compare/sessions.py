"""Sessions as pictures, in a store: `.` passed, `F` failed, `s` skipped, `x` and `X` xfail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_insight.compare import Compare, Comparison
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage

START = datetime.now(UTC) - timedelta(days=3)
OUTCOMES = {
    ".": "passed",
    "F": "failed",
    "E": "error",
    "s": "skipped",
    "x": "xfailed",
    "X": "xpassed",
}


def result(nodeid: str, mark: str, message: str = "", duration: float = 0.1) -> TestResult:
    """One result; bad ones and skipped ones have a message."""
    message = message or ("KeyError: 'a'" if mark in "FE" else "no database" if mark == "s" else "")
    return TestResult(nodeid, OUTCOMES[mark], START, duration, message=message)


def session(
    number: int,
    tests: Mapping[str, str | TestResult],
    *,
    commit: str = "",
    branch: str | None = "main",
    digest: str | None = None,
    **fields: Any,
) -> TestSession:
    """A session that started some hours after the first one.

    Args:
        number: how many hours.
        tests: a mark for each name in "t.py", or for each nodeid.
        commit: its commit; empty for one of its own.
        branch: its branch.
        digest: of its uncommitted changes.
        fields: further ones.
    """
    results = [
        each if isinstance(each, TestResult) else result(_nodeid(name), each)
        for name, each in tests.items()
    ]
    fields.setdefault("sut_name", "shop")
    fields.setdefault("session_id", f"s{number}")
    return TestSession(
        session_start_time=START + timedelta(hours=number),
        code_state=CodeState(commit or f"{number:040x}", branch, digest),
        test_results=results,
        **fields,
    )


def _nodeid(name: str) -> str:
    return name if "." in name or "/" in name else f"t.py::{name}"


def store(*sessions: TestSession) -> BaseStorage:
    """A store that has the sessions."""
    storage = InMemoryStorage()
    storage.save_sessions(sessions)
    return storage


def compared(
    base: Mapping[str, str | TestResult],
    head: Mapping[str, str | TestResult],
    of_base: Mapping[str, Any] = {},
    of_head: Mapping[str, Any] = {},
) -> Comparison:
    """The comparison of two sessions."""
    both = session(0, base, **of_base), session(1, head, **of_head)
    return Compare(storage=store(*both)).against("s0").of("s1").execute()


def changes(found: Comparison) -> dict[str, str]:
    """The changes by the last part of the nodeid."""
    return {each.nodeid.rpartition("::")[2]: str(each.change) for each in found}
