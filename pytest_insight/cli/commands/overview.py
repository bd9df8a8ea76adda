"""`insight` without a command: the project in this folder at a glance, and what to do next."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.cli.options.project import project_scope
from pytest_insight.cli.options.session_names import find_session
from pytest_insight.cli.render.overview import overview_lines
from pytest_insight.cli.render.store import has_sessions, origin
from pytest_insight.cli.terminal.damage import refuse_empty_answer
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.cli.terminal.styled import styled
from pytest_insight.filters import AnySessionFilter, BranchIs, Selection, StartedWithin, SutIs
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage
    from pytest_insight.summaries import SessionSummary

MAX_RUNS = 30
"""The runs that are looked at, the newest ones."""
MAX_RESULTS = 60_000
"""The results on which verdicts are based; others read all."""
MAX_TIMED = 10_000
"""The results whose durations are compared, which takes longest."""
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
        refuse_empty_answer("session")
        none = "no session with results, not dated in the future," if some else "no sessions"
        print_styled(styled(f"{none} yet in {origin(storage)}: run pytest --insight"))
        _print_steps(FIRST)
        return
    last = find_session(storage, "last", scope)
    found, count = _verdicts(storage, last)
    print_styled(*overview_lines(last, _runs(storage, last), found, count))
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


def _verdicts(storage: BaseStorage, last: TestSession) -> tuple[Verdicts, int]:
    """Return at least which tests are flaky or broken by the newest runs of the SUT.

    Returns:
        The verdicts, none if the suite is very large; and the number of these runs if
        `insight verdicts` looks at more, else 0.
    """
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.analysis.values import BROKEN, FLAKY
    from pytest_insight.analyze.functions import verdicts
    from pytest_insight.analyze.scope import WINDOW_SECONDS

    tests = max(len(last.test_results), 1)
    count = min(MAX_RUNS, MAX_RESULTS // tests)
    if count < LEAST_RUNS:
        return Verdicts(()), 0
    filters = (SutIs(glob.escape(last.sut_name)), StartedWithin(WINDOW_SECONDS))
    asked = _Asked(Selection(filters, limit=count), storage)
    is_timed = count * tests <= MAX_TIMED
    found = verdicts(asked, durations=is_timed, only=() if is_timed else (FLAKY, BROKEN))
    are_more = len(storage.session_ids(Selection(filters, limit=count + 1))) > count
    return found, count if are_more else 0


class _Asked(NamedTuple):
    """A selection that `verdicts` takes: to import `Query` takes longer than to ask."""

    selection: Selection
    storage: BaseStorage

    def open_storage(self) -> BaseStorage:
        """Return the storage."""
        return self.storage


def _print_steps(steps: tuple[tuple[str, str], ...]) -> None:
    widest = max(len(command) for command, _ in steps)
    print_styled(styled(""))
    for command, what in steps:
        print_styled(styled(f"  {command:{widest}}  ", styled(what, style="dim")))
