"""What changed: this branch against main, two sessions, two weeks, a file.

    from pytest_insight import compare, query

    result = compare.against("main").execute()          # the last session of this project
    result.new_failures, result.failing_differently, result.fixed, result.ok

    query.latest().compare_to(query.with_commit("dc0d61a"))

The rules are in the topic `compare` of the manual.
"""

from __future__ import annotations

from pytest_insight.analysis.comparison.result import Comparison
from pytest_insight.analysis.comparison.values import (
    Change,
    ChangeGroup,
    EnvironmentDifference,
    NotRun,
    Pace,
    Rates,
    Side,
    SideKind,
    TestChange,
    WindowFacts,
)
from pytest_insight.compare.steps import Compare

__all__ = [
    "Change",
    "ChangeGroup",
    "Compare",
    "Comparison",
    "EnvironmentDifference",
    "NotRun",
    "Pace",
    "Rates",
    "Side",
    "SideKind",
    "TestChange",
    "WindowFacts",
    "against",
    "execute",
    "of",
    "on_storage",
]


def __dir__() -> list[str]:
    return list(__all__)


_default = Compare()

against = _default.against
of = _default.of
on_storage = _default.on_storage
execute = _default.execute
