"""The data of the page: a report in columns, which compress to a tenth of its records."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_insight.analysis.output.description import (
    evidence_text,
    incident_text,
    judged_text,
    rate_text,
)
from pytest_insight.analysis.values import VERDICTS, Since, Timing, Verdict
from pytest_insight.models.text import outcome_rank
from pytest_insight.reports.causes import CauseSummary
from pytest_insight.reports.comparison import detail_of, words_of
from pytest_insight.reports.record import url_of
from pytest_insight.reports.report import Report, Suite, Test

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison

COMPRESSION = 6
SHORT_COMMIT = 12
MOST_TEXT = 10_000_000
"""The bytes of the texts of all failures together."""


def packed(report: Report) -> str:
    """Return the data of the page: JSON, compressed by gzip, in base64."""
    data = msgspec.json.encode(page_data(report))
    return base64.b64encode(gzip.compress(data, COMPRESSION, mtime=0)).decode()


def page_data(report: Report) -> dict[str, Any]:
    """Return what the page shows."""
    from importlib.metadata import version

    return {
        "version": version("pytest-insight"),
        "made": report.made.timestamp(),
        "verdicts": VERDICTS,
        "suites": [_suite(suite) for suite in report.suites],
        "comparison": None if report.comparison is None else _comparison(report.comparison),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    words = words_of(comparison)
    groups = [
        {
            "change": group.change,
            "message": group.message,
            "crash": group.crash,
            "tests": [[each.nodeid, detail_of(each), each.renamed_from] for each in group.changes],
        }
        for group in comparison.causes
    ]
    return {"sut": comparison.head.sut, **words._asdict(), "groups": groups}


def _suite(suite: Suite) -> dict[str, Any]:
    places = {each.session.session_id: place for place, each in enumerate(suite.sessions)}
    numbers = {each.verdict.nodeid: number for number, each in enumerate(suite.tests)}
    causes = {each.cause: number for number, each in enumerate(suite.causes)}
    incident = suite.judged.last_incident
    return {
        "sut": suite.sut,
        "branch": suite.judged.line.branch or "",
        "judged": judged_text(suite.judged),
        "left_out": incident_text(incident) if incident else "",
        "headline": suite.headline,
        "counts": suite.counts,
        "sessions": _sessions(suite),
        "tests": _tests(suite, places, causes),
        "causes": _causes(suite, places, numbers),
    }


def _sessions(suite: Suite) -> dict[str, list[Any]]:
    why = {each.session.session_id: each.why for each in suite.judged.incidents}
    sessions = [each.session for each in suite.sessions]
    codes = [each.code_state for each in sessions]
    return {
        "id": [each.session_id for each in sessions],
        "time": [each.session_start_time.timestamp() for each in sessions],
        "seconds": [each.session_duration for each in sessions],
        "branch": [(code and code.branch) or "" for code in codes],
        "commit": [((code and code.commit) or "")[:SHORT_COMMIT] for code in codes],
        "changed": [int(bool(code and code.digest)) for code in codes],
        "outcomes": [
            {name: each.outcomes[name] for name in sorted(each.outcomes, key=outcome_rank)}
            for each in suite.sessions
        ],
        "crashed": [int(each.crashed) for each in sessions],
        "url": [url_of(each) for each in suite.sessions],
        "incident": [why.get(each.session_id, "") for each in sessions],
    }


def _tests(suite: Suite, places: dict[str, int], causes: dict[str, int]) -> dict[str, Any]:
    tests = suite.tests
    rows: dict[str, int] = {}
    return {
        "nodeid": [each.verdict.nodeid for each in tests],
        "verdict": [VERDICTS.index(each.verdict.verdict) for each in tests],
        "seconds": [None if each.seconds is None else round(each.seconds, 6) for each in tests],
        "row": [rows.setdefault(each.row, len(rows)) for each in tests],
        "rows": list(rows),
        # Most tests are stable: there is nothing to say of them that the page cannot say itself.
        "more": {
            number: _more(each, places, causes)
            for number, each in enumerate(tests)
            if each.verdict.causes or each.verdict.timing or each.verdict.verdict != "stable"
        },
    }


def _more(test: Test, places: dict[str, int], causes: dict[str, int]) -> dict[str, Any]:
    verdict = test.verdict
    return {
        "evidence": evidence_text(verdict),
        "bad": verdict.bad,
        "rate": rate_text(verdict) if verdict.bad or verdict.recovered else "",
        "since": _since(verdict.since),
        "causes": [[causes[c.cause], c.count] for c in verdict.causes if c.cause in causes],
        "excluded": _excluded(verdict, places),
        "timing": _timing(verdict.timing),
        "durations": [[place, round(seconds, 5)] for place, seconds in test.durations],
    }


def _excluded(verdict: Verdict, places: dict[str, int]) -> list[Any]:
    return [
        [places[each.session_id], each.why]
        for each in verdict.excluded
        if each.session_id in places
    ]


def _since(since: Since | None) -> dict[str, Any] | None:
    if since is None:
        return None
    commits = {"commit": since.commit, "low": since.low, "high": since.high}
    return {
        "time": since.time.timestamp(),
        "session": since.session_id,
        **{name: commit[:SHORT_COMMIT] for name, commit in commits.items()},
    }


def _timing(timing: Timing | None) -> dict[str, Any] | None:
    if timing is None:
        return None
    return {
        "was": timing.was,
        "now": timing.now,
        "ratio": timing.ratio,
        "since": _since(timing.since),
    }


def _causes(suite: Suite, places: dict[str, int], numbers: dict[str, int]) -> list[dict[str, Any]]:
    left = MOST_TEXT
    found = []
    for cause in suite.causes:
        size = sum(len(text.encode()) for _, text in cause.texts)
        texts = cause.texts if size <= left else ()
        left -= size if texts else 0
        found.append(_cause(cause._replace(texts=texts), places, numbers))
    return found


def _cause(cause: CauseSummary, places: dict[str, int], numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "key": cause.cause,
        "message": cause.message,
        "crash": cause.crash,
        "phase": cause.phase,
        "sessions": cause.sessions,
        "first": places.get(cause.first.session_id),
        "last": places.get(cause.last.session_id),
        "tests": [numbers[name] for name in cause.tests if name in numbers],
        "failing": [numbers[name] for name in cause.failing if name in numbers],
        "texts": cause.texts,
    }
