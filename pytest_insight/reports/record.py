"""A report as plain data: the JSON of `insight report`, whose shape is stable."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_insight.analysis.output.records import verdict_record
from pytest_insight.reports.causes import CauseSummary
from pytest_insight.reports.report import Report, Suite, Test
from pytest_insight.summaries import SessionSummary

VERSION = 1
"""Of the shape; a key may be added without a new version."""


def report_record(report: Report) -> dict[str, Any]:
    """Return a report as plain data, except for its times."""
    return {
        "version": VERSION,
        "made": report.made,
        "suites": [suite_record(suite) for suite in report.suites],
        "comparison": None if report.comparison is None else report.comparison.to_dict(),
    }


def report_json(report: Report) -> str:
    """Return a report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report_record(report)), indent=2).decode() + "\n"


def suite_record(suite: Suite) -> dict[str, Any]:
    """Return what a report says of one SUT as plain data."""
    why = {each.session.session_id: each.why for each in suite.judged.incidents}
    return {
        "sut": suite.sut,
        "branch": suite.judged.line.branch,
        "headline": suite.headline,
        "counts": suite.counts,
        "speed": suite.judged.speed,
        "sessions": [
            session_record(each, why.get(each.session.session_id)) for each in suite.sessions
        ],
        "tests": [_test_record(each) for each in suite.tests],
        "causes": [_cause_record(each) for each in suite.causes],
    }


def session_record(summary: SessionSummary, incident: str | None) -> dict[str, Any]:
    """Return a session without its results."""
    session = summary.session
    code = session.code_state
    return {
        "session_id": session.session_id,
        "time": session.session_start_time,
        "seconds": session.session_duration,
        "branch": (code and code.branch) or "",
        "commit": (code and code.commit) or "",
        "changed": bool(code and code.digest),
        "outcomes": summary.outcomes,
        "crashed": session.crashed,
        "tags": session.session_tags,
        "url": url_of(summary),
        "incident": incident,
    }


def url_of(summary: SessionSummary) -> str:
    """Return the page of the CI run of a session; empty if it is unknown."""
    of_ci = summary.session.testing_system.get("ci")
    url = of_ci.get("url") if isinstance(of_ci, dict) else None
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""


def _test_record(test: Test) -> dict[str, Any]:
    return {
        **verdict_record(test.verdict),
        "detail": test.verdict.detail,
        "seconds": test.seconds,
        "row": test.row,
    }


def _cause_record(cause: CauseSummary) -> dict[str, Any]:
    return {
        "cause": cause.cause,
        "message": cause.message,
        "crash": cause.crash,
        "phase": cause.phase,
        "sessions": cause.sessions,
        "first": cause.first.session_id,
        "last": cause.last.session_id,
        "tests": list(cause.tests),
        "failing": list(cause.failing),
        "texts": [{"title": title, "text": text} for title, text in cause.texts],
    }
