"""The results of test cases that other programs than pytest wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pytest_insight._util.report_text import first_lines, read_failure
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.readers.junit.elements import ATTEMPTS, Case, Child
from pytest_insight.models import TestOutcome, TestResult

_OUTCOMES = {
    "error": TestOutcome.ERROR,
    "failure": TestOutcome.FAILED,
    "skipped": TestOutcome.SKIPPED,
}
"""The worst one first."""
_NOT_RUN = frozenset({"notrun", "disabled", "suppressed", "skipped"})
"""Values of `status` and `result` of GoogleTest and CTest for a test that was not run."""


def attempts_of(case: Case, nodeid: str, start: datetime, losses: Losses) -> Iterator[TestResult]:
    """Yield the earlier attempts of a case that are written as Maven Surefire does."""
    for child in case.children:
        if child.kind not in ATTEMPTS:
            continue
        text = child.parts.get("stackTrace", "") or child.text.strip()
        losses.add(Loss.NO_ATTEMPT_TEXT, not (text or child.attributes.get("message")), nodeid)
        yield TestResult(
            nodeid,
            TestOutcome.RERUN,
            start,
            0.0,
            "",
            _message(child, text),
            _crash(text),
            text,
            child.parts.get("system-out", ""),
            child.parts.get("system-err", ""),
        )


def result_of(
    case: Case, nodeid: str, start: datetime, duration: float, losses: Losses
) -> TestResult:
    """Return the final result of a case; of several reasons the worst counts.

    Args:
        case: the test case.
        nodeid: its nodeid.
        start: the start of the session.
        duration: its duration.
        losses: what is lost is counted there.
    """
    kinds = list(_OUTCOMES)
    reasons = sorted(case.reasons(), key=lambda child: kinds.index(child.kind))
    outcome, message, text = TestOutcome.PASSED, "", ""
    if reasons:
        outcome = _OUTCOMES[reasons[0].kind]
        text = "\n\n".join(child.text for child in reasons if child.text.strip())
        message = _message(reasons[0], text)
        losses.add(Loss.RESULTS_MERGED, len(reasons) - 1, nodeid)
    elif _NOT_RUN.intersection((case.attributes.get("status"), case.attributes.get("result"))):
        outcome = TestOutcome.SKIPPED
    return TestResult(
        nodeid,
        outcome,
        start,
        duration,
        "",
        message,
        _crash(text) if outcome is not TestOutcome.SKIPPED else "",
        text,
        "".join(child.text for child in case.children if child.kind == "system-out"),
        "".join(child.text for child in case.children if child.kind == "system-err"),
        properties=case.properties,
    )


def _message(child: Child, text: str) -> str:
    given = child.attributes
    found = given.get("message") or next((s for s in text.splitlines() if s.strip()), "")
    return first_lines(found or given.get("type", "")).strip()


def _crash(text: str) -> str:
    failure = read_failure(text)
    return f"{failure.path}:{failure.line}" if failure.path else ""
