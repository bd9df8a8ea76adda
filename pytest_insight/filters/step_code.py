"""The code of the query step that adds a filter, for the `repr` of queries.

A session filter that no step adds is given to `with_session_filters`.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_insight.filters import (
    SECONDS_PER_DAY,
    BranchIs,
    CommitIs,
    Custom,
    DurationBetween,
    ErrorContains,
    HasNodeidContaining,
    HasOutcome,
    HasReruns,
    HasTag,
    HasTest,
    HasWarning,
    InRun,
    KeywordsMatch,
    NodeidContains,
    NodeidUnder,
    OutcomeIn,
    OutputContains,
    PatternMatches,
    PhaseIs,
    SessionFilter,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestFilter,
    TestHasWarning,
    TestingSystemIs,
)

_UNITS = ((SECONDS_PER_DAY, "days"), (3_600, "hours"), (60, "minutes"))


def session_step(wanted: SessionFilter) -> str:  # noqa: C901 - one case for each filter
    """Return the code of the step that adds a session filter: `.for_sut('api')`."""
    match wanted:
        case SutIs(pattern=pattern):
            return _call("for_sut", pattern)
        case StartedWithin(seconds=seconds):
            return _within(seconds)
        case StartedBetween(since=None, until=None):
            return f".with_session_filters({wanted!r})"
        case StartedBetween(since=since, until=None):
            return _call("after", since)
        case StartedBetween(since=None, until=until):
            return _call("before", until)
        case StartedBetween(since=since, until=until):
            return _call("between", since, until)
        case HasTag(key=key, value=value):
            return _call("with_session_tag", key, *(() if value is None else (value,)))
        case SessionIdMatches(patterns=patterns):
            return _call("with_session_id_pattern", *patterns)
        case TestingSystemIs(key=key, pattern=pattern):
            return _call("with_testing_system", {key: pattern})
        case BranchIs(pattern=pattern):
            return _call("with_branch", pattern)
        case CommitIs(prefix=prefix):
            return _call("with_commit", prefix)
        case InRun(run_id=str(run_id)):
            return _call("with_run", run_id)
        case HasOutcome(outcomes=outcomes):
            return _call("with_outcome", *sorted(map(str, outcomes)))
        case HasWarning(wanted=flag):
            return _call("with_warning", *_unless_true(flag))
        case HasReruns(wanted=flag):
            return _call("with_reruns", *_unless_true(flag))
        case HasNodeidContaining(text=text):
            return _call("test_nodeid_contains", text)
        case HasTest(test_filters=filters) if filters:
            return f".filter_by_test(){''.join(map(test_step, filters))}.whole_sessions()"
    return f".with_session_filters({wanted!r})"


_TEXT_STEPS: dict[type[TestFilter], str] = {
    NodeidContains: "with_nodeid_containing",
    ErrorContains: "with_error_containing",
    OutputContains: "with_output_containing",
}


def test_step(wanted: TestFilter) -> str:  # noqa: C901 - one case for each filter
    """Return the code of the step that adds a test filter: `.with_outcome('failed')`."""
    match wanted:
        case OutcomeIn(outcomes=outcomes):
            return _call("with_outcome", *sorted(map(str, outcomes)))
        case PatternMatches(pattern=pattern, field_name=field, use_regex=use_regex):
            regex = {"use_regex": True} if use_regex else {}
            return _call("with_pattern", pattern, *(() if field == "nodeid" else (field,)), **regex)
        case NodeidContains(text=text) | ErrorContains(text=text) | OutputContains(text=text):
            return _call(_TEXT_STEPS[type(wanted)], text)
        case NodeidUnder(places=places):
            return _call("with_nodeid", *places)
        case KeywordsMatch(expression=expression):
            return _call("with_keywords", expression)
        case PhaseIs(phase=phase):
            return _call("with_phase", phase)
        case DurationBetween(shortest=None, longest=longest):
            return _call("with_duration_between", longest=longest)
        case DurationBetween(shortest=shortest, longest=longest):
            bounds = (shortest,) if longest is None else (shortest, longest)
            return _call("with_duration_between", *bounds)
        case TestHasWarning(wanted=flag):
            return _call("with_warning", *_unless_true(flag))
        case Custom(predicate=predicate):
            return _call("with_custom_filter", predicate)
    return f".with_custom_filter({wanted!r}.matches)"  # of a class outside this package


def _within(seconds: float) -> str:
    """Use the largest unit that gives a whole number, so that the value stays exact."""
    for length, unit in _UNITS:
        if seconds and seconds % length == 0:
            return f".in_last_{unit}({int(seconds // length)})"
    return _call("in_last_seconds", seconds)


def _unless_true(flag: bool) -> Iterable[bool]:
    return () if flag else (False,)


def _call(step: str, *args: object, **kwargs: object) -> str:
    shown = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    return f".{step}({', '.join(shown)})"
