"""Write one session as a CTRF report (https://ctrf.io, `specVersion` 0.0.0).

CTRF knows five statuses; `rawStatus` has our outcome. Times are whole milliseconds. What CTRF has
no place for is in `extra`, the only objects in which it allows other names; an import reads it
back.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import msgspec

from pytest_insight._util.times import EPOCH
from pytest_insight.analysis.causes import DEFAULT_RULES, headline
from pytest_insight.document.codec import content_digest
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.writers.cases import BAD, Case, cases_of, line_in, status_of
from pytest_insight.models import TestResult, TestSession

RESULT_EXTRA = "pytest-insight.result"
"""In `extra` of a test or an attempt: fields of our result."""
ALSO_EXTRA = "pytest-insight.also"
"""In `extra` of a test: its other results, whole."""
SESSION_EXTRA = "pytest-insight.session"
"""In `extra` of the results: fields of our session."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://ctrf.io/pytest-insight")
_STATUS = {"error": "failed"}
"""The status in CTRF if it is not ours."""
_KEPT = ("outcome", "start_time", "duration", "phase", "crash", "caplog", "has_warning", "worker")
_KEPT_OF_SESSION = (
    *("session_id", "sut_name", "session_start_time", "session_stop_time", "session_duration"),
    *("session_tags", "testing_system", "code_state", "arguments", "collected", "deselected"),
    *("warnings", "source", "exit_status", "crashed"),
)


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write a report; returns 1, the number of sessions.

    Raises:
        ExchangeError: there is not exactly one session; nothing was written.
    """
    found = iter(sessions)
    session = next(found, None)
    if session is None:
        raise ExchangeError("a CTRF report holds one session, and none is selected", "")
    if next(found, None) is not None:
        raise ExchangeError(
            "a CTRF report holds one session, and several are selected: choose one with --session "
            "(session_ids=)",
            "",
        )
    cases = cases_of(session)
    report = msgspec.json.encode(
        {
            "reportFormat": "CTRF",
            "specVersion": "0.0.0",
            "reportId": str(uuid.uuid5(_NAMESPACE, session.session_id + content_digest(session))),
            "runId": _ci(session, "run_id") or session.session_id,
            "generatedBy": "pytest-insight",
            "results": {
                "tool": _tool(session),
                "summary": _summary(session, cases),
                "environment": _environment(session),
                "extra": {SESSION_EXTRA: _fields(session, _KEPT_OF_SESSION)},
            },
        }
    )
    file.write(report.removesuffix(b"}}") + b',"tests":[')
    for position, case in enumerate(cases):
        file.write((b",\n" if position else b"\n") + msgspec.json.encode(_test(case)))
    file.write(b"\n]}}\n")
    return 1


def _tool(session: TestSession) -> dict[str, str]:
    version = session.testing_system.get("pytest")
    if isinstance(version, str) or session.source is None:
        return {"name": "pytest"} | ({"version": version} if isinstance(version, str) else {})
    return {"name": session.source.tool or session.source.format or "unknown"}


def _summary(session: TestSession, cases: list[Case]) -> dict[str, int]:
    counts = Counter(_status(case.results[0]) for case in cases)
    statuses = ("passed", "failed", "skipped", "pending", "other")
    return {
        "tests": len(cases),
        **{status: counts[status] for status in statuses},
        "flaky": sum(map(_is_flaky, cases)),
        "suites": len({tuple(_suite(case.nodeid)) for case in cases}),
        "start": _milliseconds(session.session_start_time),
        "stop": _milliseconds(session.session_stop_time),
        "duration": _duration(session.session_duration),
    }


def _environment(session: TestSession) -> dict[str, str]:
    code = session.code_state
    platform = session.testing_system.get("platform")
    facts = {
        "appName": session.sut_name,
        "buildId": _ci(session, "run_id"),
        "buildUrl": _ci(session, "url"),
        "commit": code and code.commit,
        "branchName": code and code.branch,
        "osPlatform": platform if isinstance(platform, str) else "",
        "shardId": _ci(session, "job"),
    }
    return {name: value for name, value in facts.items() if value}


def _ci(session: TestSession, fact: str) -> str:
    """Return a fact about the CI build; empty if it is unknown."""
    facts = session.testing_system.get("ci")
    value = facts.get(fact) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else ""


def _test(case: Case) -> dict[str, Any]:
    worst, *others = case.results
    extra: dict[str, Any] = _extra(worst)
    if others:
        extra[ALSO_EXTRA] = others
    fields = {
        "testId": case.nodeid,
        "name": case.nodeid,
        "suite": _suite(case.nodeid),
        "filePath": case.file,
        "threadId": worst.worker,
        **_outcome(worst, case.file),
        "rawStatus": str(worst.outcome),
        **_retries(case),
        "extra": extra,
    }
    return {name: value for name, value in fields.items() if value != ""}


def _retries(case: Case) -> dict[str, Any]:
    if not case.attempts:
        return {}
    attempts = [
        {"attempt": number} | _outcome(attempt, case.file) | {"extra": _extra(attempt)}
        for number, attempt in enumerate(case.attempts, 1)
    ]
    return {"retries": len(attempts), "retryAttempts": attempts, "flaky": _is_flaky(case)}


def _outcome(result: TestResult, file: str) -> dict[str, Any]:
    """Return what tests and attempts have in common."""
    start = _milliseconds(result.start_time)
    duration = _duration(result.duration)
    fields = {
        "status": _status(result),
        "duration": duration,
        "start": start,
        "stop": start + duration,
        "message": result.message,
        "trace": result.longreprtext,
        "line": line_in(result, file),
        "stdout": result.capstdout and result.capstdout.split("\n"),
        "stderr": result.capstderr and result.capstderr.split("\n"),
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _extra(result: TestResult) -> dict[str, Any]:
    kept = _fields(result, _KEPT)
    if result.properties:
        kept["properties"] = result.properties
    if status_of(result) in BAD:
        kept["cause"] = DEFAULT_RULES.cause_of(result.phase, headline(result)).key
    return {RESULT_EXTRA: kept}


def _fields(record: TestResult | TestSession, names: Iterable[str]) -> dict[str, Any]:
    """Return fields of a record, without those that are empty."""
    values = ((name, getattr(record, name)) for name in names)
    return {
        name: value
        for name, value in values
        if value is not False and value not in (None, "", (), {})
    }


def _status(result: TestResult) -> str:
    status = status_of(result)
    return _STATUS.get(status, status)


def _is_flaky(case: Case) -> bool:
    return bool(case.attempts) and case.status == "passed"


def _suite(nodeid: str) -> list[str]:
    """Return file and classes; a file that was not collected is in a suite with its name."""
    names = nodeid.partition("[")[0].split("::")
    return names[:-1] or [nodeid]


def _milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def _duration(seconds: float) -> int:
    return round(seconds * 1_000)
