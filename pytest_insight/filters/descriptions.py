"""Filters in words, for query plans: "outcome is failed or error"."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from pytest_insight._util.wildcards import literal
from pytest_insight.filters.results import (
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
)
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
    InRun,
    IsPinned,
    SessionFilter,
    SessionIdIn,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestingSystemIs,
)

MAX_NAMED = 5
"""The values of a list that are named; the others are counted."""

_FIELDS = {
    "longreprtext": "text",
    "capstdout": "captured stdout",
    "capstderr": "captured stderr",
    "caplog": "log",
    "crash": "place",
}
"""The fields of a result whose names are no words."""


def describe(wanted: SessionFilter | TestFilter) -> str:
    """Return what is asked of a session or a result; the `repr` of a filter that is not ours."""
    return _of_result(wanted) if isinstance(wanted, TestFilter) else _of_session(wanted)


def _of_session(wanted: SessionFilter) -> str:  # noqa: C901 - one case for each filter
    match wanted:
        case SutIs(pattern=pattern):
            return f"SUT {_is(pattern)}"
        case StartedWithin(seconds=math.inf):
            return "not dated in the future"
        case StartedWithin(seconds=seconds):
            return f"started in the last {seconds / SECONDS_PER_DAY:g} days"
        case StartedBetween(since=since, until=until):
            return f"started {_between(_time(since), _time(until))}"
        case HasTag(key=key, value=None):
            return f"has the tag {key!r}"
        case HasTag(key=key, value=value):
            return f"tag {key!r} is {value!r}"
        case SessionIdMatches(patterns=patterns):
            return f"ID {' or '.join(map(_is, patterns))}"
        case SessionIdIn(ids=ids):
            return f"ID is {_any_of(map(repr, sorted(ids)))}"
        case IsPinned(wanted=flag):
            return "is pinned" if flag else "is not pinned"
        case TestingSystemIs(key=key, pattern=pattern):
            return f"{key} {_is(pattern)}"
        case BranchIs(pattern=pattern):
            return f"branch {_is(pattern)}"
        case CommitIs(prefix=prefix):
            return f"commit begins with {prefix!r}"
        case InRun(run_id=None):
            return "is of no CI run"
        case InRun(run_id=run_id):
            return f"CI run is {run_id!r}"
        case _:
            return _of_results(wanted)


def _of_results(wanted: SessionFilter) -> str:
    match wanted:
        case HasOutcome(outcomes=outcomes):
            return f"outcome of a result is {_any_of(sorted(outcomes))}"
        case HasWarning(wanted=flag):
            return "has a warning" if flag else "has no warning"
        case HasReruns(wanted=flag):
            return "a test was run again" if flag else "no test was run again"
        case HasNodeidContaining(text=text):
            return f"a nodeid contains {text!r}"
        case HasTest(test_filters=()):
            return "has a result"
        case HasTest(test_filters=filters):
            return f"has a result whose {' and '.join(map(_of_result, filters))}"
        case _:
            return repr(wanted)


def _of_result(wanted: TestFilter) -> str:  # noqa: C901 - one case for each filter
    match wanted:
        case OutcomeIn(outcomes=outcomes):
            return f"outcome is {_any_of(sorted(outcomes))}"
        case PatternMatches(pattern=pattern, field_name=name, use_regex=True):
            return f"{_FIELDS.get(name, name)} matches the regular expression {pattern!r}"
        case PatternMatches(pattern=pattern, field_name=name):
            return f"{_FIELDS.get(name, name)} contains or matches {pattern!r}"
        case NodeidContains(text=text):
            return f"nodeid contains {text!r}"
        case NodeidUnder(places=places):
            return f"test is in {_any_of(map(repr, places))}"
        case KeywordsMatch(expression=expression):
            return f"names match the expression {expression!r}"
        case ErrorContains(text=text):
            return f"message or text contains {text!r}"
        case OutputContains(text=text):
            return f"captured output contains {text!r}"
        case PhaseIs(phase=phase):
            return f"phase is {phase}"
        case DurationBetween(shortest=shortest, longest=longest):
            return f"duration is {_between(_seconds(shortest), _seconds(longest))}"
        case TestHasWarning(wanted=flag):
            return "has a warning" if flag else "has no warning"
        case Custom(predicate=function):
            return f"{getattr(function, '__name__', function)}(result) is true"
        case _:
            return repr(wanted)


def _is(pattern: str) -> str:
    """Return "is TEXT", or "matches PATTERN" if the pattern has wildcards."""
    text = literal(pattern)
    return f"matches {pattern!r}" if text is None else f"is {text!r}"


def _any_of(values: Iterable[str]) -> str:
    """Return "a, b or c"; of many values the first ones and the number of the others."""
    named = list(values)
    if len(named) > MAX_NAMED:
        named[MAX_NAMED:] = [f"{len(named) - MAX_NAMED:,} others"]
    return " or ".join(filter(None, (", ".join(named[:-1]), *named[-1:]))) or "none"


def _between(lowest: str, highest: str) -> str:
    if lowest and highest:
        return f"from {lowest} to {highest}"
    return f"from {lowest}" if lowest else f"up to {highest}" if highest else "at any time"


def _time(time: datetime | None) -> str:
    return time.isoformat(timespec="seconds") if time else ""


def _seconds(duration: float | None) -> str:
    return "" if duration is None else f"{duration:g} s"
