"""Filters of results: each keeps or drops single results of a session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from os.path import commonprefix
from typing import Any, ClassVar, Literal

import msgspec

from pytest_insight._util.override import override
from pytest_insight._util.wildcards import has_wildcard
from pytest_insight.filters.keywords import holds
from pytest_insight.models import Phase, TestOutcome, TestResult

TextField = Literal[
    "nodeid", "message", "crash", "longreprtext", "capstdout", "capstderr", "caplog", "worker"
]
"""The fields of a result that `PatternMatches` can search."""


class TestFilter(msgspec.Struct, frozen=True, tag_field="filter", forbid_unknown_fields=True):
    """Base class of the filters that keep or drop single results."""

    __test__: ClassVar[bool] = False  # not a test class, despite its name

    def matches(self, result: TestResult) -> bool:
        """Return whether the result is kept."""
        raise NotImplementedError

    @property
    def required_text(self) -> str:
        """A text that a text field of every kept result contains, or an empty text."""
        return ""


class OutcomeIn(TestFilter, frozen=True, tag="outcome"):
    """Keeps results with one of `outcomes`, which may be outcomes of other plugins."""

    outcomes: frozenset[TestOutcome]

    @override
    def matches(self, result: TestResult) -> bool:
        return result.outcome in self.outcomes


class PatternMatches(TestFilter, frozen=True, tag="pattern"):
    """Keeps results with a text field that fits a pattern; case-sensitive.

    The field fits if it contains the pattern literally or matches it as a whole as a shell
    wildcard: `test_a[1]` finds that nodeid, `*::test_*` many.

    Attributes:
        pattern: the text, wildcard or regular expression.
        field_name: the field.
        use_regex: the pattern is a regular expression, searched for with `re.search`.
    """

    pattern: str
    field_name: TextField = "nodeid"
    use_regex: bool = False

    @override
    def matches(self, result: TestResult) -> bool:
        text: str = getattr(result, self.field_name)
        if self.use_regex:
            return _compile_regex(self.pattern).search(text) is not None
        return self.pattern in text or fnmatchcase(text, self.pattern)

    @property
    @override
    def required_text(self) -> str:
        return "" if self.use_regex or has_wildcard(self.pattern) else self.pattern


class NodeidContains(TestFilter, frozen=True, tag="nodeid-contains"):
    """Keeps results whose nodeid contains `text`, literally; case-sensitive."""

    text: str

    @override
    def matches(self, result: TestResult) -> bool:
        return self.text in result.nodeid

    @property
    @override
    def required_text(self) -> str:
        return self.text


class NodeidUnder(TestFilter, frozen=True, tag="nodeid-under"):
    """Keeps results of the tests that `places` name: nodeids, classes, files and folders.

    `a.py::test_x` also means each `a.py::test_x[...]`, as for pytest. Places are relative to the
    root folder, as nodeids are, and without a slash at the end.
    """

    places: tuple[str, ...]

    @override
    def matches(self, result: TestResult) -> bool:
        return result.nodeid in self.places or result.nodeid.startswith(beginnings(self.places))

    @property
    @override
    def required_text(self) -> str:
        return commonprefix(self.places)  # noqa: RUF071 - characters are meant, not names


class KeywordsMatch(TestFilter, frozen=True, tag="keywords"):
    """Keeps results for whose names an expression holds, as for `pytest -k`; case-insensitive.

    The names are those in the nodeid: folders, file, classes, and the test with its parameters.
    pytest also looks at markers and other keywords, which are not recorded.
    """

    expression: str

    @override
    def matches(self, result: TestResult) -> bool:
        return holds(self.expression, result.nodeid)


class ErrorContains(TestFilter, frozen=True, tag="error-contains"):
    """Keeps results whose `message` or `longreprtext` contains `text`, literally."""

    text: str

    @override
    def matches(self, result: TestResult) -> bool:
        return self.text in result.longreprtext or self.text in result.message

    @property
    @override
    def required_text(self) -> str:
        return self.text


class OutputContains(TestFilter, frozen=True, tag="output-contains"):
    """Keeps results whose captured stdout, stderr or log contains `text`, literally."""

    text: str

    @override
    def matches(self, result: TestResult) -> bool:
        text = self.text
        return text in result.capstdout or text in result.capstderr or text in result.caplog

    @property
    @override
    def required_text(self) -> str:
        return self.text


class PhaseIs(TestFilter, frozen=True, tag="phase"):
    """Keeps results of a phase: of the setup, the call or the teardown."""

    phase: Phase

    @override
    def matches(self, result: TestResult) -> bool:
        return (result.phase or "call") == self.phase


class DurationBetween(TestFilter, frozen=True, tag="duration"):
    """Keeps results that took `shortest` to `longest` seconds.

    Both bounds are inclusive; None means that there is no such bound.
    """

    shortest: float | None = None
    longest: float | None = None

    @override
    def matches(self, result: TestResult) -> bool:
        return (self.shortest is None or result.duration >= self.shortest) and (
            self.longest is None or result.duration <= self.longest
        )


class TestHasWarning(TestFilter, frozen=True, tag="warning"):
    """Keeps results with a warning; if `wanted` is False, results without one."""

    wanted: bool = True

    @override
    def matches(self, result: TestResult) -> bool:
        return result.has_warning == self.wanted


class Custom(TestFilter, frozen=True, tag="custom"):
    """Keeps results for which a function returns something true.

    It runs after all other filters, cannot be saved and is never part of a database's query.
    Exceptions of the function are not caught.
    """

    predicate: Callable[[TestResult], Any]

    @override
    def matches(self, result: TestResult) -> bool:
        return bool(self.predicate(result))


AnyTestFilter = (
    OutcomeIn
    | PatternMatches
    | NodeidContains
    | NodeidUnder
    | KeywordsMatch
    | ErrorContains
    | OutputContains
    | PhaseIs
    | DurationBetween
    | TestHasWarning
    | Custom
)
"""All test filters as a union, which decodes a saved one to its class."""


def matching(
    filters: Iterable[TestFilter], results: Iterable[TestResult]
) -> tuple[TestResult, ...]:
    """Return the results that all filters keep, in their order."""
    # Filter by filter: a comprehension over one filter is twice as fast as all() per result.
    # Custom ones last: they see only what all other filters keep.
    for test_filter in sorted(filters, key=lambda f: isinstance(f, Custom)):
        matches = test_filter.matches
        results = [result for result in results if matches(result)]
    return tuple(results)


@lru_cache(maxsize=64)
def beginnings(places: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the nodeids of the tests in any of the places begin with."""
    within = [f"{place}{separator}" for place in places for separator in ("/", "::")]
    return (*within, *(f"{place}[" for place in places if "::" in place))


@lru_cache(maxsize=64)
def _compile_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
