"""The sessions that the name of a side means: a branch, a commit, a session, a time, a file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from glob import escape
from itertools import islice
from typing import TYPE_CHECKING

from pytest_insight._util.git import find_revision, first_parents
from pytest_insight._util.times import earlier
from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.analyze.scope import named_sut
from pytest_insight.compare import files
from pytest_insight.compare.chosen_sessions import (
    MAX_SESSIONS,
    Chosen,
    newest_headers,
)
from pytest_insight.compare.question import Question
from pytest_insight.compare.unknown_side import unknown_side
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import (
    BranchIs,
    CommitIs,
    InRun,
    Selection,
    SessionFilter,
    SessionIdIn,
    StartedBetween,
    SutIs,
    arguments,
)
from pytest_insight.filters.sessions import latest_start
from pytest_insight.models.text import plural
from pytest_insight.storage.session_names import SessionFinder, sessions_back

if TYPE_CHECKING:
    from pytest_insight.analyze.scope import Asked
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

Filters = tuple[SessionFilter, ...]

_HASH = re.compile(r"[0-9a-fA-F]{4,64}")


class SideFinder:
    """Finds what the names of both sides stand for.

    Attributes:
        question: what is compared.
        storage: that is asked.
        filters: which sessions count.
    """

    def __init__(self, question: Question, storage: BaseStorage, filters: Filters) -> None:
        """Find nothing yet."""
        self.question = question
        self.storage = storage
        self.filters = filters

    def named(self, name: str) -> Chosen:
        """Return the side that a text means.

        Raises:
            InvalidArgumentError: it means nothing.
            StorageError: it is the beginning of the IDs of several sessions, and nothing else.
        """
        for find in (
            self._back,
            self._span,
            self._branch,
            self._file,
            self._session,
            self._run,
            self._commit,
            self._revision,
            self._profile,
        ):
            found = find(name)
            if found is not None:
                return found
        if self.finder(()).matching(name):
            self.finder(()).find_id(name)  # raises: it is ambiguous
        raise unknown_side(self.storage, self.filters, name)

    def of_query(self, query: Asked) -> Chosen:
        """Return the sessions of a query."""
        storage = query.open_storage()
        selection = query.selection
        selection = Selection(
            (*selection.session_filters, *self.question.selection.session_filters),
            limit=selection.limit,
        )
        found = list(islice(storage.iter_headers(selection, newest_first=True), self.most))
        if not found:
            raise InvalidArgumentError(f"no session is selected by {query!r}")
        return Chosen("", SideKind.QUERY, storage, found)

    @property
    def most(self) -> int | None:
        """How many sessions of a side are looked at; None for all."""
        return None if self.question.windows else MAX_SESSIONS

    def composed(self, name: str, kind: SideKind, headers: list[TestSession], note: str) -> Chosen:
        """Return the side that consists of sessions of a branch, a commit or a profile."""
        raise NotImplementedError

    def header(self, session_id: str) -> TestSession:
        """Return a session that exists, without results."""
        selection = Selection((SessionIdIn(frozenset((session_id,))),))
        return next(self.storage.iter_headers(selection))

    def finder(self, filters: Filters) -> SessionFinder:
        """Return what finds sessions by name, `last` among those that filters keep."""
        return SessionFinder(self.storage, self.storage.location, Selection(filters))

    def headers(self, *more: SessionFilter) -> list[TestSession]:
        """Return the newest sessions that further filters keep, without results."""
        found = self.storage.iter_headers(Selection((*self.filters, *more)), newest_first=True)
        return list(islice(found, None if self.question.windows else MAX_SESSIONS * 10))

    @property
    def kept(self) -> str:
        """Which sessions the filters keep, for people; empty if they keep all."""
        sut = named_sut(self.filters)
        is_narrow = not all(isinstance(each, SutIs) for each in self.filters)
        options = " with these times and tags" if is_narrow else ""
        return (f" of {sut}" if sut else "") + options

    # Each returns None if the name means nothing of its kind.

    def _back(self, name: str) -> Chosen | None:
        if sessions_back(name) is None:
            return None
        found = self.finder(self.filters).find_id(name)
        return Chosen(name, SideKind.SESSION, self.storage, [self.header(found)])

    def _span(self, name: str) -> Chosen | None:
        try:
            seconds = arguments.span("side", name)
        except InvalidArgumentError:
            return None
        since = earlier(datetime.now(UTC), seconds)
        found = self.in_period(since)
        if not found:
            raise InvalidArgumentError(
                f"no session{self.kept} in {self.storage.location} is from the last "
                f"{name}{self.before}"
            )
        return Chosen(name, SideKind.SPAN, self.storage, found, is_dated=False)

    def in_period(self, since: datetime) -> list[TestSession]:
        """Return the sessions of a period that ends now, newest first."""
        period = StartedBetween(since, self.end)
        found = self.storage.iter_headers(Selection((*self.filters, period)), newest_first=True)
        return list(islice(found, self.most))

    @property
    def end(self) -> datetime:
        """The latest start of a session that counts."""
        return latest_start(datetime.now(UTC))

    @property
    def before(self) -> str:
        """What `end` is, for people; empty if it is now."""
        return ""

    def _branch(self, name: str) -> Chosen | None:
        of_branch = Selection((*self.filters, BranchIs(escape(name))), limit=1)
        return self.of_branch(name) if self.storage.session_ids(of_branch) else None

    def of_branch(self, name: str) -> Chosen:
        """Return the side that a branch with sessions means."""
        raise NotImplementedError

    def _file(self, name: str) -> Chosen | None:
        return self.of_file(name) if files.is_file(name) else None

    def of_file(self, name: str) -> Chosen:
        """Return the side that a file means."""
        raise NotImplementedError

    def _session(self, name: str) -> Chosen | None:
        found = self.finder(()).matching(name)
        if len(found) != 1:
            return None
        return Chosen(name, SideKind.SESSION, self.storage, [self.header(found[0])])

    def _run(self, name: str) -> Chosen | None:
        found = self.headers(InRun(name))
        return Chosen(name, SideKind.RUN, self.storage, found) if found else None

    def _commit(self, name: str) -> Chosen | None:
        found = self.headers(CommitIs(name)) if _HASH.fullmatch(name) else []
        if not found:
            return None
        commits = {(each.code_state and each.code_state.commit) or "" for each in found}
        if len(commits) > 1:
            raise InvalidArgumentError(
                f"{name!r} is ambiguous ({len(commits)} commits); give more digits"
            )
        return self.composed(name, SideKind.COMMIT, found, "")

    def _revision(self, name: str) -> Chosen | None:
        revision = find_revision(name)
        if revision is None:
            return None
        for number, commit in enumerate(first_parents(revision.commit)):
            found = self.headers(CommitIs(commit))
            if found:
                note = f"no session of {revision.commit[:7]}: the nearest is {number} before it"
                note = note.replace(f" {number} ", f" {plural(number, 'commit')} ")
                return self.composed(name, SideKind.COMMIT, found, note if number else "")
        raise InvalidArgumentError(
            f"no session of {name!r} ({revision.commit[:7]}), nor of a commit before it, is "
            f"among those{self.kept} in {self.storage.location}"
        )

    def _profile(self, name: str) -> Chosen | None:
        from pytest_insight.storage.functions import get_storage_instance, list_profiles

        if name not in list_profiles():
            return None
        storage = get_storage_instance(profile_name=name)
        found = list(
            islice(
                newest_headers(storage, self.filters, latest_start(datetime.now(UTC))),
                MAX_SESSIONS,
            )
        )
        if not found:
            raise InvalidArgumentError(f"the profile {name!r} has no session to compare")
        return self.composed(name, SideKind.PROFILE, found, "")._replace(storage=storage)
