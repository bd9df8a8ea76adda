"""The options that select tests, the same on every command."""

from __future__ import annotations

import enum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import msgspec

from pytest_insight._util.override import override
from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.kinds import choice_option, number_option, option
from pytest_insight.cli.options.places import TestsArgument, find_places
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.summaries import BAD

if TYPE_CHECKING:
    from pytest_insight.models import Phase
    from pytest_insight.query import Query, QueryTestFilter

TESTS = "Which tests"

_test = partial(option, rich_help_panel=TESTS)


def keywords_option(more: str = "", panel: str | None = TESTS) -> Any:
    """Return the option `-k`.

    Args:
        more: further words of its help.
        panel: the heading of the help under which it is.
    """
    return option(
        f"Only tests whose names match, as for pytest -k{more}.",
        "-k",
        metavar="EXPRESSION",
        example="'login and not slow'",
        autocompletion=candidates.keywords,
        rich_help_panel=panel,
    )


NodeidOption = Annotated[
    str | None,
    _test(
        "Only tests whose nodeid contains TEXT.",
        "--nodeid",
        metavar="TEXT",
        example="test_login",
        autocompletion=candidates.nodeids,
    ),
]


class TestPhase(enum.StrEnum):
    """The phases of a test."""

    __test__ = False

    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"


class TestOptions(msgspec.Struct, frozen=True):
    """Options about tests; a test must match all that are given."""

    __test__: ClassVar[bool] = False

    outcome: Annotated[
        list[str] | None,
        _test(
            "Only tests with this outcome. Repeatable.",
            "--outcome",
            metavar="NAME",
            example="failed",
            autocompletion=candidates.outcomes,
        ),
    ] = None
    failed: Annotated[
        bool, _test("Only tests that failed or had an error; adds to --outcome.", "--failed")
    ] = False
    phase: Annotated[
        TestPhase | None,
        choice_option(
            "Only results of this phase: {choices}.",
            TestPhase,
            "--phase",
            metavar="PHASE",
            rich_help_panel=TESTS,
            example="setup",
        ),
    ] = None
    keywords: Annotated[
        str | None,
        keywords_option(": parts of names with `and`, `or`, `not`. Markers are not recorded"),
    ] = None
    nodeid: NodeidOption = None
    regex: Annotated[bool, _test("Read --nodeid as a regular expression.", "--regex")] = False
    error: Annotated[
        str | None,
        _test(
            "Only tests whose failure contains TEXT.",
            "--error",
            metavar="TEXT",
            example="KeyError",
            autocompletion=candidates.errors,
        ),
    ] = None
    captured: Annotated[
        str | None,
        _test(
            "Only tests whose captured output contains TEXT.",
            "--captured",
            metavar="TEXT",
            example="'out of memory'",
            autocompletion=candidates.typed,
        ),
    ] = None
    min_duration: Annotated[
        float | None,
        number_option(
            "Only tests that took at least SECONDS.",
            "--min-duration",
            unit="seconds",
            metavar="SECONDS",
            rich_help_panel=TESTS,
            example="0.5",
        ),
    ] = None
    max_duration: Annotated[
        float | None,
        number_option(
            "Only tests that took at most SECONDS.",
            "--max-duration",
            unit="seconds",
            metavar="SECONDS",
            rich_help_panel=TESTS,
            example="2",
        ),
    ] = None
    warnings: Annotated[bool, _test("Only tests that raised a warning.", "--warnings")] = False

    def steps(self, query: Query) -> QueryTestFilter:
        """Return the options as test-level steps of the query.

        Raises:
            UsageError: `--regex` is given without `--nodeid`.
        """
        tests = self._names(query)
        if self.outcome:
            from pytest_insight.filters import arguments
            from pytest_insight.query.unknown_outcomes import check_outcomes

            check_outcomes(query.open_storage(), arguments.outcomes(self.outcome))
        if self.outcome or self.failed:
            tests = tests.with_outcome(*(self.outcome or ()), *(BAD if self.failed else ()))
        if self.phase is not None:
            tests = tests.with_phase(cast("Phase", str(self.phase)))
        if self.error is not None:
            tests = tests.with_error_containing(self.error)
        if self.captured is not None:
            tests = tests.with_output_containing(self.captured)
        if self.min_duration is not None or self.max_duration is not None:
            tests = tests.with_duration_between(self.min_duration, self.max_duration)
        return tests.with_warning() if self.warnings else tests

    def _names(self, query: Query) -> QueryTestFilter:
        """Return the options about names as test-level steps of the query."""
        tests = query.filter_by_test()
        if self.regex and self.nodeid is None:
            raise UsageError("--regex needs --nodeid, which it makes a regular expression")
        if self.keywords is not None:
            tests = tests.with_keywords(self.keywords)
        if self.nodeid is None:
            return tests
        if self.regex:
            return tests.with_pattern(self.nodeid, use_regex=True)
        return tests.with_nodeid_containing(self.nodeid)


class NamedTestOptions(TestOptions, frozen=True):
    """The options of commands that also take nodeids, files and folders, as pytest does."""

    tests: TestsArgument = None

    @override
    def _names(self, query: Query) -> QueryTestFilter:
        tests = super()._names(query)
        places = find_places(query, self.tests or ())
        return tests.with_nodeid(*places) if places else tests
