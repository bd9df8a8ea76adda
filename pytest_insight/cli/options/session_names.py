"""Names of sessions and runs on the command line: an ID, its beginning or end, `last`, `last~1`."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight._util.storable import storable_text
from pytest_insight.cli.options.project import ALL, Scope
from pytest_insight.cli.render.short_ids import has_short_id
from pytest_insight.errors import NEAR, StorageError
from pytest_insight.filters import (
    ANY_TIME,
    HasTest,
    InRun,
    Selection,
    SessionFilter,
    all_match,
    same_run,
)

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage

_LAST = re.compile(r"last(?:~(\d{1,9}))?")
_WILDCARD = re.compile(r"[*?[]")


def is_last(name: str) -> bool:
    """Return whether a name counts from the newest session, as `last` and `last~1` do."""
    return _LAST.fullmatch(name) is not None


def session_patterns(
    storage: BaseStorage, names: Sequence[str], selection: Selection | None = None
) -> list[str]:
    """Return a pattern for each name: wildcards as they are, else one that matches one ID only.

    Args:
        storage: the storage that has the sessions.
        names: as given on the command line.
        selection: the sessions among which `last` is the newest; None for all.

    Raises:
        StorageError: a name without wildcards means no session, or more than one.
    """
    return _Finder(storage, selection or Selection()).patterns(names)


def find_ids(storage: BaseStorage, names: Sequence[str]) -> list[str]:
    """Return the IDs of the sessions that the names mean, by start time.

    Raises:
        StorageError: a name without wildcards means no session, or more than one; or all names
            have wildcards and nothing matches.
    """
    from pytest_insight.filters import SessionIdMatches

    finder = _Finder(storage, Selection())
    if not any(_WILDCARD.search(name) for name in names):
        return list(dict.fromkeys(finder.find_id(name) for name in names))
    patterns = SessionIdMatches(tuple(finder.patterns(names)))
    ids = storage.session_ids(Selection((patterns,)))
    if not ids:
        raise StorageError(
            f"no session in {storage.location} matches {', '.join(names)}; "
            "list them with: insight sessions list",
            storage.location,
        )
    return ids


def find_session(storage: BaseStorage, name: str, scope: Scope = ALL) -> TestSession:
    """Return the session that a name means.

    Args:
        storage: the storage that has the session.
        name: as given on the command line.
        scope: the SUT in which `last` is the newest session.

    Raises:
        StorageError: no session or several have that name; the message suggests near ones.
    """
    selection = scope.selection
    finder = _Finder(storage, selection)
    if name == "last":  # the usual name: needs no scan
        last = scope.newest or storage.get_last_session()
        if last is not None and all_match(selection.session_filters, last):
            return last
    found = storage.get_session_by_id(finder.find_id(name))
    if found is None:  # deleted since
        raise finder.unknown(name)
    return found


def find_run(storage: BaseStorage, name: str, selection: Selection) -> tuple[SessionFilter, ...]:
    """Return the filters that keep the sessions of the run that a name means.

    Args:
        storage: the storage that has the sessions.
        name: the ID of a CI run, the ID or ID prefix of a session of the run, `last` or `last~1`.
        selection: the sessions among which `last` is the newest.

    Raises:
        StorageError: there is no such run.
    """
    finder = _Finder(storage, selection)
    last = _LAST.fullmatch(name)
    if last:
        return finder.run_from_the_end(int(last[1] or 0))
    by_id = InRun(storable_text(name))
    if storage.session_ids(Selection((by_id,), limit=1)):
        return (by_id,)
    found = storage.get_session_by_id(finder.find_id(name, "CI run or session"))
    if found is None:  # deleted since
        raise finder.unknown(name, "CI run or session")
    return same_run(found)


class _Finder:
    """Finds IDs in a storage; lists its sessions at most once, which takes a while if many.

    `last` and `last~1` always count from the end, even if a session has that ID. Sessions without
    results do not count: a run of nothing (`-k typo`) must not hide the failures before it. Nor do
    those that are dated in the future.
    """

    def __init__(self, storage: BaseStorage, selection: Selection) -> None:
        self._storage = storage
        self._selection = selection
        self._where = storage.location

    @cached_property
    def ids(self) -> list[str]:
        """All IDs, by start time."""
        return self._storage.session_ids()

    def patterns(self, names: Sequence[str]) -> list[str]:
        """Return a pattern for each name; see `session_patterns`."""
        return [
            name
            if _WILDCARD.search(name) and name not in self.ids  # an ID may contain any character
            else glob.escape(self.find_id(name))
            for name in names
        ]

    def find_id(self, name: str, what: str = "session") -> str:
        """Return the ID that a name means; `last` counts in the selection only."""
        last = _LAST.fullmatch(name)
        if last:
            return self._from_the_end(int(last[1] or 0))
        if name in self.ids:
            return name
        matching = [known for known in self.ids if known.startswith(name)]
        matching = matching or [known for known in self.ids if has_short_id(known, name)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise StorageError(
                f"{name!r} is ambiguous ({len(matching)} sessions in {self._where}); give more "
                f"characters, as in {matching[-1]}",
                self._where,
            )
        raise self.unknown(name, what)

    def run_from_the_end(self, back: int) -> tuple[SessionFilter, ...]:
        """Return the filters of the newest run in the selection, or of one before it."""
        # The newest session of a JSON store is found without a scan.
        newest = self._storage.iter_sessions(replace(self._selection, limit=1))
        dated = replace(
            self._selection, session_filters=(*self._selection.session_filters, ANY_TIME)
        )
        others = self._storage.iter_sessions(dated, newest_first=True)
        runs: list[tuple[SessionFilter, ...]] = []
        for session in chain(newest, others):
            if session.test_results and not any(all_match(run, session) for run in runs):
                runs.append(same_run(session, is_newest=True))
                if len(runs) > back:
                    return runs[back]
        raise self._too_few(back, len(runs), "run")

    def _from_the_end(self, back: int) -> str:
        limit = self._selection.limit
        few = back + 1 if limit is None else min(back + 1, limit)
        filters = (*self._selection.session_filters, HasTest(()))  # with a result at all
        selection = replace(self._selection, session_filters=filters, limit=few)
        selected = self._storage.session_ids(selection)
        if back < len(selected):
            return selected[-1 - back]
        raise self._too_few(back, len(selected), "session")

    def _too_few(self, back: int, count: int, what: str) -> StorageError:
        where = self._where
        if count:
            there = f"{count} {what}s match" if count > 1 else f"1 {what} matches"
            return StorageError(f"there is no last~{back} in {where}: only {there}", where)
        if self.ids:
            if not self._storage.session_ids(self._selection):
                return StorageError(self._nothing_found(), where)
            return StorageError(
                f"no session with results in {where} matches, so there is no last one", where
            )
        return StorageError(
            f"no sessions yet in {where}: record a run with pytest --insight", where
        )

    def _nothing_found(self) -> str:
        from pytest_insight.cli.render.absence import nothing_found
        from pytest_insight.query import Query

        return nothing_found(Query(self._selection, storage=self._storage))

    def unknown(self, name: str, what: str = "session") -> StorageError:
        """Return the error for a name that nothing has."""
        import difflib  # only needed for an error

        near = difflib.get_close_matches(
            name, ("last", *self.ids) if self.ids else (), n=3, cutoff=NEAR
        )
        hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
        return StorageError(f"no {what} {name!r} in {self._where}; {hint}", self._where)
