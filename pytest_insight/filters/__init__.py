"""Filters: what a query keeps, as data that can be executed, pushed down, saved and compared.

A session filter keeps or drops a whole session, a test filter keeps or drops single results, and a
`Selection` combines them with a limit. The `matches` methods here define what each filter means; a
storage may compute the same in another way. Times are compared as instants.
"""

from pytest_insight.filters.results import (
    AnyTestFilter,
    Custom,
    DurationBetween,
    ErrorContains,
    KeywordsMatch,
    NodeidContains,
    NodeidUnder,
    OutcomeIn,
    OutputContains,
    PatternMatches,
    PhaseIs,
    TestFilter,
    TestHasWarning,
    TextField,
)
from pytest_insight.filters.selection import Selection
from pytest_insight.filters.sessions import (
    ANY_TIME,
    MAX_AHEAD,
    SECONDS_PER_DAY,
    AnySessionFilter,
    BranchIs,
    CommitIs,
    HasNodeidContaining,
    HasOutcome,
    HasReruns,
    HasTag,
    HasTest,
    HasWarning,
    InRun,
    IsPinned,
    SessionFilter,
    SessionIdIn,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestingSystemIs,
    all_match,
    ci_run_id,
    same_run,
)

__all__ = [
    "ANY_TIME",
    "MAX_AHEAD",
    "SECONDS_PER_DAY",
    "AnySessionFilter",
    "AnyTestFilter",
    "BranchIs",
    "CommitIs",
    "Custom",
    "DurationBetween",
    "ErrorContains",
    "HasNodeidContaining",
    "HasOutcome",
    "HasReruns",
    "HasTag",
    "HasTest",
    "HasWarning",
    "InRun",
    "IsPinned",
    "KeywordsMatch",
    "NodeidContains",
    "NodeidUnder",
    "OutcomeIn",
    "OutputContains",
    "PatternMatches",
    "PhaseIs",
    "Selection",
    "SessionFilter",
    "SessionIdIn",
    "SessionIdMatches",
    "StartedBetween",
    "StartedWithin",
    "SutIs",
    "TestFilter",
    "TestHasWarning",
    "TestingSystemIs",
    "TextField",
    "all_match",
    "ci_run_id",
    "same_run",
]


def __dir__() -> list[str]:
    return __all__
