"""Verdicts as plain data, for JSON and other programs."""

from __future__ import annotations

from typing import Any

from pytest_insight.analysis.values import Since, Timing, Verdict

VERDICT_FIELDS = (
    *("nodeid", "sut", "verdict", "runs", "bad", "recovered", "rate", "since", "causes"),
    *("evidence", "excluded", "timing"),
)
"""The keys of a verdict."""


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data, except for its times."""
    timing = verdict.timing
    return {
        "nodeid": verdict.nodeid,
        "sut": verdict.sut,
        "verdict": verdict.verdict,
        "runs": verdict.runs,
        "bad": verdict.bad,
        "recovered": verdict.recovered,
        "rate": {
            "value": verdict.rate.value,
            "low": verdict.rate.low,
            "high": verdict.rate.high,
        },
        "since": since_record(verdict.since),
        "causes": [
            {"cause": each.cause, "message": each.message, "count": each.count, "last": each.last}
            for each in verdict.causes
        ],
        "evidence": list(verdict.evidence),
        "excluded": [{"session_id": each.session_id, "why": each.why} for each in verdict.excluded],
        "timing": None if timing is None else _timing_record(timing),
    }


def _timing_record(timing: Timing) -> dict[str, Any]:
    return {
        "was": timing.was,
        "now": timing.now,
        "ratio": timing.ratio,
        "since": since_record(timing.since),
    }


def since_record(since: Since | None) -> dict[str, Any] | None:
    """Return when something began as plain data, except for its time."""
    if since is None:
        return None
    return {
        "session_id": since.session_id,
        "commit": since.commit,
        "time": since.time,
        "low": since.low,
        "high": since.high,
    }
