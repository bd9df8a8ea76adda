"""What was read of a file: its valid sessions, and what was wrong, ignored or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import FileReport, ForeignReport
from pytest_insight.exchange.losses import FoundLoss
from pytest_insight.exchange.quotes import quote_value
from pytest_insight.limits import MAX_IGNORED_NAMES, MAX_PROBLEMS, MAX_PROBLEMS_KEPT
from pytest_insight.models import TestSession

OTHER_NAMES = "others"
"""Under this name fields beyond `MAX_IGNORED_NAMES` are counted."""


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
