"""Names of sessions: an ID, its beginning or end, `last`, `last~1`."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import chain

from msgspec.structs import replace

from pytest_insight._util.storable import storable_text
from pytest_insight._util.wildcards import has_wildcard
from pytest_insight.errors import StorageError, near_names
from pytest_insight.filters import (
    ANY_TIME,
    HasTest,
    InRun,
    Selection,
    SessionFilter,
    all_match,
    same_run,
)
from pytest_insight.storage.reader import SessionReader

LEAST_TYPED = 4
"""The fewest characters that find a session by the end of its ID."""

_LAST = re.compile(r"last(?:~(\d{1,9}))?")


def sessions_back(name: str) -> int | None:
    """Return how many sessions before the newest one `last` or `last~1` means; None for others."""
    last = _LAST.fullmatch(name)
    return None if last is None else int(last[1] or 0)


def has_short_id(session_id: str, name: str) -> bool:
    """Return whether a name is the end of an ID, from after a hyphen."""
    return len(name) >= LEAST_TYPED and session_id.endswith(f"-{name}")


class SessionFinder:
    """Finds IDs in a storage; lists its sessions at most once, which takes a while if many.

    `last` and `last~1` always count from the end, even if a session has that ID. Sessions without
    results do not count: a run of nothing (`-k typo`) must not hide the failures before it. Nor do
    those that are dated in the future.
    """

    def __init__(
        self,
        storage: SessionReader,
        where: str,
        selection: Selection,
        explain_nothing: Callable[[], str] | None = None,
    ) -> None:
        """Find nothing yet.

        Args:
            storage: has the sessions.
            where: its location, for messages.
            selection: the sessions among which `last` is the newest.
            explain_nothing: returns why the selection has no session.
        """
        self._storage = storage
        self._selection = selection
        self._where = where
        self._explain_nothing = explain_nothing

    @cached_property
    def ids(self) -> list[str]:
        """All IDs, by start time."""
        return self._storage.session_ids()

    def patterns(self, names: Sequence[str]) -> list[str]:
        """Return a pattern for each name; see `session_patterns`."""
        return [
            name
            if has_wildcard(name) and name not in self.ids  # an ID may contain any character
            else glob.escape(self.find_id(name))
            for name in names
        ]

    def find_id(self, name: str, what: str = "session") -> str:
        """Return the ID that a name means; `last` counts in the selection only."""
        back = sessions_back(name)
        if back is not None:
            return self._from_the_end(back)
        matching = self.matching(name)
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise StorageError(
                f"{name!r} is ambiguous ({len(matching)} sessions in {self._where}); give more "
                f"characters, as in {matching[-1]}",
                self._where,
            )
        raise self.unknown(name, what)

    def matching(self, name: str) -> list[str]:
        """Return the ID that is equal to a name, else those that begin with it, else end so."""
        if name in self.ids:
            return [name]
        found = [known for known in self.ids if known.startswith(name)]
        return found or [known for known in self.ids if has_short_id(known, name)]

    def find_run(self, name: str) -> tuple[SessionFilter, ...]:
        """Return the filters that keep the sessions of the run that a name means.

        Args:
            name: the ID of a CI run, the ID, its beginning or end of a session of the run, `last`
                or `last~1`.

        Raises:
            StorageError: there is no such run.
        """
        back = sessions_back(name)
        if back is not None:
            return self._run_from_the_end(back)
        by_id = InRun(storable_text(name))
        if self._storage.session_ids(Selection((by_id,), limit=1)):
            return (by_id,)
        found = self._storage.get_session_by_id(self.find_id(name, "CI run or session"))
        if found is None:  # deleted since
            raise self.unknown(name, "CI run or session")
        return same_run(found)

    def _run_from_the_end(self, back: int) -> tuple[SessionFilter, ...]:
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
            if self._explain_nothing and not self._storage.session_ids(self._selection):
                return StorageError(self._explain_nothing(), where)
            return StorageError(
                f"no session with results in {where} matches, so there is no last one", where
            )
        return StorageError(
            f"no sessions yet in {where}: record a run with pytest --insight", where
        )

    def unknown(self, name: str, what: str = "session") -> StorageError:
        """Return the error for a name that nothing has."""
        near = near_names(name, ("last", *self.ids) if self.ids else ())
        hint = f"did you mean {' or '.join(near)}?" if near else "see: insight sessions list"
        return StorageError(f"no {what} {name!r} in {self._where}; {hint}", self._where)
