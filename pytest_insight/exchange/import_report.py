"""The content of a file that was read, the problems in it, and the report of an import."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from pytest_insight._util.storable import storable_text
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import FileReport, ForeignReport
from pytest_insight.exchange.losses import FoundLoss
from pytest_insight.limits import (
    MAX_IGNORED_NAMES,
    MAX_PROBLEMS,
    MAX_PROBLEMS_KEPT,
    MAX_TEXT_SHOWN,
)
from pytest_insight.models import TestSession

OTHER_NAMES = "others"
"""Under this name fields beyond `MAX_IGNORED_NAMES` are counted."""

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = MAX_TEXT_SHOWN


class Problem(msgspec.Struct, frozen=True):
    """One error in one session of a file.

    Attributes:
        session_index: the session's position in the file, from 0; None if it has no position.
        place: where, in terms of the format: `sessions[3].test_results[0].duration`,
            `row 7, column outcome`.
        message: what is wrong there.
        session_id: the session's ID, if it could be read.
    """

    session_index: int | None
    place: str
    message: str
    session_id: str | None = None

    def __str__(self) -> str:
        named = f" (session {quote_value(self.session_id)})" if self.session_id else ""
        return f"{self.place}: {self.message}{named}"


class FileContent(msgspec.Struct):
    """The sessions of one file, and every problem with the rest.

    Attributes:
        source: the file's name, for messages.
        total: number of sessions in the file, valid or not.
        sessions: the valid ones in the file's order, each as `document.codec.checked` returns it.
        problems: the first `MAX_PROBLEMS_KEPT` problems; empty if every session is valid.
        problem_count: number of problems.
        ignored: names of unknown fields, which are not kept, with the number of occurrences.
        foreign: the file if another program wrote it; its sessions are drafts at first.
        files: what each file of another program held; several if they were folded.
        losses: what such files did not say, by session ID.
    """

    source: str = ""
    total: int = 0
    sessions: list[TestSession] = []
    problems: list[Problem] = []
    problem_count: int = 0
    ignored: Counter[str] = msgspec.field(default_factory=Counter)
    foreign: ForeignReport | None = None
    files: tuple[FileReport, ...] = ()
    losses: dict[str, tuple[FoundLoss, ...]] = {}

    @property
    def invalid(self) -> int:
        """Number of sessions that are not valid."""
        return self.total - len(self.sessions)

    @property
    def room(self) -> int:
        """Number of further problems that would be kept."""
        return MAX_PROBLEMS_KEPT - len(self.problems)

    def add_problems(self, problems: Iterable[Problem], more: int = 0) -> None:
        """Count problems, and keep them as long as there is room.

        Args:
            problems: the problems.
            more: number of further problems that are only counted.

        Raises:
            ExchangeError: the file has more than `MAX_PROBLEMS` problems.
        """
        for problem in problems:
            more += 1
            if self.room > 0:
                self.problems.append(problem)
        self.problem_count += more
        if self.problem_count > MAX_PROBLEMS:
            first = f"; the first: {self.problems[0]}" if self.problems else ""
            raise ExchangeError(
                f"{self.source} has more than {MAX_PROBLEMS:,} problems; reading it was stopped "
                f"and nothing was imported{first}",
                self.source,
            )

    def add_ignored(self, names: Mapping[str, int]) -> None:
        """Count unknown fields."""
        for name, times in names.items():
            known = name in self.ignored or len(self.ignored) < MAX_IGNORED_NAMES
            self.ignored[name if known else OTHER_NAMES] += times


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


def quote_value(value: object) -> str:
    """Return a value from a file for a message: short, printable, on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return _REPR.repr(value)


def quote_name(name: str) -> str:
    """Return a field's name for a message: quoted only if it is long or not printable."""
    is_plain = name.isprintable() and 0 < len(name) <= MAX_TEXT_SHOWN
    return name if is_plain else quote_value(storable_text(name))
