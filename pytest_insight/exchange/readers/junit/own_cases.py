"""The results of test cases that `insight export` wrote: properties say what JUnit XML cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines, read_failure
from pytest_insight.exchange.losses import Losses
from pytest_insight.exchange.readers.junit.elements import ATTEMPTS, Case, Child
from pytest_insight.exchange.readers.junit.other_cases import attempts_of
from pytest_insight.exchange.readers.junit.pytest_cases import PLACE, captured, results_of
from pytest_insight.models import TestOutcome, TestResult

PREFIX = "insight."
"""How the names of our properties begin."""
NODEID, OUTCOME = f"{PREFIX}nodeid", f"{PREFIX}outcome"
_TITLE = re.compile(r"^-+ .{1,200} in (setup|call|teardown) -+$\n", re.MULTILINE)
"""What stands above the text of each result if a test has several."""


def is_own(case: Case) -> bool:
    """Return whether `insight export` wrote a test case."""
    return bool(case.properties) and case.properties[0][0] == NODEID


def own_results(case: Case, start: datetime, duration: float, losses: Losses) -> list[TestResult]:
    """Return the attempts and results of a test case.

    Args:
        case: the test case; its first property is the nodeid.
        start: the start of the session.
        duration: of the case; the first result gets it.
        losses: what is lost is counted there.
    """
    nodeid = case.properties[0][1] or "?"
    outcomes = [value for name, value in case.properties if name == OUTCOME and value]
    case.properties = [pair for pair in case.properties if not pair[0].startswith(PREFIX)]
    attempts = attempts_of(case, nodeid, start, losses)
    elements = (child for child in case.children if child.kind in ATTEMPTS)
    again = [
        replace(attempt, **{"capstdout": "", "capstderr": ""} | captured(list(_parts(element))))
        for attempt, element in zip(attempts, elements, strict=True)
    ]
    worst = results_of(case, nodeid, start, duration, Losses())[-1]
    if worst.outcome is TestOutcome.XFAILED:  # unlike pytest, we write its text
        worst = _expected(worst, case.reasons()[-1].text)
    has_phase = any(
        each.attributes.get("message", "")[:10] == "failed on " for each in case.reasons()
    )
    results = [
        replace(
            worst,
            phase=worst.phase if has_phase else "",
            properties=tuple(case.properties),
            duration=0.0,
        ),
        *(TestResult(nodeid, TestOutcome.PASSED, start) for _ in outcomes[1:]),
    ]
    _, *blocks = _TITLE.split(worst.longreprtext)
    if outcomes[1:]:  # the worst first, as their texts are
        for number, (phase, text) in enumerate(zip(blocks[::2], blocks[1::2], strict=True)):
            if number < len(results):
                results[number] = _with_failure(results[number], phase, text.removesuffix("\n"))
    results = [
        replace(result, outcome=TestOutcome(outcome))
        for result, outcome in zip(results, outcomes or [worst.outcome], strict=True)
    ][::-1]
    results[0] = replace(results[0], duration=duration)
    return [*again, *results]


def _expected(result: TestResult, text: str) -> TestResult:
    """Return an expected failure with its text, before which its place may stand."""
    found = PLACE.match(text.partition("\n")[0])
    if found is None:
        return replace(result, longreprtext=text)
    place = f"{found['path']}:{found['line']}"
    return replace(result, crash=place, longreprtext=text.removeprefix(f"{place}: "))


def _parts(element: Child) -> Iterator[Child]:
    return (Child(name, {}, text) for name, text in element.parts.items())


def _with_failure(result: TestResult, phase: str, text: str) -> TestResult:
    """Return a result with a phase, and with the text of its failure."""
    failure = read_failure(text)
    return replace(
        result,
        phase="" if phase == "call" else phase,
        message=result.message or first_lines(failure.message or text),
        crash=f"{failure.path}:{failure.line}" if failure.path else "",
        longreprtext=text,
    )
