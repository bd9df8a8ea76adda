"""The failures of one session, those with the same cause together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules, headline
from pytest_insight.models import TestResult
from pytest_insight.summaries import BAD


class FailureGroup(NamedTuple):
    """Results that failed for one cause.

    Attributes:
        cause: its key.
        message: the first line of the message of the first result.
        crashes: the places of the crashes, as `path:line`, each once; unknown ones are left out.
        results: in the order in which they were reported; at least one.
    """

    cause: str
    message: str
    crashes: tuple[str, ...]
    results: tuple[TestResult, ...]


def failure_groups(
    results: Iterable[TestResult], rules: CauseRules = DEFAULT_RULES
) -> list[FailureGroup]:
    """Return the groups of the results that failed or had an error, the largest first."""
    groups: dict[str, list[TestResult]] = {}
    for result in results:
        if result.outcome in BAD:
            cause = rules.cause_of(result.phase, headline(result))
            groups.setdefault(cause.key, []).append(result)
    found = [
        FailureGroup(
            key,
            headline(group[0]),
            tuple(dict.fromkeys(result.crash for result in group if result.crash)),
            tuple(group),
        )
        for key, group in groups.items()
    ]
    return sorted(found, key=lambda group: -len(group.results))
