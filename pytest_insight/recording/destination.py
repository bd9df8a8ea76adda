"""Where a run's session is saved at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_insight.document.fast_writer import results_of, session_of
from pytest_insight.document.plain_json import plain_json
from pytest_insight.recording.journal.writer import JournalWriter
from pytest_insight.storage.choice import Reason, open_storage
from pytest_insight.storage.json.append import JSONStoreFile

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.recording.journal.parser import Journal
    from pytest_insight.storage.base import BaseStorage

LOCK_SECONDS = 3.0
"""How long the end of a run waits for a store that another process writes, before it leaves the
session in its journal."""


class Destination:
    """A storage that was chosen before the run.

    To a JSON store as we write it the journal's lines are added as they are. For all others they
    become records first: that imports what a run can do without (`entries`).

    Attributes:
        location: where it is, for people.
        target: the same for another process, should this one die; see `entries.Target`.
    """

    def __init__(self, profile: StorageProfile, reason: Reason) -> None:
        """Nothing is created or opened yet.

        Raises:
            UnknownChoiceError: there is no such storage type.
            StorageError: another distribution's cannot be loaded.
        """
        self.target = {"storage_type": profile.storage_type, "profile": profile.name}
        if profile.path is not None:
            self.target["file_path"] = str(profile.path)
        elif profile.url is not None:
            from pytest_insight.profiles.urls import without_password  # not for a file

            self.target["file_path"] = without_password(profile.url)
        self._storage: BaseStorage | None = None
        self._file: JSONStoreFile | None = None
        if profile.storage_type == "json" and profile.path is not None:
            self.location = str(profile.path)
            self._file = JSONStoreFile(profile.path, LOCK_SECONDS)
            if self._file.can_be_added_to():
                return
            self._as_storage()
        else:
            self._storage = open_storage(profile, reason).waiting(LOCK_SECONDS)
            self.location = self._storage.location
        # Imported now: tests may put something else in the place of datetime, and leave it there.
        _parser()

    def save(self, journal: JournalWriter, fields: dict[str, Any], ending: dict[str, Any]) -> int:
        """End the journal and save its session; returns how many results that has.

        Args:
            journal: its first line says the same as `fields`.
            fields: the session's own.
            ending: those that are only known now.

        Raises:
            InsightError: it cannot be saved.
        """
        lines = journal.end(plain_json(ending))
        if self._file is not None:
            results = results_of(lines)
            if journal.is_whole(results):
                data = session_of(fields | ending, results, lines)
                with self._file.write_lock():
                    if self._file.add(data):
                        return journal.results
        session = _parser()(lines).session
        with self._as_storage() as storage:
            storage.save_session(session)
        return len(session.test_results)

    def _as_storage(self) -> BaseStorage:
        if self._storage is None:
            from pytest_insight.storage.json.storage import JSONStorage

            self._storage = JSONStorage(self.location, lock_seconds=LOCK_SECONDS)
        return self._storage


def _parser() -> Callable[[bytes], Journal]:
    from pytest_insight.recording.journal.parser import parse

    return parse
