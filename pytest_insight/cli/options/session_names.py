"""Names of sessions and runs on the command line: an ID, its beginning or end, `last`, `last~1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_insight._util.wildcards import has_wildcard
from pytest_insight.cli.options.project import ALL, Scope
from pytest_insight.errors import StorageError
from pytest_insight.filters import Selection, SessionFilter, all_match
from pytest_insight.storage.session_names import SessionFinder, sessions_back

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage


def is_last(name: str) -> bool:
    """Return whether a name counts from the newest session, as `last` and `last~1` do."""
    return sessions_back(name) is not None


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
    return _finder(storage, selection or Selection()).patterns(names)


def find_ids(storage: BaseStorage, names: Sequence[str]) -> list[str]:
    """Return the IDs of the sessions that the names mean, by start time.

    Raises:
        StorageError: a name without wildcards means no session, or more than one; or all names
            have wildcards and nothing matches.
    """
    from pytest_insight.filters import SessionIdMatches

    finder = _finder(storage, Selection())
    if not any(map(has_wildcard, names)):
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
    finder = _finder(storage, selection)
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
    return _finder(storage, selection).find_run(name)


def _finder(storage: BaseStorage, selection: Selection) -> SessionFinder:
    def explain_nothing() -> str:
        from pytest_insight.cli.render.nothing_found import nothing_found
        from pytest_insight.query import Query

        return nothing_found(Query(selection, storage=storage))

    return SessionFinder(storage, storage.location, selection, explain_nothing)
