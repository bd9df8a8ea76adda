"""Filters of single results, and what several of them together keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, ClassVar, Literal

import msgspec

from pytest_insight.models import TestOutcome, TestResult

TextField = Literal["nodeid", "longreprtext", "capstdout", "capstderr", "caplog", "worker"]
"""The fields of a result that a pattern can be looked for in."""


class TestFilter(msgspec.Struct, frozen=True, tag_field="filter", forbid_unknown_fields=True):
    """Keeps or drops single results."""

    __test__: ClassVar[bool] = False

    def matches(self, result: TestResult) -> bool:
        """Whether the result is kept."""
        raise NotImplementedError


class OutcomeIn(TestFilter, frozen=True, tag="outcome"):
    """The outcome is one of `outcomes`."""

    outcomes: frozenset[TestOutcome]

    def matches(self, result: TestResult) -> bool:
        """By name, so that outcomes of other plugins match too."""
        return result.outcome in self.outcomes


class PatternMatches(TestFilter, frozen=True, tag="pattern"):
    """A text field fits a pattern.

    A plain pattern fits where it stands anywhere in the field, or matches the whole field as a
    shell wildcard; so `test_a[1]` finds that nodeid and `*::test_*` finds many. With `use_regex` it
    is a regular expression, searched for.
    """

    pattern: str
    field_name: TextField = "nodeid"
    use_regex: bool = False

    def matches(self, result: TestResult) -> bool:
        """Case-sensitive, unless the expression says otherwise."""
        text: str = getattr(result, self.field_name)
        if self.use_regex:
            return _compiled(self.pattern).search(text) is not None
        return self.pattern in text or fnmatchcase(text, self.pattern)


class NodeidContains(TestFilter, frozen=True, tag="nodeid-contains"):
    """The nodeid contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """Literal and case-sensitive."""
        return self.text in result.nodeid


class ErrorContains(TestFilter, frozen=True, tag="error-contains"):
    """The failure's text (`longreprtext`) contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """Literal and case-sensitive."""
        return self.text in result.longreprtext


class OutputContains(TestFilter, frozen=True, tag="output-contains"):
    """Any of the captured stdout, stderr and log contains `text`."""

    text: str

    def matches(self, result: TestResult) -> bool:
        """One of the three is enough."""
        text = self.text
        return text in result.capstdout or text in result.capstderr or text in result.caplog


class DurationBetween(TestFilter, frozen=True, tag="duration"):
    """Took at least `shortest` and at most `longest` seconds; None leaves that side open."""

    shortest: float | None = None
    longest: float | None = None

    def matches(self, result: TestResult) -> bool:
        """Both bounds are inclusive."""
        return (self.shortest is None or result.duration >= self.shortest) and (
            self.longest is None or result.duration <= self.longest
        )


class TestHasWarning(TestFilter, frozen=True, tag="warning"):
    """A warning was recorded while the test ran; with `wanted=False`, none was."""

    wanted: bool = True

    def matches(self, result: TestResult) -> bool:
        """By the result's own flag."""
        return result.has_warning == self.wanted


class Custom(TestFilter, frozen=True, tag="custom"):
    """A function says so. Cannot be saved or pushed down; backends run it after everything else."""

    predicate: Callable[[TestResult], Any]

    def matches(self, result: TestResult) -> bool:
        """Whatever the function returns, as a truth value; its exceptions are the caller's."""
        return bool(self.predicate(result))


AnyTestFilter = (
    OutcomeIn
    | PatternMatches
    | NodeidContains
    | ErrorContains
    | OutputContains
    | DurationBetween
    | TestHasWarning
    | Custom
)
"""All of them by name, so that one is read back from JSON as what it was."""


def matching(
    filters: Iterable[TestFilter], results: Iterable[TestResult]
) -> tuple[TestResult, ...]:
    """The results that all of the filters match, in their order."""
    # Filter by filter: a comprehension over one filter is twice as fast as all() per result.
    # Custom ones last: they see only what everything else keeps.
    for test_filter in sorted(filters, key=lambda f: isinstance(f, Custom)):
        matches = test_filter.matches
        results = [result for result in results if matches(result)]
    return tuple(results)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
