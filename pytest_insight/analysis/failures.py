"""The failures of one session, those with the same message at the same place together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight.models import TestResult
from pytest_insight.summaries import BAD


class FailureGroup(NamedTuple):
    """Results that failed in the same way.

    Attributes:
        message: the first line of their message.
        crash: the place of the crash, as `path:line`; empty if that is unknown.
        results: in the order in which they were reported; at least one.
    """

    message: str
    crash: str
    results: tuple[TestResult, ...]


def failure_groups(results: Iterable[TestResult]) -> list[FailureGroup]:
    """Return the groups of the results that failed or had an error, the largest first."""
    groups: dict[tuple[str, str], list[TestResult]] = {}
    for result in results:
        if result.outcome in BAD:
            groups.setdefault((headline(result), result.crash), []).append(result)
    found = [FailureGroup(*key, tuple(group)) for key, group in groups.items()]
    return sorted(found, key=lambda group: -len(group.results))


def headline(result: TestResult) -> str:
    """Return the first line of a result's message.

    Results that were stored without a message have the last line of their text that pytest marked
    as part of the exception, else their last line.
    """
    if result.message:
        return result.message.partition("\n")[0]
    lines = [line for line in result.longreprtext.splitlines() if line.strip()]
    marked = [line[1:] for line in lines if line.startswith("E  ")]
    return (marked or lines or [""])[-1].strip()
