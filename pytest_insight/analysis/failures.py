"""The failures of one session, those with the same cause together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules, headline
from pytest_insight.models import TestResult
from pytest_insight.summaries import BAD

_SUM = re.compile(r"contains \d+ failed subtests?")
"""What pytest says of a test that did not fail itself (`_pytest.subtests`)."""

_SUBTEST = re.compile(r"subtest((?: \[.*\])?(?: \(.*\))?)")
"""The first line of the text of a subtest (`_util.report_text.subtest_title`)."""


def subtest_of(result: TestResult) -> str:
    """Return the name of a failed subtest: "subtest [message] (n=1)"; "" for another result."""
    if not result.longreprtext.startswith("subtest"):
        return ""
    first = _SUBTEST.fullmatch(result.longreprtext.partition("\n")[0])
    return first[0] if first else ""


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
    """Return the groups of the results that failed or had an error, the largest first.

    A test that failed only because of its subtests is left out: they are there themselves.
    """
    bad = [result for result in results if result.outcome in BAD]
    with_subtests = {result.nodeid for result in bad if subtest_of(result)}
    groups: dict[str, list[TestResult]] = {}
    for result in bad:
        is_sum = result.nodeid in with_subtests and _SUM.fullmatch(result.message)
        if not is_sum:
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
