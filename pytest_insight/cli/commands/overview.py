"""`insight` without a command: the project in this folder at a glance, and what to do next."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from pytest_insight.cli.options.project import project_scope
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.render.overview import overview_lines
from pytest_insight.cli.render.store import has_sessions, origin
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.cli.terminal.styled import styled
from pytest_insight.filters import AnySessionFilter, BranchIs, Selection, SutIs
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.summaries import SessionSummary

MAX_RUNS = 30
"""The runs that are looked at, the newest ones."""
MAX_RESULTS = 60_000
"""The results on which verdicts are based, which take half a second; others read all."""
LEAST_RUNS = 5
"""Verdicts need as many runs."""

NEXT = (
    ("insight failures", "what failed in the last run, and why"),
    ("insight verdicts", "what is broken, flaky or slower"),
    ("insight history TEST", "the runs of one test"),
    ("insight sessions list", "the newest runs"),
    ("insight --help", "everything else"),
)
FIRST = (
    ("pytest --insight", "record a run"),
    ("insight import FILE", "import sessions of another machine"),
    ("insight --help", "everything else"),
)


def print_overview(storage: BaseStorage) -> None:
    """Print a few lines on stdout."""
    scope = project_scope(storage)
    if scope.newest is None:
        some = has_sessions(storage)
        none = "no session with results, not dated in the future," if some else "no sessions"
        print_styled(styled(f"{none} yet in {origin(storage)}: run pytest --insight"))
        _print_steps(FIRST)
        return
    last = find_session(storage, "last", scope)
    print_styled(*overview_lines(last, _runs(storage, last), _verdicts(storage, last)))
    total = plural(storage.count(), "session")
    print_styled(styled(""), styled(f"{total} in {origin(storage)}", style="dim"))
    _print_steps(NEXT)


def _runs(storage: BaseStorage, last: TestSession) -> list[SessionSummary]:
    """Return the newest runs of the last run's SUT and branch, in time order."""
    code = last.code_state
    filters: list[AnySessionFilter] = [SutIs(glob.escape(last.sut_name))]
    if code and code.branch:
        filters.append(BranchIs(glob.escape(code.branch)))
    return storage.session_summaries(Selection(tuple(filters), limit=MAX_RUNS))


def _verdicts(storage: BaseStorage, last: TestSession) -> Verdicts:
    """Return the verdicts of the newest runs of the SUT; none if the suite is very large."""
    from pytest_insight import analyze
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.query import Query

    count = min(MAX_RUNS, MAX_RESULTS // max(len(last.test_results), 1))
    if count < LEAST_RUNS:
        return Verdicts(())
    newest = Selection((SutIs(glob.escape(last.sut_name)),), limit=count)
    return analyze.verdicts(Query(newest, storage=storage))


def _print_steps(steps: tuple[tuple[str, str], ...]) -> None:
    widest = max(len(command) for command, _ in steps)
    print_styled(styled(""))
    for command, what in steps:
        print_styled(styled(f"  {command:{widest}}  ", styled(what, style="dim")))
