"""A comparison as plain data, for JSON and other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_insight.analysis.comparison.values import Side, TestChange
from pytest_insight.analysis.runs import Run

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data, except for its times."""
    windows = comparison.windows
    return {
        "base": side_record(comparison.base),
        "head": side_record(comparison.head),
        "changes": [change_record(each) for each in comparison.changes],
        "summary": comparison.summary,
        "tests": comparison.tests,
        "ok": comparison.ok,
        "not_run": [
            {"reason": each.reason, "count": each.count, "detail": each.detail}
            for each in comparison.not_run
        ],
        "environment": [
            {"name": each.name, "base": each.base, "head": each.head}
            for each in comparison.environment
        ],
        "incidents": [
            {"session_id": each.session.session_id, "tests": each.tests, "why": each.why}
            for each in comparison.incidents
        ],
        "unfinished": list(comparison.unfinished),
        "speed": comparison.speed,
        "windows": None
        if windows is None
        else {
            "tests": windows.tests,
            "base_runs": windows.base_runs,
            "head_runs": windows.head_runs,
            "smallest_difference": windows.smallest_difference,
        },
    }


def side_record(side: Side) -> dict[str, Any]:
    """Return a side as plain data, except for its times."""
    return {
        "name": side.name,
        "kind": str(side.kind),
        "sut": side.sut,
        "branch": side.branch,
        "commit": side.commit,
        "has_changes": side.has_changes,
        "sessions": [each.session_id for each in side.sessions],
        "first": side.sessions[0].start,
        "last": side.sessions[-1].start,
        "tests": side.tests,
        "note": side.note,
    }


def change_record(change: TestChange) -> dict[str, Any]:
    """Return a change as plain data, except for its times."""
    found: dict[str, Any] = {
        "nodeid": change.nodeid,
        "change": str(change.change),
        "base": _run_record(change.base),
        "head": _run_record(change.head),
    }
    if change.renamed_from:
        found["renamed_from"] = change.renamed_from
    if change.detail:
        found["detail"] = change.detail
    if change.rate is not None:
        rate = change.rate
        found["rate"] = {"value": rate.value, "low": rate.low, "high": rate.high}
    if change.pace is not None:
        pace = change.pace
        found["pace"] = {
            "was": pace.was,
            "now": pace.now,
            "ratio": pace.ratio,
            "runs": pace.runs,
        }
    if change.rates is not None:
        rates = change.rates
        found["rates"] = {
            "base": {"bad": rates.base_bad, "runs": rates.base_runs},
            "head": {"bad": rates.head_bad, "runs": rates.head_runs},
            "p": rates.p,
            "q": rates.q,
        }
    return found


def _run_record(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "session_id": run.session.session_id,
        "time": run.session.start,
        "commit": run.session.commit,
        "branch": run.session.branch,
        "outcome": str(run.outcome),
        "duration": run.duration,
        "phase": run.phase,
        "message": run.message,
        "crash": run.crash,
        "cause": run.cause,
    }
