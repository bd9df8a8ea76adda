"""End the journal of a run, and save its session in the storage that was chosen at its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_insight.document.fast_writer import encode_value, result_lines, session_document
from pytest_insight.recording.journal.writer import JournalWriter
from pytest_insight.storage.choice import Reason, open_storage
from pytest_insight.storage.json.append import JSONStoreFile

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile
    from pytest_insight.recording.journal.parser import Journal
    from pytest_insight.storage.base import BaseStorage

LOCK_SECONDS = 3.0
"""How long the end of a run waits for another writer; then the session stays in its journal."""


class Destination:
    """Saves the session of one run.

    A JSON store in our layout gets the lines of the journal as they are. Any other storage gets
    records; decoding them imports modules that most runs do not need.

    Attributes:
        location: the path or URL of the store, for people.
    """

    def __init__(self, profile: StorageProfile, reason: Reason) -> None:
        """Create and open nothing yet.

        Raises:
            UnknownChoiceError: there is no such storage type.
            StorageError: a storage type of another distribution cannot be loaded.
        """
        self._storage: BaseStorage | None = None
        self._file: JSONStoreFile | None = None
        if profile.storage_type == "json" and profile.path is not None:
            self.location = str(profile.path)
            self._file = JSONStoreFile(profile.path, LOCK_SECONDS)
            if self._file.looks_appendable():
                return
            self.storage()
        else:
            self._storage = open_storage(profile, reason).with_lock_timeout(LOCK_SECONDS)
            self.location = self._storage.location
        _import_parser()  # now: tests may replace `datetime` and not restore it

    def check_writable(self) -> None:
        """Raise InsightError if it is known that the session cannot be saved."""
        (self._file or self.storage()).check_writable()

    def save(
        self, journal: JournalWriter, fields: dict[str, Any], ending: dict[str, Any]
    ) -> tuple[str, int]:
        """End the journal and save its session; return its ID and the number of its results.

        Args:
            journal: its first line has the same `fields`.
            fields: the session without its results, as known at the start.
            ending: the fields that are known only at the end.

        Raises:
            InsightError: the session cannot be saved.
        """
        lines = journal.end(encode_value(ending))
        if self._file is not None:
            results = result_lines(lines)
            if journal.is_whole(results):
                data = session_document(fields | ending, results, lines)
                with self._file.write_lock():
                    if self._file.add([data], recorded=True):
                        return fields["session_id"], journal.results
        session = _import_parser()(lines).session
        from pytest_insight.storage.recorded import save_recorded

        with self.storage() as storage:
            return save_recorded(storage, session), len(session.test_results)

    def storage(self) -> BaseStorage:
        """Return the storage, which imports modules that most runs do not need."""
        if self._storage is None:
            from pytest_insight.storage.json.storage import JSONStorage

            self._storage = JSONStorage(self.location, lock_seconds=LOCK_SECONDS)
        return self._storage


def _import_parser() -> Callable[[bytes], Journal]:
    from pytest_insight.recording.journal.parser import parse

    return parse
