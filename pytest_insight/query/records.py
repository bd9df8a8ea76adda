"""Results as dictionaries, one for each result, for pandas and other tools."""

from __future__ import annotations

from typing import Any

from pytest_insight.models import TestResult, TestSession


def result_record(session: TestSession, result: TestResult) -> dict[str, Any]:
    """Return a result and what is usually asked about its session; see `QueryResult.to_dicts`."""
    code = session.code_state
    return {
        "session": session.session_id,
        "session_start": session.session_start_time,
        "sut": session.sut_name,
        "branch": code.branch if code else None,
        "commit": code.commit if code else None,
        "tags": dict(session.session_tags),
        "nodeid": result.nodeid,
        "file": result.nodeid.partition("::")[0],
        "outcome": result.outcome.value,
        "phase": result.phase or "call",
        "start": result.start_time,
        "duration": result.duration,
        "message": result.message,
        "crash": result.crash,
        "worker": result.worker,
        "has_warning": result.has_warning,
        "longreprtext": result.longreprtext,
    }
