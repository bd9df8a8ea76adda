"""The report of an import: what was done with each session of a file."""

from __future__ import annotations

from typing import Literal

import msgspec

from pytest_insight.exchange.draft import FileReport
from pytest_insight.exchange.file_content import Problem
from pytest_insight.exchange.losses import FoundLoss

ImportStatus = Literal["added", "identical", "replaced", "renamed", "skipped"]


class ImportEntry(msgspec.Struct, frozen=True):
    """What an import did with one valid session.

    Attributes:
        session_id: the session's ID in the file.
        status: "added"; "identical" (the store has an equal session, nothing was written);
            "replaced" (the session in the store was replaced); "renamed" (added under a new ID);
            "skipped" (the store has a different session with this ID).
        new_id: the new ID if it was renamed.
        losses: what the file of another program did not say of it.
        other_id: the ID of another session of the same run: the one that was replaced, or because
            of which this one was skipped; else empty.
    """

    session_id: str
    status: ImportStatus
    new_id: str | None = None
    losses: tuple[FoundLoss, ...] = ()
    other_id: str = ""


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did. Imported, skipped, replaced, renamed and invalid add up to the total.

    Attributes:
        total: number of sessions in the file.
        imported: added under their own ID.
        skipped: left out because the ID is already in the store.
        replaced: put in the place of the session in the store.
        renamed: added under a new ID because theirs is already in the store.
        invalid: left out by `skip_invalid`.
        identical: how many of the skipped and replaced ones equal the session in the store.
        new_ids: for the renamed ones, pairs of the ID in the file and the ID in the store.
        problems: problems of the invalid ones, the first 10,000.
        problem_count: number of problems of the invalid ones.
        ignored: names of unknown fields, which are not kept, with the number of occurrences.
        entries: what was done with each valid session, in the file's order.
        files: what the files of other programs held, and what they did not say.
        source: the file, or the files, for messages.
        repeated: how many of its added sessions record a run that another added one records, too;
            of several files imported at once, the first report has it for all of them.
    """

    total: int = 0
    imported: int = 0
    skipped: int = 0
    replaced: int = 0
    renamed: int = 0
    invalid: int = 0
    identical: int = 0
    new_ids: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    ignored: dict[str, int] = {}
    entries: tuple[ImportEntry, ...] = ()
    files: tuple[FileReport, ...] = ()
    source: str = ""
    repeated: int = 0

    @property
    def changed(self) -> bool:
        """Whether the import changed the store."""
        return any(entry.status not in ("identical", "skipped") for entry in self.entries)
