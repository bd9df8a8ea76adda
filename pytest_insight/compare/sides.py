"""Choose the base and the head of a comparison: what was asked for, else the defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from glob import escape
from itertools import islice
from typing import TYPE_CHECKING

from pytest_insight._util.git import find_merge_base, find_revision, references_of
from pytest_insight._util.override import override
from pytest_insight._util.times import earlier
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analysis.runs import WINDOW as LONGEST_WINDOW
from pytest_insight.analyze.scope import named_sut
from pytest_insight.compare import files
from pytest_insight.compare.chosen_sessions import (
    MAX_SESSIONS,
    Chosen,
    composite,
    environments_of,
    newest_headers,
    run_of,
    selection_of,
)
from pytest_insight.compare.head_runs import MANY_RUNS, why_unfinished
from pytest_insight.compare.last_green import last_green
from pytest_insight.compare.merge_base import default_branch, named_branch, on_branch
from pytest_insight.compare.question import Question, RunName
from pytest_insight.compare.side_names import Filters, SideFinder
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    BranchIs,
    Selection,
    StartedBetween,
    SutIs,
    arguments,
)
from pytest_insight.filters.sessions import ci_run_id
from pytest_insight.models.text import duration_text
from pytest_insight.profiles.project import find_project
from pytest_insight.storage.session_names import sessions_back

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

WINDOW = "7d"
"""The head if windows are compared and no side is named."""


def choose(question: Question) -> tuple[Chosen, Chosen]:
    """Return the base and the head.

    Raises:
        InvalidArgumentError: a side means nothing.
        InsightError: see `Compare.execute`.
    """
    storage = question.open_storage()
    head = _Head(question, storage, _scope(question, storage)).choose()
    return _Base(question, storage, head).choose(), head


class _Head(SideFinder):
    """The side that is judged: one run."""

    def choose(self) -> Chosen:
        asked = self.question.head
        if isinstance(asked, RunName):
            return self._named_run(asked.name)
        if asked is None and self.question.windows:
            return self.named(WINDOW)
        if asked is None:
            last = self._last(self.filters)
            return self._whole_run("", last, self._check_is_of_checkout(last))
        return self.named(asked) if isinstance(asked, str) else self.of_query(asked)

    def _check_is_of_checkout(self, last: TestSession) -> str:
        """Return what is to be said if the last run is not of the commit that is checked out.

        The tests of this commit left no run, as when `conftest.py` cannot be imported.

        Raises:
            InvalidArgumentError: the last run is of the base, and the commit is not on it.
        """
        code, base = last.code_state, self.question.base
        current = find_revision("HEAD") if code is not None and code.commit else None
        if code is None or current is None or current.commit == code.commit:
            return ""
        here = f"{current.commit[:7]}, which is checked out"
        references = references_of(base) if isinstance(base, str) and code.branch == base else ()
        if references and find_merge_base(current.commit, references) not in ("", current.commit):
            raise InvalidArgumentError(
                f"the last run, {last.session_id}, is of {base}, which is the base: there is no "
                f"run of {here}; run the tests, or name a head"
            )
        is_of_here = find_revision(code.commit or "") is not None
        return f"the last run is not of {here}" if is_of_here else ""

    def _last(self, filters: Filters) -> TestSession:
        """Return the last session with results, or the last one if it failed to have any.

        One whose tests could not be run is not skipped: its code would pass for that of an older
        one. Outside CI, one that was to run no tests is: `-k` matched none.
        """
        for session in newest_headers(self.storage, filters, self.end):
            if why_unfinished(session) or ci_run_id(session) is not None:
                return session
            selection = selection_of([session])
            results = self.storage.count_results(selection)
            if results is None:  # it takes long, but not that of one session
                results = sum(len(s.test_results) for s in self.storage.iter_sessions(selection))
            if results:
                return session
        return self.header(self.finder(filters).find_id("last"))  # says what there is

    def _named_run(self, name: str) -> Chosen:
        filters = self.finder(self.filters).find_run(name)
        scope = self.filters if sessions_back(name) is not None else ()
        found = list(self.storage.iter_headers(Selection((*scope, *filters)), newest_first=True))
        if not found:
            raise InvalidArgumentError(f"the run {name!r} has no session")
        return Chosen(name, SideKind.RUN, self.storage, found)

    def _whole_run(self, name: str, session: TestSession, note: str) -> Chosen:
        found = run_of(self.storage, session)
        kind = SideKind.RUN if len(found) > 1 else SideKind.SESSION
        return Chosen(name, kind, self.storage, found, note)

    @override
    def composed(self, name: str, kind: SideKind, headers: list[TestSession], note: str) -> Chosen:
        if kind is SideKind.PROFILE:
            return Chosen(name, kind, self.storage, headers[:1], note, is_dated=False)
        return self._whole_run(name, headers[0], note)._replace(kind=kind)

    @override
    def of_branch(self, name: str) -> Chosen:
        of_branch = (*self.filters, BranchIs(escape(name)))
        if self.question.windows:
            since = earlier(datetime.now(UTC), LONGEST_WINDOW.total_seconds())
            found = self.headers(BranchIs(escape(name)), StartedBetween(since, self.end))
            if found:
                return Chosen(name, SideKind.BRANCH, self.storage, found)
        run = self._whole_run(name, self._last(of_branch), "")
        return run._replace(kind=SideKind.BRANCH)

    @override
    def of_file(self, name: str) -> Chosen:
        chosen = files.read_side(name, self.filters, self.storage, named_sut(self.filters))
        found = run_of(chosen.storage, chosen.newest, without_ci=True)
        return chosen._replace(sessions=found)


class _Base(SideFinder):
    """The side that is compared with: composite, unless it is one session or run."""

    def __init__(self, question: Question, storage: BaseStorage, head: Chosen) -> None:
        self._head = head
        given = question.selection.session_filters
        of_sut = () if _names_sut(given) else (SutIs(escape(head.newest.sut_name)),)
        super().__init__(question, storage, (*given, *of_sut))

    @property
    @override
    def end(self) -> datetime:
        """Spans of both sides that end now do not overlap: this one ends when the head's begins."""
        return earlier(self._head.sessions[-1].session_start_time, 1e-6)

    @property
    @override
    def before(self) -> str:
        start = self._head.sessions[-1].session_start_time
        return f" before the head, which begins at {start:%Y-%m-%d %H:%M} UTC"

    def choose(self) -> Chosen:
        asked = self.question.base
        if asked is None:
            found = self._before() if self.question.windows else self._default()
        else:
            found = self.named(asked) if isinstance(asked, str) else self.of_query(asked)
        if self.question.one_session:
            return found._replace(sessions=found.sessions[:1])
        if found.kind in (SideKind.SESSION, SideKind.RUN) or self.question.windows:
            return found
        sessions = composite(found.sessions, environments_of(self._head.sessions))
        return found._replace(sessions=sessions)

    def _before(self) -> Chosen:
        """Return the time before the head that is as long as the head."""
        begin = self._head.sessions[-1].session_start_time
        seconds = (self._head.newest.session_start_time - begin).total_seconds()
        if self._head.kind is SideKind.SPAN:
            seconds = arguments.span("side", self._head.name)
            begin = earlier(datetime.now(UTC), seconds)
        found = self.in_period(earlier(begin, seconds))
        if not found:
            raise InvalidArgumentError(
                f"no session is of the {duration_text(seconds)} before the head; name a base"
            )
        return Chosen("", SideKind.SPAN, self.storage, found, "as long as the head, before it")

    def _default(self) -> Chosen:
        """Return the merge base with the default branch, else the last green session."""
        heads = self._head.sessions
        branch = default_branch(self.storage, self.filters) if heads[0].code_state else None
        if branch is not None:
            found = on_branch(self.storage, self.filters, heads, branch)
            if found is not None:
                return found
        return last_green(self.storage, self.filters, heads, branch.name if branch else "")

    @override
    def of_branch(self, name: str) -> Chosen:
        found = on_branch(self.storage, self.filters, self._head.sessions, named_branch(name), name)
        if found is None:
            raise InvalidArgumentError(self._why_none(name))
        return found

    def _why_none(self, branch: str) -> str:
        """Return why no session of a branch can be the base."""
        head = self._head.newest
        if self._head.kind in MANY_RUNS:
            return f"the head has all sessions of {branch} until its end; name another base"
        of_branch = (*self.filters, BranchIs(escape(branch)))
        older = newest_headers(self.storage, of_branch, head.session_start_time)
        if any(each.session_id not in self._head.ids for each in older) or (
            head.code_state is not None and head.code_state.branch == branch
        ):
            return (
                f"no session of {branch} before {head.session_id} is of another commit; name "
                "another base"
            )
        return (
            f"no session of {branch} is older than the head, which is of "
            f"{head.session_start_time:%Y-%m-%d %H:%M} UTC; the base comes first: swap them"
        )

    @override
    def composed(self, name: str, kind: SideKind, headers: list[TestSession], note: str) -> Chosen:
        if kind is not SideKind.COMMIT:
            return Chosen(name, kind, self.storage, headers, note, is_dated=False)
        own, start = self._head.ids, self._head.newest.session_start_time
        headers = [each for each in headers if each.session_id not in own] or headers
        # A commit may be run again later, as every night.
        headers = [each for each in headers if each.session_start_time <= start] or headers
        newest = headers[0]
        branch = newest.code_state.branch if newest.code_state else None
        older: list[TestSession] = []
        if branch:  # for the tests that the sessions of the commit left out
            at = newest.session_start_time
            of_branch = (*self.filters, BranchIs(escape(branch)))
            known = {each.session_id for each in headers} | own
            older = [
                each
                for each in islice(newest_headers(self.storage, of_branch, at), MAX_SESSIONS)
                if each.session_id not in known
            ]
        return Chosen(name, kind, self.storage, headers + older, note)

    @override
    def of_file(self, name: str) -> Chosen:
        sut = self._head.newest.sut_name
        return files.read_side(name, self.filters, self.storage, sut)


def _scope(question: Question, storage: BaseStorage) -> Filters:
    """Return the filters of the head: those that were given, and the SUT of the project.

    The project does not count if the store has no session of it, or if a SUT or all were asked for.
    """
    given = question.selection.session_filters
    if question.all_projects or _names_sut(given):
        return given
    project = find_project()
    if project is None:
        return given
    of_project = SutIs(escape(project.sut_name))
    newest = storage.iter_headers(Selection(limit=1))  # needs no scan, and is mostly of the project
    last = next(newest, None)
    if last is None or last.sut_name == project.sut_name:
        return (*given, of_project) if last else given
    known = storage.session_ids(Selection((of_project,), limit=1))
    return (*given, of_project) if known else given


def _names_sut(filters: Filters) -> bool:
    return any(isinstance(each, SutIs) for each in filters)
