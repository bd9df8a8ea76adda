"""What reading a file from outside gives: its sessions, and all that is wrong with the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.quotes import shown
from pytest_insight.models import TestSession

MOST_KEPT = 10_000
"""Problems of one file that are kept with their places; further ones are counted."""
MOST_COUNTED = 1_000_000
"""Problems after which a file is given up: it is none of sessions, or made to keep us busy."""
MOST_NAMES = 1_000
"""Names of fields that are not kept; further ones are counted together."""
OTHER_NAMES = "others"


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with one session of a file.

    Attributes:
        session_index: the session's position in the file, from 0; None where it has none.
        place: where, as the file's reader would say it: `sessions[3].test_results[0].duration`,
            `row 7, column outcome`.
        message: what is wrong there.
        session_id: the session's ID where it could be read.
    """

    session_index: int | None
    place: str
    message: str
    session_id: str | None = None

    def __str__(self) -> str:
        named = f" (session {shown(self.session_id)})" if self.session_id else ""
        return f"{self.place}: {self.message}{named}"


class Parsed(msgspec.Struct):
    """The content of one file.

    Attributes:
        source: the file's name, for messages.
        total: sessions in the file, valid or not.
        sessions: the valid ones, in the file's order, each as `document.checked` returns it.
        problems: what is wrong with the others, the first `MOST_KEPT` of it; empty for a file that
            is valid as a whole.
        problem_count: how much is wrong with them.
        ignored: fields that we do not know and therefore do not keep, with how often they occurred.
    """

    source: str = ""
    total: int = 0
    sessions: list[TestSession] = []
    problems: list[Problem] = []
    problem_count: int = 0
    ignored: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def invalid(self) -> int:
        """How many sessions of the file are not valid."""
        return self.total - len(self.sessions)

    @property
    def room(self) -> int:
        """How many more problems are kept."""
        return MOST_KEPT - len(self.problems)

    def add_problems(self, problems: Iterable[Problem], more: int = 0) -> None:
        """Keep problems as long as there is room.

        Args:
            problems: in words.
            more: how many there are besides.

        Raises:
            ExchangeError: there are more than `MOST_COUNTED` by now.
        """
        for problem in problems:
            more += 1
            if self.room > 0:
                self.problems.append(problem)
        self.problem_count += more
        if self.problem_count > MOST_COUNTED:
            first = f"; the first: {self.problems[0]}" if self.problems else ""
            raise ExchangeError(
                f"{self.source} has more than {MOST_COUNTED:,} problems, so it was not read to its "
                f"end, and nothing was imported{first}",
                self.source,
            )

    def add_ignored(self, names: Mapping[str, int]) -> None:
        """Count fields that are not kept."""
        for name, times in names.items():
            known = name in self.ignored or len(self.ignored) < MOST_NAMES
            self.ignored[name if known else OTHER_NAMES] += times
