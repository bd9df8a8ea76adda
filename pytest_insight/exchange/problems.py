"""What reading a file from outside gives: its sessions, and all that is wrong with the rest."""

from __future__ import annotations

from collections import Counter

import msgspec

from pytest_insight.exchange.text import shown
from pytest_insight.models import TestSession


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
        total: sessions in the file, valid or not.
        sessions: the valid ones, in the file's order, each as `document.checked` returns it.
        problems: everything wrong with the others; empty for a file that is valid as a whole.
        ignored: fields that we do not know and therefore do not keep, with how often they occurred.
    """

    total: int = 0
    sessions: list[TestSession] = []
    problems: list[Problem] = []
    ignored: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def invalid(self) -> int:
        """How many sessions of the file are not valid."""
        return self.total - len(self.sessions)
