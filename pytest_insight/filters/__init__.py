"""Filters as data: what a query keeps, said so that it can be run, pushed down, printed, compared.

A session filter has `matches(session)` and keeps or drops a whole session; a test filter has
`matches(result)` and keeps or drops single results. A `Selection` is a set of them and a limit. The
methods here are the meaning of each filter; a backend may compute the same in another way.

Times are compared as instants; "contains" is literal and case-sensitive; bounds are inclusive.
"""

from pytest_insight.filters.selection import Selection
from pytest_insight.filters.sessions import (
    SECONDS_PER_DAY,
    BranchIs,
    CommitIs,
    HasNodeidContaining,
    HasOutcome,
    HasReruns,
    HasTag,
    HasTest,
    HasWarning,
    IsPinned,
    SessionFilter,
    SessionIdIn,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestingSystemIs,
    all_match,
)
from pytest_insight.filters.tests import (
    AnyTestFilter,
    Custom,
    DurationBetween,
    ErrorContains,
    NodeidContains,
    OutcomeIn,
    OutputContains,
    PatternMatches,
    TestFilter,
    TestHasWarning,
    TextField,
)

__all__ = [
    "SECONDS_PER_DAY",
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
    "IsPinned",
    "NodeidContains",
    "OutcomeIn",
    "OutputContains",
    "PatternMatches",
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
]
