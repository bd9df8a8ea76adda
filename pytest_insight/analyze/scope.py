"""What is judged: the sessions, SUTs and lines of development that a selection means."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from msgspec.structs import replace

from pytest_insight._util.wildcards import literal
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.runs import WINDOW
from pytest_insight.analyze.branches import find_line
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    BranchIs,
    KeywordsMatch,
    NodeidContains,
    NodeidUnder,
    PatternMatches,
    Selection,
    SessionFilter,
    SessionIdMatches,
    StartedBetween,
    StartedWithin,
    SutIs,
    TestFilter,
)
from pytest_insight.profiles.project import Project, find_project

if TYPE_CHECKING:
    from pytest_insight.models import TestResult
    from pytest_insight.storage.base import BaseStorage


class Asked(Protocol):
    """What an analysis reads of a `query.Query`, which can be asked for its analysis."""

    @property
    def selection(self) -> Selection:
        """The filters."""

    def open_storage(self) -> BaseStorage:
        """Return the storage that is asked."""


WINDOW_SECONDS = WINDOW.total_seconds()
"""The sessions that are judged if the query has no step about times or sessions."""

ANY_BRANCH = BranchIs("*")
"""Judge all runs as one line, also those without a branch."""

"""What `glob.escape` writes."""

_ABOUT_NAMES = (NodeidContains, NodeidUnder, KeywordsMatch)
_ABOUT_TIME = (StartedWithin, StartedBetween, SessionIdMatches)


def name_filters(selection: Selection) -> tuple[TestFilter, ...]:
    """Return the test filters, which choose the tests whose verdicts are returned.

    Raises:
        InvalidArgumentError: one is not about names.
    """
    for each in selection.test_filters:
        by_name = isinstance(each, PatternMatches) and each.field_name == "nodeid"
        if not by_name and not isinstance(each, _ABOUT_NAMES):
            raise InvalidArgumentError(
                f"a verdict needs all runs of a test, so that {type(each).__name__} cannot choose "
                "among them; leave that step out"
            )
    return selection.test_filters


def has_name(filters: Iterable[TestFilter], nodeid: str) -> bool:
    """Return whether filters by name keep a test."""
    named = cast("TestResult", _Named(nodeid))
    return all(each.matches(named) for each in filters)


class _Named(NamedTuple):
    """What filters by name read of a result."""

    nodeid: str


def with_window(selection: Selection) -> Selection:
    """Return the selection, of the last `WINDOW_SECONDS` if it does not say."""
    filters = selection.session_filters
    if selection.limit is not None or any(isinstance(each, _ABOUT_TIME) for each in filters):
        return selection
    return replace(selection, session_filters=(*filters, StartedWithin(WINDOW_SECONDS)))


def sut_names(storage: BaseStorage, selection: Selection) -> list[str]:
    """Return the SUTs that a selection means."""
    patterns = [each for each in selection.session_filters if isinstance(each, SutIs)]
    named = named_sut(patterns)
    names = storage.sut_names() if named is None else [named]
    return [name for name in names if all(each.names(name) for each in patterns)]


def named_sut(filters: Iterable[SessionFilter]) -> str | None:
    """Return the SUT that filters name; None if they name none, or with wildcards only."""
    patterns = (literal(each.pattern) for each in filters if isinstance(each, SutIs))
    return next((name for name in patterns if name is not None), None)


def line_of(storage: BaseStorage, asked: Selection, sut: str) -> tuple[Line, Selection]:
    """Return the line that is judged, and the sessions that are looked at for it."""
    of_sut = SutIs(glob.escape(sut))
    whole = replace(asked, session_filters=(*asked.session_filters, of_sut))
    others = without_line(whole)
    branches = [each for each in whole.session_filters if isinstance(each, BranchIs)]
    if branches == [ANY_BRANCH]:
        return ALL_RUNS, others
    branch = None
    if not branches:
        newest = storage.session_summaries(replace(whole, limit=1))  # reads no results, in SQL
        code = newest[0].session.code_state if newest else None
        branch = code.branch if code else None
    elif others != whole:
        branch = literal(branches[0].pattern)
    if not branch:
        return ALL_RUNS, whole
    return line_of_branch(storage, sut, branch, is_known=not branches), others


def without_line(asked: Selection) -> Selection:
    """Return the selection without the filter that names the line, if there is one.

    A pattern with wildcards does not: only the runs that match it are looked at.
    """
    branches = [each for each in asked.session_filters if isinstance(each, BranchIs)]
    is_line = len(branches) == 1 and literal(branches[0].pattern) and asked.limit is None
    if branches != [ANY_BRANCH] and not is_line:
        return asked
    others = tuple(each for each in asked.session_filters if not isinstance(each, BranchIs))
    return replace(asked, session_filters=others)


def line_of_branch(storage: BaseStorage, sut: str, branch: str, *, is_known: bool) -> Line:
    """Return the line of a branch, of which it may be known that it has runs."""
    of_sut = SutIs(glob.escape(sut))
    on_branch = Selection((of_sut, BranchIs(glob.escape(branch))))
    if not is_known and not storage.session_ids(replace(on_branch, limit=1)):
        return Line(branch)

    def has_runs(name: str) -> bool:
        one = Selection((of_sut, BranchIs(name)), limit=1)
        return name == branch or bool(storage.session_ids(one))

    def began() -> datetime:
        first = next(storage.iter_sessions(on_branch), None)
        return datetime.now(UTC) if first is None else first.session_start_time  # deleted since

    project = project_of(sut)
    return find_line(
        branch,
        began,
        has_runs,
        project.root if project else None,
        reference=f"refs/heads/{branch}",
    )


def project_of(sut: str) -> Project | None:
    """Return the project in the current folder if it has this SUT.

    Raises:
        InsightError: its configuration cannot be read.
    """
    project = find_project()
    return project if project is not None and project.sut_name == sut else None


def project_rules() -> CauseRules:
    """Return the rules for causes, with the masks of the project in the current folder.

    Raises:
        InsightError: the configuration of the project cannot be read, or a mask is wrong.
    """
    project = find_project()
    return DEFAULT_RULES if project is None else CauseRules(project.cause_masks)
