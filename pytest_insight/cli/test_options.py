"""The options that select tests, for the commands that look at tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
import typer

if TYPE_CHECKING:
    from pytest_insight.query.query import Query

TESTS = "Which tests"


def _test(help_: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=TESTS, **more)


class TestOptions(msgspec.Struct, frozen=True):
    """Which tests of the sessions."""

    __test__: ClassVar[bool] = False

    outcome: Annotated[
        list[str] | None,
        _test("With this outcome; may be repeated.", "--outcome", "-o", metavar="NAME"),
    ] = None
    nodeid: Annotated[
        str | None,
        _test("With a nodeid that contains this.", "--nodeid", "-k", metavar="TEXT"),
    ] = None
    regex: Annotated[bool, _test("Read --nodeid as a regular expression.", "--regex")] = False
    error: Annotated[
        str | None,
        _test("With a failure whose text contains this.", "--error", metavar="TEXT"),
    ] = None
    output: Annotated[
        str | None,
        _test("With captured output that contains this.", "--output", metavar="TEXT"),
    ] = None
    min_duration: Annotated[
        float | None, _test("That took at least so long.", "--min-duration", metavar="SECONDS")
    ] = None
    max_duration: Annotated[
        float | None, _test("That took at most so long.", "--max-duration", metavar="SECONDS")
    ] = None
    warnings: Annotated[bool, _test("With a warning.", "--warnings")] = False
    reruns: Annotated[bool, _test("In sessions where a test was run again.", "--reruns")] = False

    def narrow(self, query: Query) -> Query:
        """The query with these options as steps."""
        tests = query.filter_by_test()
        if self.outcome:
            tests = tests.with_outcome(*self.outcome)
        if self.nodeid is not None:
            if self.regex:
                tests = tests.with_pattern(self.nodeid, use_regex=True)
            else:
                tests = tests.with_nodeid_containing(self.nodeid)
        if self.error is not None:
            tests = tests.with_error_containing(self.error)
        if self.output is not None:
            tests = tests.with_output_containing(self.output)
        if self.min_duration is not None or self.max_duration is not None:
            tests = tests.with_duration_between(self.min_duration, self.max_duration)
        if self.warnings:
            tests = tests.with_warning()
        query = tests.apply()
        return query.with_reruns() if self.reruns else query
