"""`QueryTestFilter`: the test-level steps of a query, between `filter_by_test()` and `apply()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from msgspec.structs import replace

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    AnyTestFilter,
    Custom,
    DurationBetween,
    ErrorContains,
    HasTest,
    NodeidContains,
    OutcomeIn,
    OutputContains,
    PatternMatches,
    TestFilter,
    TestHasWarning,
    TextField,
    arguments,
)
from pytest_insight.models import TestOutcome, TestResult

if TYPE_CHECKING:
    from pytest_insight.query.query import Query


class QueryTestFilter(msgspec.Struct, frozen=True):
    """Which tests of the sessions; immutable like `Query`, and all steps must match.

    Sessions of which no test is left drop out of the answer.

    Raises (every step):
        InvalidArgumentError: an argument that can never match or make sense.
    """

    __test__: ClassVar[bool] = False

    query: Query
    filters: tuple[TestFilter, ...] = ()

    def with_outcome(self, *outcomes: str | TestOutcome) -> QueryTestFilter:
        """With one of these outcomes."""
        return self._and(OutcomeIn(arguments.outcomes(outcomes)))

    def with_pattern(
        self, pattern: str, field_name: TextField = "nodeid", use_regex: bool = False
    ) -> QueryTestFilter:
        """With a text field that fits a pattern.

        Args:
            pattern: stands somewhere in the field, or matches all of it as a shell wildcard.
            field_name: the field.
            use_regex: the pattern is a regular expression, searched for.
        """
        pattern = arguments.text("pattern", pattern)
        field = arguments.text_field(field_name)
        if arguments.flag("use_regex", use_regex):
            arguments.regex(pattern)
        return self._and(PatternMatches(pattern, field, use_regex))

    def with_nodeid_containing(self, text: str) -> QueryTestFilter:
        """With a nodeid that contains the text, literally."""
        return self._and(NodeidContains(arguments.text("text", text)))

    def with_error_containing(self, text: str) -> QueryTestFilter:
        """With a failure whose text contains this, literally."""
        return self._and(ErrorContains(arguments.text("text", text)))

    def with_output_containing(self, text: str) -> QueryTestFilter:
        """With captured stdout, stderr or log (any of the three) that contains the text."""
        return self._and(OutputContains(arguments.text("text", text)))

    def with_duration_between(
        self, shortest: float | None = None, longest: float | None = None
    ) -> QueryTestFilter:
        """That took so many seconds, both bounds inclusive; None leaves a side open."""
        if shortest is not None:
            arguments.number("the shortest duration", shortest)
        if longest is not None:
            arguments.number("the longest duration", longest)
        if shortest is None and longest is None:
            raise InvalidArgumentError("give a shortest or a longest duration")
        if shortest is not None and longest is not None and shortest > longest:
            raise InvalidArgumentError(
                f"the shortest duration {shortest} is more than the longest {longest}"
            )
        return self._and(DurationBetween(shortest, longest))

    def with_warning(self, has_warning: bool = True) -> QueryTestFilter:
        """That had a warning; with False, that had none."""
        return self._and(TestHasWarning(arguments.flag("has_warning", has_warning)))

    def with_custom_filter(self, predicate: Callable[[TestResult], Any]) -> QueryTestFilter:
        """For which a function returns something true; it runs after all other filters."""
        if not callable(predicate):
            raise InvalidArgumentError(f"a custom filter is a function, not {predicate!r}")
        return self._and(Custom(predicate))

    def apply(self) -> Query:
        """Back to the query, which now has these steps."""
        return self.query.with_test_filters(*self.filters)

    def whole_sessions(self) -> Query:
        """Back to the query, which now keeps, whole, the sessions that have a matching test."""
        return (
            self.query.with_session_filters(
                HasTest(cast("tuple[AnyTestFilter, ...]", self.filters))
            )
            if self.filters
            else self.query
        )

    def _and(self, test_filter: TestFilter) -> QueryTestFilter:
        return replace(self, filters=(*self.filters, test_filter))
